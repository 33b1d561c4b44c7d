"""What an error of the server means: try again, or tell the user what to do."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from policies.errors import PoliciesError
from policies.openai.errors import ContextExceeded, Refused, Transient
from policies.openai.secret import Secret

TRY_AGAIN: Final = frozenset({408, 409, 425, 429})
"""Statuses below 500 that may pass."""

REMEDIES: Final = {
    400: "correct the policy's options (max_tokens, extra_body; send_seed=false or stream=false for older servers)",
    401: "put a valid key into the environment variable {key}",
    402: "top up the account",
    403: "use a key ({key}) that may ask this model",
    404: "check the options model and base_url, which ends with /v1 for most servers",
}
"""What to do about a status."""

ELSE: Final = "check the options base_url and model, and the server's log"

_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|context (?:length|window|size)|prompt is too long"
    r"|maximum (?:number of )?(?:input )?tokens|input is too long",
    re.IGNORECASE,
)


def read_failure(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: Secret, where: str, key_name: str
) -> PoliciesError:
    """Returns the error for an answer that is not a completion.

    Args:
        status: Of the answer.
        headers: Of the answer, names in lower case.
        body: What could be read of it.
        secret: The key, which the server may have repeated.
        where: The address that was asked.
        key_name: The environment variable that the key came from.
    """
    code, words = _read_message(body)
    said = f"{where} answered {status}"
    if quoted := secret.quote(words):
        said += f" ({quoted})"
    if status >= 400 and status not in (401, 403, 404, 429) and _CONTEXT.search(f"{code} {words}"):
        return ContextExceeded(
            f"{said}: the chat is longer than the model's context; play or keep fewer turns, or lower max_tokens"
        )
    if status == 429 and code == "insufficient_quota":
        return Refused(f"{said}; {REMEDIES[402]}")
    if status in TRY_AGAIN or status >= 500:
        return Transient(said, read_retry_after(headers))
    return Refused(f"{said}; {REMEDIES.get(status, ELSE).format(key=key_name)}")


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Returns how many seconds a server wants to be left alone; None if it does not say, or says nonsense.

    Args:
        headers: Of the answer: `retry-after-ms`, else `retry-after` in seconds or as a date.
        now: What time it is; the clock's if None.
    """
    text = headers.get("retry-after", "").strip()
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        elif text[:1].isalpha():
            date = parsedate_to_datetime(text)
            aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
            seconds = max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
        else:
            seconds = float(text)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _read_message(body: bytes) -> tuple[str, str]:
    """Returns the error's code and message in any of the forms that servers use; the text itself if it has none."""
    text = body.decode("utf-8", errors="replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "", text
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return "", str(error)
    code = f"{error.get('code') or ''}" or f"{error.get('type') or ''}"
    return code, str(error.get("message") or error.get("detail") or text)

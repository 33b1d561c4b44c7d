"""One line for each event, for people (`text`) or programs (`json`), with the request's id in every process's lines.

What a line may hold is a closed list of fields: ids, names, numbers, and one short message. There is no field for a
candidate's source or a token, and whatever looks like a secret in the words of a library is struck out. Every value is
made plain and put on one line, so that no id can forge a line or move the cursor of a terminal.
"""

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, TextIO, TypedDict, Unpack

from kernelgym.reports.wording import plain

MAX_VALUE: Final = 1_000
"""Characters of one value."""

MAX_TRACEBACK: Final = 6_000
"""Characters of a traceback, its end; only what is not foreseen has one."""

_EVENTS: Final = logging.getLogger("kernelgym.events")
_CONTEXT: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))
_SECRETS: Final = (
    re.compile(r"(?i)\b(bearer\s+)[^\s\"',;]+"),
    re.compile(r"(?i)(://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"(?i)\b((?:kernelgym_)?(?:token|password|secret)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;}]+"),
)


class LogStyle(StrEnum):
    """How lines are written."""

    TEXT = "text"
    """For people: time, level, event, and fields as `name=value`."""
    JSON = "json"
    """For programs: one JSON object on each line."""


class Fields(TypedDict, total=False):
    """What a line may hold beside its event; what is empty or None is left out."""

    request_id: str
    """Of the order, or of the HTTP request."""
    job: str
    """Id of a job."""
    worker: str
    station: str
    queue: str
    stage: str
    attempt: int
    outcome: str
    """What came of it: an `Outcome`, `refused`, `cancelled`, ..."""
    route: str
    """Template of an address, e.g. `/v1/jobs/{id}`."""
    method: str
    status: int
    client: str
    """Who asked: the name of a token, never the token."""
    count: int
    """How many things this is about."""
    signal: str
    message: str
    """One sentence for people."""
    seconds: Mapping[str, float]
    """Durations by name, e.g. `{"trace": 0.21, "total": 0.4}`."""


def log_event(event: str, level: int = logging.INFO, **fields: Unpack[Fields]) -> None:
    """Writes one line.

    Args:
        event: What happened, in snake_case: `job_claimed`, `request`, `worker_draining`.
        level: Of `logging`.
        **fields: What it happened to.
    """
    if _EVENTS.isEnabledFor(level):
        _EVENTS.log(level, event, extra={"fields": {**_CONTEXT.get(), **fields}})


@contextmanager
def log_context(**fields: Unpack[Fields]) -> Iterator[None]:
    """Adds fields to every line of this thread or task inside the block, those of libraries among them."""
    token = _CONTEXT.set({**_CONTEXT.get(), **fields})
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def configure_logging(
    style: LogStyle | str = LogStyle.TEXT,
    *,
    role: str,
    level: int | str = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """Has this process, and those it forks, write its log; calling it again replaces what was set before.

    Args:
        style: `text` or `json`.
        role: What this process is, a field of every line: `api`, `worker`, `evaluator`.
        level: Least level of our own events; libraries speak from WARNING on.
        stream: Where to; None: standard error.

    Raises:
        ValueError: There is no such style.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines(role) if LogStyle(style) is LogStyle.JSON else _TextLines(role))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("kernelgym").setLevel(level)


class _Lines(logging.Formatter):
    """What both styles share: the facts of a record, harmless."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role
        self.host = socket.gethostname()

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """Returns the values of a line in the order in which they are written."""
        fields: Mapping[str, object] = getattr(record, "fields", None) or _CONTEXT.get()
        facts: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.msg if record.name == _EVENTS.name else "log",
            "role": self.role,
            "host": self.host,
            "pid": os.getpid(),
        }
        if record.name != _EVENTS.name:
            facts |= {"logger": _harmless(record.name), "message": _harmless(record.getMessage())}
        facts |= {name: _value(value) for name, value in fields.items() if value not in ("", None, {})}
        if record.exc_info:
            facts["traceback"] = _struck(plain(self.formatException(record.exc_info)))[-MAX_TRACEBACK:]
        return facts


class _JsonLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.facts(record), ensure_ascii=True, separators=(",", ":"))


class _TextLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        facts = self.facts(record)
        head = f"{facts.pop('at')} {facts.pop('level'):7} {facts.pop('role')}[{facts.pop('pid')}] {facts.pop('event')}"
        facts.pop("host")
        traceback = facts.pop("traceback", None)
        seconds = facts.pop("seconds", {})
        facts |= {f"{name}_s": round(value, 4) for name, value in seconds.items()}
        line = " ".join([head, *(f"{name}={_quoted(str(value))}" for name, value in facts.items())])
        return line if traceback is None else line + "\n    " + traceback.replace("\n", "\n    ")


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return {_harmless(str(name)): round(float(number), 6) for name, number in value.items() if isfinite(number)}
    return value if isinstance(value, int) else _harmless(str(value))


def _harmless(text: str) -> str:
    """Returns somebody else's text on one line, plain, short, without what looks like a secret."""
    line = plain(" ".join(_struck(text[: 4 * MAX_VALUE]).split()))
    return line if len(line) <= MAX_VALUE else line[: MAX_VALUE - 1] + "…"


def _struck(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(r"\1[...]", text)
    return text


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if not value or any(sign in value for sign in ' ="') else value

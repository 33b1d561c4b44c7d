"""An answer while it arrives: chunks of a stream, or one body."""

import json
from typing import Any

from policies.openai.errors import Transient


class StreamedError(Exception):
    """The server reports an error inside a stream that began well; `body` is what it says."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.body = body
        super().__init__(status, body)


class Draft:
    """Collects the first choice's text; what a model only thinks is not part of it.

    Reasoning comes in fields of its own (`reasoning_content`, `reasoning`), which are passed over; its tokens are among
    the completion's tokens that the server reports.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._begun = False
        self.finish_reason: str | None = None
        self.model: str | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None

    def add(self, data: bytes) -> None:
        """Takes in one chunk, or the whole body.

        Raises:
            Transient: It is no chat completion.
            StreamedError: It is an error that is sent as data.
        """
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise Transient(f"malformed JSON in the answer ({len(data)} bytes)") from None
        if not isinstance(chunk, dict):
            raise Transient(f"the answer holds a {type(chunk).__name__} where a chat completion was expected")
        if chunk.get("error"):
            raise StreamedError(_status(chunk["error"]), chunk)
        if isinstance(chunk.get("model"), str):
            self.model = chunk["model"]
        self._count(chunk.get("usage"))
        choices = chunk.get("choices") or []  # chunks with counts or a gateway's remarks have none
        if not isinstance(choices, list):
            raise Transient(f"`choices` of the answer is a {type(choices).__name__} instead of a list")
        for choice in choices:
            if not isinstance(choice, dict):
                raise Transient("the answer holds a choice that is no object")
            if not choice.get("index"):
                self._extend(choice)

    @property
    def complete(self) -> bool:
        """True once the server has said why the model stopped."""
        return self.finish_reason is not None

    def text(self) -> str:
        """Returns the answer; empty if the model said nothing.

        Raises:
            Transient: There was no choice at all.
        """
        if not self._begun:
            raise Transient("the answer has no choices")
        joined = "".join(self._pieces)
        # A character beyond the basic plane may have come as two halves; one half alone is no character.
        return joined.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")

    def _extend(self, choice: dict[str, Any]) -> None:
        said = choice.get("delta", choice.get("message"))
        reason = choice.get("finish_reason")
        if not isinstance(said, dict | None) or not isinstance(reason, str | None):
            raise Transient("the answer holds a choice without a message")
        if reason == "error":
            raise Transient("the server broke off the answer (finish_reason is `error`)")
        self._begun = True
        self.finish_reason = reason or self.finish_reason
        for field in ("content", "refusal"):
            piece = (said or {}).get(field)
            if not isinstance(piece, str | None):
                raise Transient(f"`{field}` of the answer is a {type(piece).__name__} instead of text")
            self._pieces.append(piece or "")

    def _count(self, usage: object) -> None:
        """Keeps the newest counts; whatever is not a number of tokens stays unknown."""
        if isinstance(usage, dict):
            self.prompt_tokens = _tokens(usage.get("prompt_tokens"))
            self.completion_tokens = _tokens(usage.get("completion_tokens"))


def _tokens(count: object) -> int | None:
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**53 else None


def _status(error: object) -> int:
    """Returns the HTTP status that an error inside a stream stands for; 500, which is tried again, if it names none."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500

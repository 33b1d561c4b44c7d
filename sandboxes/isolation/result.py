"""What came back from a sandbox: facts about one request, none of them believed to be honest."""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["SandboxResult", "SandboxStatus", "printable_tail"]


class SandboxStatus(StrEnum):
    """How a request ended. Every member describes the untrusted code, never our infrastructure."""

    COMPLETED = "completed"
    """The entry returned and its whole answer arrived."""
    TIMEOUT = "timeout"
    """Wall-clock or CPU time ran out."""
    KILLED = "killed"
    """A signal ended the process (segmentation fault, stack overflow, SIGKILL, ...)."""
    EXITED = "exited"
    """The process exited without a well-formed answer (`sys.exit`, `os._exit`, garbage in the answer)."""
    OUTPUT_LIMIT = "output_limit"
    """More answer or stdout/stderr bytes than allowed."""
    MEMORY = "memory"
    """A `MemoryError` escaped from the entry, or its processes together held too much."""
    CRASHED = "crashed"
    """Another Python exception escaped from the entry; `stderr_tail` ends in its traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """The outcome of one `Sandbox.run`."""

    status: SandboxStatus
    payload: bytes | None = None
    """What the entry returned; `None` unless completed. Untrusted bytes: parse as data, with limits."""
    signal: int | None = None
    """Number of the signal that ended the process, if one did."""
    exit_code: int | None = None
    """Exit status of the process, if it exited."""
    stderr_tail: str = ""
    """The end of stdout and stderr together, safe to print (see `printable_tail`)."""
    timings_s: dict[str, float] = field(default_factory=dict)
    """Seconds on the caller's clock: `first_line` (request sent until the entry starts) and `total`."""


_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def printable_tail(raw: bytes, limit_bytes: int) -> str:
    """The end of untrusted output as text that cannot drive a terminal or hide what it says.

    Args:
        raw: Output as captured.
        limit_bytes: How much of the end is kept.

    Returns:
        Decoded text without escape sequences and without control, format (bidirectional) and unassigned
        characters, newline and tab excepted; undecodable bytes become U+FFFD.
    """
    text = _ESCAPE_SEQUENCE.sub("", raw[-limit_bytes:].decode("utf-8", "replace"))
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")

"""What went wrong, where, and what to do: the unit of feedback."""

from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract
from sandboxes.contracts.outcome import Stage

MAX_TEXT = 4_000
"""Characters of a message, hint or excerpt; longer text is cut by `clip`."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]


def clip(text: str, limit: int = MAX_TEXT) -> str:
    """Returns `text` with the middle cut out if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    mark = "\n[...]\n"
    head = (limit - len(mark)) * 2 // 3
    return text[:head] + mark + text[-(limit - len(mark) - head) :]


class Diagnostic(Contract):
    """One thing to tell the author of the candidate."""

    stage: Stage
    """Where it was found."""
    message: Text
    """What is wrong, naming the thing and the value."""
    line: int | None = Field(default=None, ge=1)
    """Line of the candidate's source, 1-based; None if no line is to blame."""
    excerpt: Text | None = None
    """That line of the candidate's source."""
    hint: Text | None = None
    """What to try."""
    case: Text | None = None
    """Name of the case in which it happened; None if it does not depend on the case."""

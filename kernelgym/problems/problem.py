"""A problem: a reference to match, and what people and curricula want to know about it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from sandboxes.contracts import Contract, Reference

Difficulty = Literal["easy", "medium", "hard"]


TAG: Final = r"^[a-z0-9][a-z0-9_.+-]{0,49}$"
"""What a tag looks like."""

MAX_TAGS: Final = 50
"""Most tags of a problem."""


class Problem(Contract):
    """One thing to write a kernel for. Light: holding or listing problems imports no torch."""

    reference: Reference
    """What is to be matched; all that the judge needs."""
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\n]*$")]
    """One line, e.g. `Softmax over the last dimension`."""
    tags: Annotated[tuple[Annotated[str, Field(pattern=TAG)], ...], Field(max_length=MAX_TAGS)] = ()
    """Kinds of work, e.g. `reduction`, `matmul`, `float16`."""
    level: Annotated[int, Field(ge=1)] | None = None
    """Level of the benchmark that it belongs to; None if that has no levels."""
    difficulty: Difficulty = "medium"
    """How hard a correct and fast kernel is."""

    @property
    def id(self) -> str:
        """The reference's id, e.g. `core/softmax`."""
        return self.reference.id

"""What is wrong with a problem: its answer can be had without the work that it asks for."""

from typing import Annotated, Literal

from pydantic import Field

from sandboxes.contracts.base import Contract


class Weakness(Contract):
    """One thing that makes a problem worth less, or nothing."""

    rule: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    """Which kind, e.g. `zero_output`."""
    severity: Literal["refuse", "warn"]
    """`refuse`: whoever knows the trick is judged right, so nothing can be learned from it."""
    evidence: Annotated[str, Field(max_length=500)]
    """What was tried and what came of it."""
    remedy: Annotated[str, Field(max_length=500)]
    """What its author can do."""

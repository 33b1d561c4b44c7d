"""What is known of a problem once its reference has been brought to life: what a prompt tells a model."""

from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract
from sandboxes.contracts.case import Argument, Case
from sandboxes.contracts.reference import Reference


class Description(Contract):
    """The shapes of a problem. Says nothing of seeds or values."""

    reference: Reference
    """With `check_constants` filled in where they had to be found: evaluating this one does not search again."""
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    """Check cases first, the bench case last."""
    output: Argument
    """What `forward` returns at the bench case: a `TensorSpec`, or a sequence of them."""
    distributions: tuple[str, ...]
    """How the values of inputs are varied, e.g. `x1`, `x3`, `negated`."""
    gflop: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The reference's work at the bench case, 1e9 operations; a byte of memory traffic counts as one."""

"""What is known of a problem once its reference has been brought to life: what a prompt tells a model."""

from typing import Annotated, Final

from pydantic import Field

from sandboxes.contracts.base import Contract
from sandboxes.contracts.case import Argument, Case
from sandboxes.contracts.config import EvalConfig
from sandboxes.contracts.reference import Reference

MAX_BENCH_BYTES: Final = 2**29
"""Largest bench case that is executed on the CPU; judging it takes a few times as much memory."""

MAX_DEVICE_BENCH_BYTES: Final = 4 * 2**30
"""Likewise on a GPU, where inputs and outputs are kept several times over, and their truth in float64."""


def bench_is_executed(gflop: float, size: int, config: EvalConfig) -> bool:
    """Returns whether a bench case is small enough to be executed in full, and so to be verified, where it is judged.

    Args:
        gflop: See `Description.gflop`; does not matter on a GPU.
        size: See `Description.bytes`.
        config: Says where, and sets the budget of a CPU.
    """
    if config.device != "cpu":
        return size <= MAX_DEVICE_BENCH_BYTES
    return gflop <= config.bench_budget_gflop and size <= MAX_BENCH_BYTES


class Description(Contract):
    """The shapes of a problem. Says nothing of seeds or values."""

    reference: Reference
    """With `check_constants` filled in where they had to be found: evaluating this one does not search again."""
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    """Check cases first, the bench case last."""
    output: Argument
    """What `forward` returns at the bench case: a `TensorSpec`, or a sequence of them."""
    distributions: tuple[str, ...]
    """How the values of inputs are varied, e.g. `x1`, `x3`, `negative`."""
    gflop: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The reference's work at the bench case, 1e9 operations; a byte of memory traffic counts as one."""
    bytes: Annotated[int, Field(ge=0)]
    """Memory that the bench case needs: inputs, weights, outputs and the largest tensor in between."""

    def is_executed_in_full(self, config: EvalConfig) -> bool:
        """Returns whether the bench case itself will be verified; there is no speedup without it."""
        return bench_is_executed(self.gflop, self.bytes, config)

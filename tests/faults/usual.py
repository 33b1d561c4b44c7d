"""The usual check, for comparison: five draws at the bench shape only, `allclose` with 1e-2 for both tolerances."""

from functools import lru_cache
from typing import Any, Final

import torch

from sandboxes.contracts import Precision
from sandboxes.devices.device import Program
from sandboxes.distributions import Distribution
from sandboxes.faults import Fault
from sandboxes.nested import clone, labelled
from sandboxes.precision import MatmulPrecision
from tests.faults.oracle import CONFIG, Bench, hidden

TRIALS: Final = 5
TOLERANCE: Final = 1e-2


def passes(bench: Bench, program: Program, problem: str) -> bool | None:
    """Returns whether the usual check lets a program pass.

    Args:
        bench: Runs it.
        program: At the bench shape.
        problem: Name of a built-in problem.

    Returns:
        None if a kernel breaks a rule of memory: what a GPU computes then depends on what lies in its memory.
    """
    for number in range(TRIALS):
        inputs, expected = _drawn(problem, number)
        try:
            outputs = bench.run(program, inputs)
        except Fault:
            return None
        for output, right in zip(outputs, expected, strict=True):
            if output.shape != right.shape or not torch.allclose(output, right, atol=TOLERANCE, rtol=TOLERANCE):
                return False
    return True


@lru_cache(maxsize=TRIALS)
def _drawn(problem: str, number: int) -> tuple[list[Any], list[torch.Tensor]]:
    """Returns inputs of the bench case and what the reference computes from them."""
    live = hidden(problem)
    case = live.cases[-1]
    inputs = live.draw(case, Distribution.UNIT, seed=number)
    with MatmulPrecision(Precision.TF32):
        output = live.run(case, live.model(case, CONFIG.weight_seeds[0]), [clone(item) for item in inputs])
    return inputs, [tensor for _, tensor in labelled(output)]

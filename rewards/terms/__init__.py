"""What rewards are made of: named quantities of a report and its history, each with validated parameters."""

from typing import Final

from rewards.terms.base import PerformanceTerm, TermFunction
from rewards.terms.correctness import Correctness, Failure
from rewards.terms.coverage import Coverage, GuardedCoverage, Replaced, guarded_share, other_us
from rewards.terms.estimate import EstimatedSpeedup
from rewards.terms.history import Improvement
from rewards.terms.speed import SPEEDUP_CAP, FastP, Log2Speedup, Speedup, SpeedupSteps

TERMS: Final[dict[str, type[TermFunction]]] = {
    kind.key: kind
    for kind in (
        Correctness, Failure, Speedup, SpeedupSteps, FastP, Log2Speedup, Coverage, GuardedCoverage, Replaced,
        Improvement, EstimatedSpeedup,
    )
}  # fmt: skip
"""By the name that YAML uses."""

__all__ = [
    # bases
    "PerformanceTerm", "TermFunction",
    # by outcome
    "Correctness", "Failure",
    # by speed
    "SPEEDUP_CAP", "FastP", "Log2Speedup", "Speedup", "SpeedupSteps",
    # by whose kernels work
    "Coverage", "GuardedCoverage", "Replaced", "guarded_share", "other_us",
    # by history
    "Improvement",
    # of what nobody judged
    "EstimatedSpeedup",
    # by name
    "TERMS",
]  # fmt: skip

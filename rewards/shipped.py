"""The rewards that come with the package, apart from Dr.Kernel's: other papers', and our own."""

from typing import Final

from rewards.composition import Weighted, compose
from rewards.drkernel import drkernel_like_kernel, drkernel_paper, drkernel_released, drkernel_weighted
from rewards.named import NamedReward
from rewards.terms import (
    SPEEDUP_CAP,
    Correctness,
    EstimatedSpeedup,
    Failure,
    FastP,
    GuardedCoverage,
    Improvement,
    Log2Speedup,
    Speedup,
)

drkernel_guarded: Final = compose(
    "drkernel_guarded",
    "The paper's sum with a PR changed so that useless work in own kernels never pays; 0 to 5.",
    Correctness(),
    Speedup(cap=SPEEDUP_CAP),
    Weighted(GuardedCoverage(), label="coverage"),
)
"""Dr.Kernel's Eq. 8 with Eq. 7 changed, see `GuardedCoverage`. More time in own kernels, in kernels that don't matter
or in fills never makes it more."""

kevin: Final = compose(
    "kevin",
    "0.3 C + C speedup, without a cap.",
    Weighted(Correctness(), 0.3),
    Speedup(cap=None),
)
"""Kevin (multi-turn training for CUDA kernels), whose turns are paid the discounted sum of later ones: see
`returns_to_go`."""

fast_p: Final = compose("fast_p", "1 if correct and at least as fast as the reference, else 0.", FastP(p=1.0))
"""KernelBench's fast_1 of a single sample; another p takes a file of three lines."""

log2_speedup: Final = compose(
    "log2_speedup",
    "C + 0.5 C log2(speedup) between -0.5 and 1, and no gain inside the confidence interval; 0 to 2.",
    Correctness(),
    Weighted(Log2Speedup(low=-1.0, high=2.0), 0.5),
)
"""Twice as fast is worth half of being right, four times as fast all of it; a slow candidate keeps 0.5."""

graded: Final = compose(
    "graded",
    "drkernel_guarded, and up to 0.3 for failures by how far they got; 0 to 5.",
    Failure(),
    Correctness(),
    Speedup(cap=SPEEDUP_CAP),
    Weighted(GuardedCoverage(), label="coverage"),
)
"""For policies that hardly ever get anything right: groups in which all fail still differ. Never more for a failure
than for any correct candidate."""

improvement: Final = compose(
    "improvement",
    "By how much C + C min(speedup, 3) beats the best earlier turn of the episode; 0 to 4.",
    Improvement(),
)
"""For multi-turn returns with discount 1: over an episode it adds up to the best turn."""

exploration: Final = compose(
    "exploration",
    "Failures as graded; 0.3 + min(speedup, 3) of what was priced, UNVERIFIED: to choose what to judge, not to learn.",
    Failure(unjudged=0.3),
    Correctness(),
    EstimatedSpeedup(cap=SPEEDUP_CAP),
)
"""For environments whose evaluator prices and does not judge. Whatever it chooses has to be judged before anything is
learned; a policy that was paid by it would learn to be fast and wrong."""

SHIPPED: Final[tuple[NamedReward, ...]] = (
    drkernel_guarded, drkernel_paper, drkernel_released, drkernel_weighted, drkernel_like_kernel, kevin, fast_p,
    log2_speedup, graded, improvement, exploration,
)  # fmt: skip
"""All of them, the default first."""

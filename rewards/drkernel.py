"""The rewards of Dr.Kernel: the paper's, and those of the code that was released with it.

All of them are faithful, and so they pay for useless work wherever coverage is in the sum: under the cap on the speedup
a candidate may fill the slack with its own kernels. That is why none of them is the default.
"""

from typing import Final

from rewards.composition import Weighted, compose
from rewards.terms import SPEEDUP_CAP, Correctness, Coverage, Failure, FastP, Speedup, SpeedupSteps

drkernel_paper: Final = compose(
    "drkernel_paper",
    "C + C min(speedup, 3) + C PR: the paper's Eq. 8 with the cap of Eq. 1; 0 to 5.",
    Correctness(),
    Speedup(cap=SPEEDUP_CAP),
    Coverage(),
)
"""Dr.Kernel, Eq. 1 (base reward), Eq. 7 (PR) and Eq. 8 (their sum). While the bench case is unverified, neither speedup
nor coverage is paid: a program may skip its work there."""

drkernel_released: Final = compose(
    "drkernel_released",
    "0.5 (C + min(speedup, 3) + PR): what the released recipe pays, half of the paper's; 0 to 2.5.",
    Weighted(Correctness(), 0.5),
    Weighted(Speedup(cap=3.0, floor=0.0), 0.5),
    Weighted(Coverage(), 0.5),
)
"""`calculate_reward_speedup` with the settings of the 14B script: bounds 0 and 3, penalty 0, coverage weight 0.5."""

drkernel_weighted: Final = compose(
    "drkernel_weighted",
    "0.5 C + 0.5 [speedup >= 1.01]: the default of the released configuration; 0 to 1.",
    Weighted(Correctness(), 0.5),
    Weighted(FastP(p=1.01), 0.5),
)
"""`calculate_reward_weighted`; its coverage term (weight 0.25) is switched off there."""

drkernel_like_kernel: Final = compose(
    "drkernel_like_kernel",
    "Steps from -1 (failed, hack) over -0.5 (not compiled) and -0.3 (wrong) to 1 (three times as fast), as released.",
    Failure(
        no_code=-1.0, timeout=-1.0, unsupported=-1.0, hack=-1.0, syntax_error=-0.5, import_error=-0.5, untraceable=-0.5,
        trace_error=-0.5, compile_error=-0.5, launch_error=-0.5, memory_error=-0.5, incorrect=-0.3,
        unjudged=-1.0,
    ),
    SpeedupSteps(),
)  # fmt: skip
"""`calculate_reward_like_kernel`. Its three kinds of failure are fewer than ours: what never gave an answer (no code,
timeout) failed, what raised did not compile. `unsupported` is no better than failing, since 0 would beat a correct
candidate that is slow."""

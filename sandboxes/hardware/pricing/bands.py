"""How far a modelled time may be off.

A band is a factor up and down, wider the less is known. Nothing here was fitted: widths are estimates of how well
models of this kind do, by what the time is spent on. Streaming is easy: public bandwidths of plain kernels differ by
some percent. Published analytical models are off by 10 to 30 % where arithmetic or caches bind, and by more where
waiting does, because what the hardware hides is decided in detail.

Contributions are independent, so they add up like errors: the root of the sum of squares of their logarithms. More
knowledge is never a wider band, for the same causes.
"""

from collections.abc import Mapping
from math import exp, sqrt
from typing import Final

from sandboxes.hardware.facts import LaunchFacts, Part
from sandboxes.hardware.pricing.roofline import TENSOR_KINDS

WIDTHS: Final = {
    Part.DRAM: 0.10,
    Part.L2: 0.25,
    Part.LSU: 0.25,
    Part.SHARED: 0.30,
    Part.ATOMICS: 0.60,
    Part.TENSOR: 0.20,
    Part.FP32: 0.30,
    Part.FP64: 0.20,
    Part.SPECIAL: 0.30,
    Part.LATENCY: 0.45,
    Part.START: 0.45,
    Part.OVERHEAD: 0.30,
}
"""Logarithms of the factors by which the time of an activity may be off."""
UNSEEN_ADDRESSES: Final = 0.35
"""Nobody looked at addresses: coalescing and reuse are taken to be perfect, or as bad as can be."""
UNSEEN_CODE: Final = 0.20
"""Nobody looked at the compiled code: units of products, or pipelining."""
DEPENDENT: Final = 0.20
"""All addresses depend on values that were there: other values, other traffic."""
GUESSED: Final = 0.90
"""All addresses depend on values that were made up."""
SAMPLED: Final = 0.15
"""Next to none of the programs were looked at."""
MOST_GUESSED: Final = 0.5
"""Share of the traffic with made-up addresses beyond which a price says nothing."""


def band(facts: LaunchFacts, time_us: float, causes_us: Mapping[Part, float]) -> tuple[float, float]:
    """Returns between which times the truth is expected, microseconds.

    Args:
        facts: What is known of the launch.
        time_us: Its modelled time.
        causes_us: That time, divided among activities.
    """
    width = exp(log_width(facts, causes_us))
    return time_us / width, time_us * width


def log_width(facts: LaunchFacts, causes_us: Mapping[Part, float]) -> float:
    """Returns the logarithm of the factor by which a modelled time may be off."""
    whole = sum(causes_us.values())
    own = sum(WIDTHS[part] * taken for part, taken in causes_us.items()) / whole if whole else 0.0
    share = min(max(facts.dependent_share, 0.0), 1.0)
    unread_dots = not facts.dots and any(facts.work.flops.get(kind) for kind in TENSOR_KINDS)
    gaps = (
        own,
        0.0 if (facts.accesses and facts.sampled) or not facts.work.requested_bytes else UNSEEN_ADDRESSES,
        UNSEEN_CODE if unread_dots or facts.pipelined is None else 0.0,
        share * (GUESSED if facts.guessed else DEPENDENT),
        SAMPLED * (1 - min(max(facts.sampled, 0.0), 1.0)),
    )
    return sqrt(sum(gap * gap for gap in gaps))


def why_unpriced(facts: LaunchFacts) -> str:
    """Returns why a launch can't be priced, for whoever wrote it; empty if it can."""
    if facts.undecided:
        return "loaded values, which are not known here, decide what it executes"
    if facts.guessed and facts.dependent_share > MOST_GUESSED:
        return (
            f"{facts.dependent_share:.0%} of the bytes it requests are at addresses that depend on loaded values, "
            "which are not known here"
        )
    return ""

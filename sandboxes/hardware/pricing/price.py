"""What a node costs, and how activities that overlap add up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandboxes.contracts import Bound
from sandboxes.hardware.facts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a node costs."""

    time_us: float
    bound: Bound
    roofline_us: float
    """Least time for the same distinct bytes and operations at the vendor's peaks."""
    roofline_fraction: float
    """`roofline_us` over `time_us`, 0 to 1."""
    parts_us: Mapping[Part, float] = field(default_factory=dict)
    """Time of each activity if it ran alone."""
    band: tuple[float, float] = (0.0, 0.0)
    """Between which times the model expects the truth, microseconds."""
    lines_us: Mapping[int, float] = field(default_factory=dict)
    """Time by line of the candidate's source, adding up to `time_us`; line 0 is what no line causes."""


FREE_PRICE = Price(time_us=0.0, bound=Bound.LAUNCH, roofline_us=0.0, roofline_fraction=1.0)
"""Of what launches nothing."""


def norm(values: Iterable[float], power: float) -> float:
    """Returns the p-norm: the largest value, or a bit more if others come close."""
    known = [value for value in values if value > 0.0]
    if len(known) < 2:
        return known[0] if known else 0.0
    largest = max(known)
    return float(largest * sum([(value / largest) ** power for value in known]) ** (1 / power))

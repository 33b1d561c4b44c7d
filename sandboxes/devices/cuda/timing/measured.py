"""What timing a candidate next to its reference comes to."""

from dataclasses import dataclass

from sandboxes.contracts import Measurement
from sandboxes.devices.cuda.timing.sampling import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Times of the whole, as a profile takes them over."""

    time_us: float
    """Of the candidate: the median of its samples, or the floor if that is more."""
    reference_time_us: float
    """Of the reference, launched as it is."""
    compiled_reference_time_us: float | None = None
    """Of the reference under `torch.compile`; None if that is not there, or fails."""
    speedup_interval: tuple[float, float] | None = None
    """Ends of the 99.8 % confidence interval of the speedup."""
    measurement: Measurement
    """How it was measured; a profile adds what is known of nodes and ceilings."""
    samples: Samples | None = None
    """All times, for whoever looks at how good they are."""

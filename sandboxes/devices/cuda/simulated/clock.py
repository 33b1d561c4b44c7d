"""The clock of a GPU that is not there: how long things take, and how far from it a measurement is.

What a node costs comes from the hardware model, of a launch from its totals (`plain`) alone. On top of it lies what
makes timing hard on a real GPU, as a seeded random process, so that statistics can be tried on it: noise of every run,
slow drift of clocks, rare outliers, a cold start, throttling, and the resolution of events. Nothing here is a
measurement.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

COLD_START_S = 0.3
"""Busy time after which clocks have risen to within a third of their final rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """A while in which the GPU is slower than it could be."""

    start_s: float
    """On the simulated clock."""
    end_s: float
    factor: float
    """Times are this much longer."""
    reason: str = "software power cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What disturbs times. The defaults resemble a data centre GPU that nobody else uses."""

    spread: float = 0.004
    """Standard deviation of the logarithm of a run's factor."""
    node_spread: float = 0.004
    """Likewise of each node's own, on top."""
    drift: float = 0.004
    """Amplitude of a slow change of clocks."""
    drift_period_s: float = 20.0
    outliers: float = 0.002
    """Share of runs that something disturbs: an interrupt, a refresh."""
    outlier_factor: float = 1.6
    """The most that such a run is multiplied by."""
    jitter_us: float = 0.15
    """Mean of what is added to every run, exponentially distributed."""
    resolution_us: float = 0.5
    """Of events, as CUDA's documentation promises it."""
    cold: float = 0.15
    """How much slower the first runs are, until clocks have risen."""
    host_us: float = 6.0
    """From the end of the work to the host that knows it, at least."""
    throttling: tuple[Throttling, ...] = ()


QUIET = Noise(
    spread=0.0, node_spread=0.0, drift=0.0, outliers=0.0, jitter_us=0.0, resolution_us=0.0, cold=0.0, host_us=6.0
)
"""A GPU that always takes exactly what the model says."""


class SimulatedClock:
    """Tells how long work takes, and lets that time pass.

    Args:
        noise: What disturbs it.
        seed: Of the disturbances.
    """

    def __init__(self, noise: Noise, seed: int) -> None:
        self.now_us = 0.0
        self._noise = noise
        self._random = random.Random(seed)
        self._phase = self._random.uniform(0, 2 * math.pi)

    @property
    def throttling(self) -> Throttling | None:
        """What throttles now."""
        now_s = self.now_us * 1e-6
        return next((item for item in self._noise.throttling if item.start_s <= now_s < item.end_s), None)

    @property
    def slowness(self) -> float:
        """How much longer everything takes now than at full clocks."""
        noise, now_s = self._noise, self.now_us * 1e-6
        drift = 1 + noise.drift * math.sin(self._phase + 2 * math.pi * now_s / noise.drift_period_s)
        cold = 1 + noise.cold * math.exp(-now_s / COLD_START_S)
        return drift * cold * (self.throttling.factor if self.throttling else 1.0)

    def run(self, costs_us: Sequence[float]) -> list[float]:
        """Returns how long each of the parts of one run takes this time, and lets the time pass."""
        noise = self._noise
        factor = self.slowness * math.exp(self._random.gauss(0, noise.spread))
        if self._random.random() < noise.outliers:
            factor *= self._random.uniform(1.0, noise.outlier_factor)
        taken = [cost * factor * math.exp(self._random.gauss(0, noise.node_spread)) for cost in costs_us]
        if taken and noise.jitter_us:
            taken[self._random.randrange(len(taken))] += self._random.expovariate(1 / noise.jitter_us)
        self.now_us += sum(taken)
        return taken

    def event_us(self, duration_us: float) -> float:
        """Returns a duration as two events tell it: both are on the raster of their resolution."""
        step = self._noise.resolution_us
        if not step:
            return duration_us
        start = self._random.uniform(0, step)
        return math.floor((start + duration_us) / step) * step

    def host_us(self) -> float:
        """Returns what the host needs to know that something has ended; that time passes."""
        late = self._noise.host_us
        if self._noise.jitter_us:
            late += self._random.expovariate(1 / (5 * self._noise.jitter_us))
        self.now_us += late
        return late

"""Sides whose times are written down beforehand, and a clock that only they move."""

import random
from collections.abc import Callable

import numpy as np

from sandboxes.contracts import Clocks
from sandboxes.devices.cuda.gpu import Sample
from sandboxes.devices.cuda.timing.sampling import Limits, Sampler, Samples

Duration = Callable[[int, float], float]
"""Time of a run in microseconds, from its number and the time now in seconds."""


class Clock:
    """Time that passes when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedSide:
    """Implements `Side`."""

    def __init__(self, clock: Clock, duration: Duration, host_us: float = 10.0) -> None:
        self.clock = clock
        self.duration = duration
        self.slot = -1
        self.host_us = host_us
        self.runs = 0
        self.verified = 0

    def refresh(self, slot: int) -> None:
        assert slot != self.slot
        self.slot = slot

    def time(self) -> Sample:
        device_us = self.duration(self.runs, self.clock.now_s)
        self.runs += 1
        self.clock.now_s += (device_us + 50) * 1e-6
        return Sample(device_us=device_us, host_us=device_us + self.host_us)

    def verify(self) -> None:
        self.verified += 1


def noisy(time_us: float, spread: float, seed: int) -> Duration:
    """Returns times with independent noise."""
    generator = np.random.default_rng(seed)
    return lambda run, now: time_us * float(np.exp(generator.normal(0, spread)))


def sample(
    candidate: Duration,
    reference: Duration,
    *,
    time_s: float = 1.0,
    seed: int = 0,
    slots: int = 3,
    clocks: Callable[[], Clocks | None] = lambda: None,
) -> Samples:
    """Measures two sides."""
    clock = Clock()
    sides = ScriptedSide(clock, candidate), ScriptedSide(clock, reference)
    found = Sampler(
        *sides, Limits(time_s=time_s), slots=slots, clock=clock, read_clocks=clocks, draw=random.Random(seed)
    ).sample()
    assert all(side.verified == side.runs for side in sides)
    return found

"""What disturbs timed runs, as random processes: made up, each on its own far worse than a quiet GPU.

A process turns a true time into times of many experiments at once: arrays of `[experiments, rounds, 4]`, in order of
time. What it does must not depend on whose run it is; effects of addresses are added by `slot_effects`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from sandboxes.devices.cuda.timing.statistics import Indices, Numbers, Rounds

Process = Callable[[np.random.Generator, tuple[int, int, int]], Numbers]
"""Logarithms of factors."""

SLOTS: Final = 6


def white(generator: np.random.Generator, shape: tuple[int, int, int], spread: float = 0.005) -> Numbers:
    """Independent noise of every run."""
    return generator.normal(0, spread, shape)


def correlated(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
    """AR(1): noise of 1 % of which a run keeps 95 % from the one before."""
    keep = 0.95
    experiments, rounds, runs = shape
    fresh = generator.normal(0, 0.01 * np.sqrt(1 - keep**2), (experiments, rounds * runs))
    now = generator.normal(0, 0.01, experiments)
    for index in range(rounds * runs):
        now = keep * now + fresh[:, index]
        fresh[:, index] = now
    return fresh.reshape(shape)


def drifting(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
    """Clocks that rise or fall by up to 10 %, and swing by 2 %."""
    experiments, rounds, runs = shape
    time = np.linspace(0, 1, rounds * runs)
    slope = generator.uniform(-0.1, 0.1, (experiments, 1))
    phase = generator.uniform(0, 2 * np.pi, (experiments, 1))
    period = generator.uniform(0.01, 0.5, (experiments, 1))
    log: Numbers = slope * time + 0.02 * np.sin(phase + 2 * np.pi * time / period)
    return log.reshape(shape) + white(generator, shape, 0.003)


def disturbed(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
    """One run in twenty takes up to three times as long."""
    factor = np.where(generator.random(shape) < 0.05, generator.uniform(1, 3, shape), 1.0)
    return np.log(factor) + white(generator, shape, 0.003)


def two_states(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
    """Clocks that jump between two rates, 30 % apart, every fifty runs on average."""
    experiments, rounds, runs = shape
    jumps = generator.random((experiments, rounds * runs)) < 0.02
    state = (np.cumsum(jumps, axis=-1) + generator.integers(0, 2, (experiments, 1))) % 2
    return (np.log(1.3) * state).reshape(shape) + white(generator, shape, 0.003)


def bursts(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
    """Noise that is ten times as large in some tenths of the time."""
    experiments, rounds, runs = shape
    loud = generator.random((experiments, 10)) < 0.3
    place = np.arange(rounds * runs) * 10 // (rounds * runs)
    log: Numbers = white(generator, shape, 0.002) * np.where(loud[:, place], 10.0, 1.0).reshape(shape)
    return log


def draw_design(generator: np.random.Generator, experiments: int, rounds: int) -> tuple[Indices, Indices]:
    """Returns who is first in each round (0 the candidate), and the slots where both begin: as `Sampler` draws them.

    That neither begins where it ended is left out; it matters to adversaries only.
    """
    first = generator.integers(0, 2, (experiments, rounds))
    begin = generator.integers(0, SLOTS, (experiments, rounds))
    other = (begin + generator.integers(1, SLOTS, (experiments, rounds))) % SLOTS
    return first, np.stack([begin, other], axis=-1)


def assign(times: Numbers, first: Indices, slots: Indices) -> Rounds:
    """Returns whose run was when: A on its slot, B on its own, B on A's, A on B's, or with A and B swapped.

    Args:
        times: Of runs in order of time, `[experiments, rounds, 4]`.
        first: Who begins.
        slots: Where candidate and reference begin.
    """
    outer, inner = times[..., [0, 3]], times[..., [1, 2]]
    # slot of the first run, slot of the second; the one that is second begins on the other slot
    own = np.where((first == 0)[..., None], outer, inner[..., ::-1])
    theirs = np.where((first == 0)[..., None], inner[..., ::-1], outer)
    begins = np.where((first == 0)[..., None], slots, slots[..., ::-1])
    return Rounds(candidate_us=own, reference_us=theirs, slots=begins)


def slot_effects(
    generator: np.random.Generator, rounds: Rounds, *, both: float, own: float, quantum_us: float = 0.0
) -> Rounds:
    """Returns rounds in which addresses matter, to both sides alike and to each by itself, and the clock has steps."""
    experiments = rounds.slots.shape[0]
    flat = rounds.slots.reshape(experiments, -1)

    def effect(spread: float) -> Numbers:
        drawn = generator.normal(0, spread, (experiments, SLOTS))
        return np.exp(np.take_along_axis(drawn, flat, axis=1)).reshape(rounds.slots.shape)

    shared = effect(both)
    sides = [time * shared * effect(own) for time in (rounds.candidate_us, rounds.reference_us)]
    if quantum_us:
        begin = [generator.uniform(0, quantum_us, side.shape) for side in sides]
        sides = [np.floor((at + side) / quantum_us) * quantum_us for at, side in zip(begin, sides, strict=True)]
    return Rounds(candidate_us=sides[0], reference_us=sides[1], slots=rounds.slots)

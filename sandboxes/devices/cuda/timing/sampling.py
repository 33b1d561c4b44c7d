"""Takes times of a candidate and its reference in turns, until the speedup is known well enough or the time is up.

A round is candidate, reference, reference, candidate (ABBA) or the other way round (BAAB), drawn at random, so that
whatever drifts slowly cancels within the round, and what does not can't know which side it hits (see `statistics`).
Rounds before both sides are stable are not counted.

Nothing here needs a GPU: sides, clocks and time itself are handed in.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from sandboxes.contracts import Clocks
from sandboxes.devices.cuda.gpu import Sample
from sandboxes.devices.cuda.timing.statistics import LOOKS, TAIL, Estimate, Numbers, Rounds, estimate, look_at

WIDTH: Final = 0.01
"""Of the interval of the speedup, relative to it, at which measuring ends."""

STABLE: Final = 0.02
"""By how much the times of two successive pairs of warm-up rounds may differ, on either side."""

PAIR: Final = 2
WARM_UP_ROUNDS: Final = 16
WARM_UP_SHARE: Final = 0.25
"""Of the time: where warming up ends in any case."""

LEAST_ROUNDS: Final = 2
"""Taken also if there is no time for them: fewer have no interval."""

CLOCKS_EVERY_S: Final = 0.05
"""Time between two looks at the GPU's clocks."""


class Side(Protocol):
    """One of the two that are timed.

    Raises (all methods):
        Fault: What it computes is wrong, or it fails.
        GpuError, GpuLost: As `Gpu`.
    """

    def refresh(self, slot: int) -> None:
        """Gives it new values, on the addresses of this number: never those of last time."""
        ...

    def time(self) -> Sample:
        """Runs it once on them, and returns how long that took."""
        ...

    def verify(self) -> None:
        """Looks at what it has computed, and at memory that it had no business with."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to end."""

    time_s: float
    """Time for all of it, warm-up included."""
    width: float = WIDTH
    most_rounds: int = 4096


@dataclass(frozen=True, slots=True)
class _Round:
    """Both sides on two slots."""

    slots: tuple[int, int]
    samples: dict[tuple[int, int], Sample]
    """By side (candidate 0, reference 1) and which of the two slots."""

    def device_us(self, side: int) -> list[float]:
        return [self.samples[side, at].device_us for at in range(2)]

    def host_us(self, side: int) -> list[float]:
        return [self.samples[side, at].host_us for at in range(2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """All that was noted; arrays of `[rounds, 2]`, by round and slot."""

    rounds: Rounds
    candidate_host_us: Numbers
    reference_host_us: Numbers
    estimate: Estimate
    warm_up_rounds: int
    stable: bool
    """Warming up ended because times did not change any more."""
    narrow: bool
    """The interval is as narrow as was asked for."""
    clocks: Clocks | None
    """The last that were read, with all reasons to throttle that were ever seen."""
    elapsed_s: float

    @property
    def number(self) -> int:
        """Timed rounds."""
        return len(self.candidate_host_us)


class Sampler:
    """Takes samples of two sides.

    Args:
        candidate: Whose speedup is wanted.
        reference: What it is relative to.
        limits: When to end.
        slots: Sets of addresses; each side has been prepared on all of them. With one, both always run there.
        clock: Time in seconds, as `time.monotonic`.
        read_clocks: Clocks of the GPU; None if they can't be read.
        draw: Decides on the order in rounds; nobody else may know it.
    """

    def __init__(
        self,
        candidate: Side,
        reference: Side,
        limits: Limits,
        *,
        slots: int,
        clock: Callable[[], float],
        read_clocks: Callable[[], Clocks | None],
        draw: random.Random,
    ) -> None:
        self._sides = candidate, reference
        self._rounds: list[_Round] = []
        self._ended = -1, -1
        self._limits = limits
        self._slots = slots
        self._clock = clock
        self._read_clocks = read_clocks
        self._draw = draw
        self._begin_s = clock()
        self._clocks: Clocks | None = None
        self._throttled: dict[str, None] = {}
        self._clocks_read_s = -float("inf")
        self._longest_s = 0.0

    def sample(self) -> Samples:
        """Warms up and measures."""
        warm_up, stable = self._warm_up()
        self._rounds.clear()
        looks = count = 0
        while True:
            self._round()
            count += 1
            over = count >= LEAST_ROUNDS and (count >= self._limits.most_rounds or not self._has_time())
            if look_at(count) is not None or over:
                looks += 1
                found = estimate(self._table(), TAIL / LOOKS)
                narrow = bool(found.width < self._limits.width)
                if over or narrow or looks == LOOKS:
                    return self._samples(found, warm_up, stable=stable, narrow=narrow)

    def _warm_up(self) -> tuple[int, bool]:
        """Runs rounds until both sides take as long as they did before; returns how many, and whether they did."""
        end_s = self._begin_s + WARM_UP_SHARE * self._limits.time_s
        for number in range(1, WARM_UP_ROUNDS + 1):
            self._round()
            if number >= 2 * PAIR and self._settled():
                return number, True
            if self._clock() + self._longest_s > end_s:
                return number, False
        return WARM_UP_ROUNDS, False

    def _round(self) -> None:
        begin_s = self._clock()
        if begin_s - self._clocks_read_s >= CLOCKS_EVERY_S:
            self._look_at_clocks(begin_s)
        begins = self._draw.choice(self._possible())
        first = int(self._draw.random() < 0.5)
        samples: dict[tuple[int, int], Sample] = {}
        for which, at in ((first, first), (1 - first, 1 - first), (1 - first, first), (first, 1 - first)):
            side = self._sides[which]
            side.refresh(begins[at])
            samples[which, at] = side.time()
            side.verify()
        self._ended = begins[::-1]
        self._rounds.append(_Round(begins, samples))
        self._longest_s = max(self._longest_s, self._clock() - begin_s)

    def _has_time(self) -> bool:
        """True if another round is likely to end in time."""
        return self._clock() - self._begin_s + self._longest_s <= self._limits.time_s

    def _look_at_clocks(self, now_s: float) -> None:
        self._clocks_read_s = now_s
        if (clocks := self._read_clocks()) is not None:
            self._clocks = clocks
            self._throttled.update(dict.fromkeys(clocks.throttled))

    def _possible(self) -> list[tuple[int, int]]:
        """Returns on which slots candidate and reference may begin a round: not on those where they ended the last.

        Each then goes on where the other began.
        """
        if self._slots == 1:
            return [(0, 0)]
        both = [(own, other) for own in range(self._slots) for other in range(self._slots) if own != other]
        return [pair for pair in both if all(now != then for now, then in zip(pair, self._ended, strict=True))]

    def _settled(self) -> bool:
        """True if the last rounds took as long as those before; by their fastest runs, which noise moves least."""
        last, before = self._rounds[-PAIR:], self._rounds[-2 * PAIR : -PAIR]
        for side in (0, 1):
            now, then = (min(time for each in part for time in each.device_us(side)) for part in (last, before))
            if abs(now - then) > STABLE * then:
                return False
        return True

    def _table(self) -> Rounds:
        return Rounds(
            candidate_us=np.array([each.device_us(0) for each in self._rounds]),
            reference_us=np.array([each.device_us(1) for each in self._rounds]),
            slots=np.array([each.slots for each in self._rounds], dtype=np.int64),
        )

    def _samples(self, found: Estimate, warm_up: int, *, stable: bool, narrow: bool) -> Samples:
        self._look_at_clocks(self._clock())
        clocks = self._clocks.model_copy(update={"throttled": tuple(self._throttled)}) if self._clocks else None
        return Samples(
            rounds=self._table(),
            candidate_host_us=np.array([each.host_us(0) for each in self._rounds]),
            reference_host_us=np.array([each.host_us(1) for each in self._rounds]),
            estimate=found,
            warm_up_rounds=warm_up,
            stable=stable,
            narrow=narrow,
            clocks=clocks,
            elapsed_s=self._clock() - self._begin_s,
        )

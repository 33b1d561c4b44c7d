"""What timed rounds say: a speedup with an interval that is honest, whatever the noise is like.

In a round candidate (A) and reference (B) run twice each, as ABBA or BAAB, drawn at random. Drawing is what everything
here rests on. Whatever the machine does while a round runs (clocks, heat, neighbours, an interrupt), it would have done
with the letters swapped as well. So the logarithm of a round's ratio is the truth plus an error whose *sign* is a fair
coin, given everything else: independent from round to round, however the sizes of the errors drift, cluster or jump.
Signed ranks need no more than that. The interval that they give is exact without any model of the noise, which a
bootstrap is not, and is nearly as narrow as a normal one (Hodges and Lehmann 1963). The estimate, the median of the
means of all pairs of rounds, ignores outliers like a median; unlike one it also charges for runs that are slow only
in less than half of all rounds.

Looking at the numbers to decide whether to go on makes any interval dishonest. So there are few looks, after 16, 32,
64, ... rounds, and each may err with its share of one in a thousand: however measuring ends, the sum holds.

Two errors that drawing does nothing about are added: what the addresses of a CUDA graph do to one side only, which
is seen from how its slots differ, and the resolution of the clock.

Functions take arrays whose last axes are rounds and runs, and any number of axes before them: thousands of simulated
measurements go through the same lines as one real one (`benchmarks/gpu/false_faster.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]

TAIL: Final = 0.001
"""How often each end of an interval may be on the wrong side of the truth: 99.8 % confidence."""

FIRST_LOOK: Final = 16
LOOKS: Final = 9
"""After 16, 32, ..., 4096 rounds; or earlier, when the time is up."""

GROUPS: Final = 256
"""Of consecutive rounds that are ranked at most; more rounds are averaged in groups, whose signs are as fair."""

UNKNOWN: Final = 20.0
"""Logarithm of a speedup beyond which an interval may as well end."""

COARSEST_US: Final = 1.1
"""Steps of the worst event timer there is (A100: 1.024 us); times that are further apart are so for another reason."""

EXACT: Final = 64
"""Rounds up to which the distribution of signed ranks is counted; beyond, the normal one is a little wider."""

SLOTS_DEGREES: Final = 5
"""Degrees of freedom of what is known of addresses: of six slots; that of fewer would make any speedup unknown."""

SURELY_SEEN: Final = 7.0
"""Runs among which what happens once in a run on average is seen, but for one case in a thousand."""

MILD: Final = 4.0
"""Standard deviations beyond which a run does not tell how slots differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Times of some rounds, and where they were taken; arrays of `[..., rounds, 2]`."""

    candidate_us: Numbers
    reference_us: Numbers
    slots: Indices
    """On which addresses, by number from 0: in a round both sides run once on each of two."""

    def first(self, count: int) -> "Rounds":
        """Returns the first rounds."""
        return Rounds(
            candidate_us=self.candidate_us[..., :count, :],
            reference_us=self.reference_us[..., :count, :],
            slots=self.slots[..., :count, :],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A speedup, reference over candidate, and the ends of its interval; arrays without the last two axes."""

    speedup: Numbers
    low: Numbers
    high: Numbers

    @property
    def width(self) -> Numbers:
        """Of the interval, relative to the speedup."""
        width: Numbers = (self.high - self.low) / self.speedup
        return width


def look_at(rounds: int) -> int | None:
    """Returns the number of the look that comes after so many rounds, from 0; None if none does."""
    power = math.log2(rounds / FIRST_LOOK) if rounds >= FIRST_LOOK else -1.0
    return int(power) if power == int(power) and 0 <= power < LOOKS else None


def estimate(rounds: Rounds, tail: float = TAIL / LOOKS) -> Estimate:
    """Returns the speedup and its interval.

    Args:
        rounds: At least two.
        tail: How often each end may be wrong: for one of several looks, its share.
    """
    ratios = np.log(rounds.reference_us.sum(-1)) - np.log(rounds.candidate_us.sum(-1))
    step, coarse = _steps(rounds)
    low, middle, high = symmetric_interval(ratios, tail)
    if coarse.any():  # few different times: their means tell more than their order
        averaged = symmetric_interval(ratios, tail, FIRST_LOOK)
        low, middle, high = (
            np.where(coarse, other, one) for one, other in zip((low, middle, high), averaged, strict=True)
        )
    drawn = (high - low) / 2
    margin = np.hypot(drawn, _slots_margin(rounds)) - drawn + step * min(1.0, SURELY_SEEN / (2 * ratios.shape[-1]))
    ends = np.clip(low - margin, -UNKNOWN, UNKNOWN), np.clip(high + margin, -UNKNOWN, UNKNOWN)
    return Estimate(speedup=np.exp(middle), low=np.exp(ends[0]), high=np.exp(ends[1]))


def symmetric_interval(values: Numbers, tail: float, groups: int = GROUPS) -> tuple[Numbers, Numbers, Numbers]:
    """Returns the interval for the centre of values whose errors have fair signs: low end, estimate, high end.

    These are order statistics of the means of all pairs (Walsh averages), by the distribution of signed ranks. Of too
    few values for `tail` it is Student's interval instead, which takes them for normal.

    Args:
        values: In order of time, along the last axis.
        tail: How often each end may be wrong.
        groups: More values than that are averaged in groups of consecutive ones.
    """
    values = _grouped(values, groups)
    count = values.shape[-1]
    first, second = np.triu_indices(count)
    means = (values[..., first] + values[..., second]) / 2
    rank = _rank(count, tail)
    pairs = means.shape[-1]
    middle = [(pairs - 1) // 2, pairs // 2]
    if rank < 0:
        center = np.median(means, axis=-1)
        half = student(count - 1, tail) * values.std(-1, ddof=1) / math.sqrt(count)
        return center - half, center, center + half
    means.partition([rank, *middle, pairs - 1 - rank], axis=-1)
    return means[..., rank], means[..., middle].mean(-1), means[..., pairs - 1 - rank]


def _grouped(values: Numbers, groups: int) -> Numbers:
    """Returns at most so many means of consecutive values."""
    count = values.shape[-1]
    if count <= groups:
        return values
    edges = np.linspace(0, count, groups + 1).astype(np.int64)
    means: Numbers = np.add.reduceat(values, edges[:-1], axis=-1) / np.diff(edges)
    return means


@lru_cache(maxsize=256)
def _rank(count: int, tail: float) -> int:
    """Returns the index of the Walsh average that is the low end; -1 if even the smallest is not low enough."""
    most = count * (count + 1) // 2
    if count > EXACT:
        deviation = math.sqrt(most * (2 * count + 1) / 12)
        return math.floor(most / 2 + NormalDist().inv_cdf(tail) * deviation - 0.5)
    ways = np.zeros(most + 1)
    ways[0] = 1.0
    for number in range(1, count + 1):  # each rank is above or below with equal chances
        ways[number:] += ways[:-number].copy()
        ways /= 2
    return int(np.searchsorted(np.cumsum(ways), tail, side="right")) - 1


@lru_cache(maxsize=256)
def student(degrees: int, tail: float) -> float:
    """Returns the value that Student's t exceeds with probability `tail`."""
    low, high = 0.0, 1.0
    while _student_beyond(high, degrees) > tail:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_beyond(middle, degrees) > tail else (low, middle)
    return high


def _student_beyond(value: float, degrees: int) -> float:
    """Returns the probability that Student's t is larger (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(value / math.sqrt(degrees))
    cosine = math.cos(angle)
    term, total = (cosine, 0.0) if degrees % 2 else (1.0, 0.0)
    for power in range(2 + degrees % 2, degrees + 1, 2):
        total += term
        term *= cosine**2 * (power - 1) / power
    within = math.sin(angle) * total
    if degrees % 2:
        within = 2 / math.pi * (angle + within)
    return (1 - within) / 2


def _slots_margin(rounds: Rounds) -> Numbers:
    """Returns what is not known of the logarithm of the speedup since both sides ran on a few addresses only.

    What addresses do to both alike is not in it: in a round both run on the same. It is a margin for effects that can
    be seen, with the noise of that taken off: below about a third of the rest of the interval they can't.
    """
    number = int(rounds.slots.max()) + 1
    if number < 2:
        return np.zeros(rounds.slots.shape[:-2])
    differences = np.log(rounds.reference_us) - np.log(rounds.candidate_us)
    shape = (*differences.shape[:-2], differences.shape[-2] * 2)
    rest = differences.reshape(shape)
    rest = rest - np.median(rest, axis=-1, keepdims=True)
    size = np.quantile(np.abs(rest), 0.6827, axis=-1, keepdims=True)
    rest = np.clip(rest, -MILD * size, MILD * size)
    variance = rest.var(-1)
    means, shares = [], []
    for slot in range(number):
        taken = rounds.slots.reshape(shape) == slot
        count = np.maximum(taken.sum(-1), 1)
        means.append((rest * taken).sum(-1) / count)
        shares.append(1 / count)
    between = np.var(means, axis=0, ddof=1) - variance * np.mean(shares, axis=0)
    margin: Numbers = student(SLOTS_DEGREES, TAIL) * np.sqrt(np.maximum(between, 0.0) / number)
    return margin


def _steps(rounds: Rounds) -> tuple[Numbers, NDArray[np.bool_]]:
    """Returns the steps of the clock, relative to the times on both sides together, and whether they are coarse.

    Runs begin anywhere between two steps, so the mean of many is right to a small part of a step. But of a few that are
    all equal, it is not known how far they are from the next. 0 if no step can be seen.
    """
    runs = np.concatenate([rounds.candidate_us, rounds.reference_us], axis=-1)
    flat = np.sort(runs.reshape(*runs.shape[:-2], -1), axis=-1)
    gaps = np.diff(flat, axis=-1)
    steps = gaps > 1e-6 * flat[..., :1]  # equal but for rounding
    step = np.where(steps, gaps, np.inf).min(-1)
    coarse = (steps.sum(-1) + 1 <= flat.shape[-1] / 4) & (step <= COARSEST_US)
    step = np.where(coarse, step, 0.0)
    relative = 1 / np.median(rounds.candidate_us, axis=(-2, -1)) + 1 / np.median(rounds.reference_us, axis=(-2, -1))
    return step * relative, coarse


def median_interval(values: Sequence[float] | Numbers, tail: float = TAIL) -> tuple[float, float]:
    """Returns the interval of the median of values in order of time, which may depend on each other.

    The ends are order statistics; how far apart, by how much the share of small values differs between batches of
    consecutive ones (Heidelberger and Lewis 1984).
    """
    times = np.asarray(values, dtype=np.float64)
    count = len(times)
    if count < 2:
        return float(times.min()), float(times.max())
    below = (times < np.median(times)) + 0.5 * (times == np.median(times))
    batches = max(2, min(30, math.isqrt(count)))
    edges = np.linspace(0, count, batches + 1).astype(np.int64)
    shares = np.add.reduceat(below, edges[:-1]) / np.diff(edges)
    independent = 0.5 / math.sqrt(count)
    half = student(batches - 1, tail) * max(float(shares.std(ddof=1)) / math.sqrt(batches), independent)
    low, high = np.quantile(times, [max(0.5 - half, 0.0), min(0.5 + half, 1.0)])
    return float(low), float(high)


def spread(values: Sequence[float] | Numbers) -> float:
    """Returns the coefficient of variation, from the middle 80 % of the values."""
    low, middle, high = np.quantile(np.asarray(values, dtype=np.float64), [0.1, 0.5, 0.9])
    return float((high - low) / (2 * NormalDist().inv_cdf(0.9) * middle)) if middle else 0.0

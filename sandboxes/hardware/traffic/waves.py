"""Which programs run at the same time.

The hardware hands out blocks in the order of their linear ids, x fastest, and each multiprocessor holds as many as its
occupancy allows: a *wave* is what runs at once. Blocks end and are replaced one by one, so waves have no sharp edges on
a device; they are the usual idealisation. A kernel whose grid fits at once, a persistent one among them, is one wave.
"""

from dataclasses import dataclass

import numpy as np

from sandboxes.contracts import Resources, Target

EXACT_WAVES = 4
"""Waves up to which all of them are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Programs with consecutive ids that run at once, as far as they are looked at."""

    first: int
    """Linear id of the first one looked at."""
    programs: int
    """How many are looked at."""
    whole: int
    """How many run at once."""
    follows: bool
    """Whether the wave before it is the one before it in the sample."""
    stands_for: float
    """Programs of the grid that it represents, these included."""

    @property
    def ids(self) -> range:
        """Linear ids of the programs looked at."""
        return range(self.first, self.first + self.programs)

    @property
    def weight(self) -> float:
        """Programs that each one looked at stands for."""
        return self.stands_for / self.programs


def programs_at_once(target: Target, resources: Resources) -> int:
    """Returns how many programs of a kernel run at once on `target`; at least one per multiprocessor."""
    warps = -(-max(resources.threads, 1) // target.warp_size)
    resident = resources.occupancy * target.threads_per_multiprocessor / target.warp_size
    return target.multiprocessors * max(1, min(round(resident / warps), target.blocks_per_multiprocessor))


def choose_waves(
    total: int, at_once: int, seed: int, *, most: int | None = None, few: bool = False
) -> tuple[Wave, ...]:
    """Returns the waves to look at, in the order in which they run.

    All of them if there are at most `EXACT_WAVES`; otherwise the first, two consecutive ones out of the middle and the
    last. Where the two lie is drawn by the judge's seed, and so is the part of a wave that is looked at if all of it
    is too much: a kernel can't know where it is watched.

    Args:
        total: Programs of the grid, at least 1.
        at_once: Programs of a wave.
        seed: The judge's.
        most: Programs of a wave to look at; None: all of them.
        few: Only two consecutive waves, anywhere, which stand for all.
    """
    random = np.random.default_rng([seed, 0x57415645])
    chosen = _few(total, at_once, random) if few else _several(total, at_once, random)
    shift = float(random.random())
    waves = []
    for index, stands_for in chosen.items():
        whole = min(at_once, total - index * at_once)
        programs = whole if most is None else min(most, whole)
        first = index * at_once + int(shift * (whole - programs + 1))
        waves.append(
            Wave(first=first, programs=programs, whole=whole, follows=index - 1 in chosen, stands_for=stands_for)
        )
    return tuple(waves)


def scattered(total: int, count: int, seed: int) -> list[int]:
    """Returns ids of programs all over the grid: the judge's seed draws one out of each of `count` equal parts."""
    random = np.random.default_rng([seed, 0x53434154])
    count = min(count, total)
    places = (np.arange(count) + random.random(count)) * (total / count)
    return sorted({min(int(place), total - 1) for place in places.tolist()})


def _several(total: int, at_once: int, random: np.random.Generator) -> dict[int, float]:
    """Returns indices of waves and how many programs they stand for."""
    count = -(-total // at_once)
    last = total - (count - 1) * at_once
    if count <= EXACT_WAVES:
        return {index: float(at_once if index < count - 1 else last) for index in range(count)}
    pair = 1 + int(random.integers(count - 3))
    half = (total - at_once - last) / 2
    return {0: float(at_once), pair: half, pair + 1: half, count - 1: float(last)}


def _few(total: int, at_once: int, random: np.random.Generator) -> dict[int, float]:
    count = -(-total // at_once)
    if count == 1:
        return {0: float(total)}
    pair = int(random.integers(count - 1))
    own = [min(at_once, total - index * at_once) for index in (pair, pair + 1)]
    return {pair + number: total * size / sum(own) for number, size in enumerate(own)}

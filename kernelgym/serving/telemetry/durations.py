"""How long things take, as counters that any number of processes may add to.

A ledger counts each answer's durations in the very step in which it takes the answer. So the histograms are those of
all workers and survive restarts of any of them, every replica of the API shows the same ones, and the second answer to
a job counts nowhere. Which bucket a duration falls into is part of the counter's name.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from sandboxes.contracts import Stage

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
"""Upper ends of the buckets, inclusive; one more holds what takes longer."""

STAGES: Final = tuple(stage.value for stage in Stage if stage is not Stage.EXTRACT)
PARTS: Final = ("wait", "work", "total")
"""Of a job's time from submission to answer (`total`): in queues (`wait`), at stations (`work`)."""

_PREFIX: Final = "seconds:"
_LONGEST_S: Final = 1e7
_SUM: Final = "microseconds"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations of one kind, since the ledger began."""

    counts: tuple[int, ...]
    """Of each bucket of `BOUNDS_S`, and of those above; not cumulative."""
    sum_s: float

    @property
    def count(self) -> int:
        """All durations."""
        return sum(self.counts)

    def quantile_s(self, share: float) -> float | None:
        """Returns the duration that `share` of all do not exceed, linear within a bucket; None if there is none.

        What lies above the last bound is given as that bound.
        """
        rank, below = share * self.count, 0
        for bucket, (count, upto) in enumerate(zip(self.counts, accumulate(self.counts), strict=True)):
            if count and upto >= rank:
                if bucket == len(BOUNDS_S):
                    break
                low = BOUNDS_S[bucket - 1] if bucket else 0.0
                return low + (BOUNDS_S[bucket] - low) * (rank - below) / count
            below = upto
        return BOUNDS_S[-1] if self.count else None


def counted_stages(timings_s: Mapping[str, float]) -> dict[str, float]:
    """Returns the durations of stages; what else a worker may have written there is left out."""
    return {name: timings_s[name] for name in STAGES if name in timings_s and _is_duration(timings_s[name])}


def increments(durations_s: Mapping[str, float]) -> dict[str, int]:
    """Returns by how much each counter grows; what is neither a stage nor a part of a job's time is not counted."""
    grown: dict[str, int] = {}
    for name in (*STAGES, *PARTS):
        seconds = durations_s.get(name)
        if seconds is not None and _is_duration(seconds):
            grown[f"{_PREFIX}{name}:{bisect_left(BOUNDS_S, seconds)}"] = 1
            grown[f"{_PREFIX}{name}:{_SUM}"] = round(seconds * 1e6)
    return grown


def histograms(counters: Mapping[str, int]) -> dict[str, Histogram]:
    """Returns what `increments` has added up to, for every stage and part; empty ones among them."""
    return {
        name: Histogram(
            tuple(counters.get(f"{_PREFIX}{name}:{bucket}", 0) for bucket in range(len(BOUNDS_S) + 1)),
            counters.get(f"{_PREFIX}{name}:{_SUM}", 0) / 1e6,
        )
        for name in (*STAGES, *PARTS)
    }


def without_durations(counters: Mapping[str, int]) -> dict[str, int]:
    """Returns the counters that people read."""
    return {name: count for name, count in counters.items() if not name.startswith(_PREFIX)}


def _is_duration(seconds: float) -> bool:
    return 0 <= seconds < _LONGEST_S

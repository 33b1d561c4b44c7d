"""Which episodes count, which turn speaks for an episode, and what it is compared with."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from kernelgym.runs.record import EpisodeRecord, Loss

THRESHOLDS: Final = (0.0, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0)
"""Speedups for which fast_p is reported."""

UNCOUNTED: Final = frozenset({Loss.SKIPPED, Loss.INFRASTRUCTURE})
"""Losses that say nothing about the policy. One that the policy itself caused is a failure, and counts."""


class View(StrEnum):
    """Which turn speaks for an episode at turn `t`."""

    LAST = "last"
    """The one that was played then. What ended earlier speaks with its last turn, as it chose to stop there; what ended
    by an error of the policy has nothing to say from then on, and fails."""
    BEST = "best"
    """The best one so far: correct, hacked or compiled if any was, the largest speedup, the highest reward."""


class Baseline(StrEnum):
    """What a speedup is relative to."""

    EAGER = "eager"
    """The reference as it is."""
    COMPILE = "compile"
    """The reference under `torch.compile`; only where it was measured."""


def counted(episodes: Iterable[EpisodeRecord]) -> list[EpisodeRecord]:
    """Returns the episodes that say something about their policy, by problem and sample: the denominator of all rates.

    Left out are skipped problems and what was lost to a fault of the machine. An episode that ended by an error of the
    policy stays in, or a context that overflows would raise every rate.
    """
    return sorted((episode for episode in episodes if episode.loss not in UNCOUNTED), key=lambda episode: episode.key)

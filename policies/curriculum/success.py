"""What counts as a success, and the tally of a group."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final, NamedTuple, Self

from kernelgym.errors import BadUsage
from kernelgym.metrics.views import UNCOUNTED
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from sandboxes.contracts import Outcome, Report


class Speaking(StrEnum):
    """Which turn of an episode is asked."""

    BEST = "best"
    """Any: the episode succeeds if one of its turns does."""
    FIRST = "first"
    """The first: what a policy that gets no feedback would achieve."""
    LAST = "last"
    """The last that was played."""


@dataclass(frozen=True, slots=True)
class Success:
    """A candidate succeeds if it is correct and, if a speedup is asked for, at least that fast."""

    speedup: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns what `correct` or e.g. `fast:1.2` means; `str` gives the text back.

        Raises:
            BadUsage: It is neither.
        """
        if text == "correct":
            return cls()
        match = re.fullmatch(r"fast:([0-9.]+)", text)
        try:
            speedup = float(match[1]) if match else 0.0
        except ValueError:
            speedup = 0.0
        if not (isfinite(speedup) and speedup > 0.0):
            raise BadUsage(f"{text!r} is no success; give `correct`, or `fast:` and a speedup, e.g. `fast:1.2`")
        return cls(speedup)

    def __str__(self) -> str:
        return "correct" if self.speedup is None else f"fast:{self.speedup!r}"

    def of_report(self, report: Report) -> bool | None:
        """Returns whether it is a success; None if nobody knows: it was lost, or priced only."""
        if report.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNJUDGED):
            return None
        if self.speedup is None:
            return report.correct
        return report.speedup is not None and report.speedup >= self.speedup

    def of_episode(self, episode: EpisodeRecord, speaking: Speaking = Speaking.BEST) -> bool | None:
        """Returns whether it is a success; None if the episode was lost and says nothing.

        One that ended by an error of the policy counts, as in metrics: nothing comes after its last turn.
        """
        if episode.loss in UNCOUNTED:
            return None
        if episode.loss is Loss.POLICY and speaking is Speaking.LAST:
            return False
        return any(self.of_report(turn.report) for turn in _turns(episode, speaking))


CORRECT: Final = Success()


class Tally(NamedTuple):
    """How a group went."""

    successes: int
    failures: int

    @classmethod
    def of(cls, attempts: Iterable[bool | None]) -> Self:
        """Counts attempts; None, an attempt lost to the machine, counts nowhere."""
        judged = [attempt for attempt in attempts if attempt is not None]
        successes = sum(map(bool, judged))
        return cls(successes, len(judged) - successes)


def _turns(episode: EpisodeRecord, speaking: Speaking) -> tuple[TurnRecord, ...]:
    match speaking:
        case Speaking.BEST:
            return episode.turns
        case Speaking.FIRST:
            return episode.turns[:1]
        case Speaking.LAST:
            return episode.turns[-1:]

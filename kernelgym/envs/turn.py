"""One step of an episode, with everything that is known of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from rewards import Reward
from sandboxes.contracts import Report, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A completion and what became of it."""

    number: int
    """Counted from 1."""
    completion: str
    """What the agent wrote, up to `MAX_COMPLETION` characters of it."""
    submission: Submission | None
    """The code in it; None if there is none."""
    report: Report
    reward: Reward
    """Its value is None if the evaluation was lost to a fault that is not the candidate's."""
    observation: str
    """The feedback that the agent is shown."""

    @property
    def lost(self) -> bool:
        """True if there is no verdict: leave the turn out of every baseline and loss."""
        return self.reward.value is None


def best_turn(turns: Iterable[Turn]) -> Turn | None:
    """Returns the turn with the highest reward, then speedup; the first of several; None if all are lost."""
    scored = [turn for turn in turns if not turn.lost]
    return max(scored, key=lambda turn: (turn.reward.value or 0.0, turn.report.speedup or 0.0), default=None)

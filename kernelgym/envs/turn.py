"""One step of an episode, with everything that is known of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from rewards import Reward
from sandboxes.contracts import Outcome, Report, Submission


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


def merit(report: Report, reward: Reward, *, relative: bool) -> tuple[float, float]:
    """Returns what turns of an episode are compared by: reward, then speedup.

    Args:
        report: Of a turn that is not lost.
        reward: Its reward.
        relative: Whether it is paid for beating earlier turns (`NamedReward.relative`). The largest step need not lead
            to the best candidate, so correctness takes the place of the reward.
    """
    first = float(report.outcome is Outcome.OK) if relative else reward.value or 0.0
    return first, report.speedup or 0.0


def best_turn(turns: Iterable[Turn], *, relative: bool = False) -> Turn | None:
    """Returns the turn with the highest `merit`, the first of several; None if all are lost."""
    scored = [turn for turn in turns if not turn.lost]
    return max(scored, key=lambda turn: merit(turn.report, turn.reward, relative=relative), default=None)

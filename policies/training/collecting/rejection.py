"""Profiling-based rejection sampling in a training: which turns of an episode are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rewards.rejection import RejectionSampling, uniform
from sandboxes.contracts import Report


class Level(StrEnum):
    """What one probability is for."""

    TURN = "turn"
    """Each turn has that of its own share of own work."""
    EPISODE = "episode"
    """All correct turns of an episode have that of the geometric mean of their shares; each is drawn on its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRejection:
    """Takes correct turns that leave the work to PyTorch out of the loss."""

    rule: RejectionSampling = field(default_factory=RejectionSampling)
    level: Level = Level.TURN
    counted: bool = True
    """Rejected turns stay in the baseline of their group, as in the released code: a lazy success is competition,
    but gives no gradient. False takes them out; who is compared then depends on how well they did, so that no
    leave-one-out baseline is unbiased any more."""

    def kept(self, reports: Sequence[Report | None], *, step: int, prompt: str, rollout: int) -> tuple[bool, ...]:
        """Returns which turns are kept; the same arguments always give the same answer, on any machine.

        Args:
            reports: One per turn; None, a turn without a candidate, is kept.
            step: Of training.
            prompt: Id of the group.
            rollout: Which of the group's.
        """
        present = [report for report in reports if report is not None]
        if self.level is Level.EPISODE:
            drawn = self.rule.draw_episode(present, step=step, prompt=prompt, rollout=rollout)
            chances = iter([draw.probability for draw in drawn])
        else:
            chances = iter([self.rule.probability(report) for report in present])
        return tuple(
            report is None or uniform(self.rule.seed, step, prompt, rollout, turn) < next(chances)
            for turn, report in enumerate(reports, 1)
        )

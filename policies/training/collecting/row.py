"""One row of a batch while the rules of selection go over it: what is masked, and by which of them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from policies.curriculum import Speaking, Success
from policies.training.collecting.collected import CollectedEpisode
from policies.training.playing.played import PlayedEpisode, PlayedTurn


class Mask(StrEnum):
    """Why a turn is not learned from; the first that applies, in this order."""

    LOST = "lost"
    """An evaluation of its episode was lost to the infrastructure, by either evaluator."""
    CONFIRMATION = "confirmation"
    """The second evaluator was not asked."""
    TIES = "ties"
    """All returns of its group are alike, so that nothing can be learned by comparison."""
    PRS = "prs"
    """Rejection sampling by the share of own work."""
    TRUNCATION = "truncation"
    """It was cut off at its limit of tokens, under the condition that makes learning from it harmful."""


@dataclass(slots=True)
class Row:
    """What is known so far of one row.

    Args:
        played: The episode. Nothing of a lost one counts.
    """

    played: PlayedEpisode
    rewards: tuple[float | None, ...] = field(init=False)
    counted: list[bool] = field(init=False)
    masks: list[Mask | None] = field(init=False)
    """Per turn; None: it is learned from."""

    def __post_init__(self) -> None:
        turns, lost = len(self.played.turns), self.played.lost
        self.rewards = self.played.rewards
        self.counted = [not lost] * turns
        self.masks = [Mask.LOST if lost else None] * turns

    def confirm(self, confirmed: CollectedEpisode) -> None:
        """Takes over what a second evaluator says; a lost episode stays lost."""
        if self.played.lost:
            return
        self.played = confirmed.played  # the same tokens, with the reports that the rewards are of
        self.rewards = confirmed.rewards
        self.counted = list(confirmed.counted)
        why = Mask.LOST if confirmed.played.lost else Mask.CONFIRMATION
        self.masks = [None if learned else why for learned in confirmed.learned]

    def forget_rewards(self) -> None:
        """Takes rewards that nobody confirmed out of everything; call it after `mask_all`, which says why."""
        self.rewards = (None,) * len(self.masks)
        self.counted = [False] * len(self.masks)

    def mask(self, turn: int, why: Mask, *, counted: bool = True) -> None:
        """Takes a turn, counted from 0, out of the loss unless it is out already.

        Args:
            turn: Which.
            why: By which rule.
            counted: False takes it out of its group's baseline, too.
        """
        if self.masks[turn] is None:
            self.masks[turn] = why
            self.counted[turn] = self.counted[turn] and counted

    def mask_all(self, why: Mask) -> None:
        """Takes every turn out of the loss, and none out of the baseline."""
        for turn in range(len(self.masks)):
            self.mask(turn, why)

    def tally(self) -> Counter[str]:
        """Returns how many turns there are (`turns`) and how many each rule masks, by its name."""
        return Counter({"turns": len(self.masks)}) + Counter(str(mask) for mask in self.masks if mask is not None)

    def collected(self) -> CollectedEpisode:
        """Returns the finished row."""
        return CollectedEpisode(
            played=self.played,
            rewards=self.rewards,
            counted=tuple(self.counted),
            learned=tuple(mask is None for mask in self.masks),
        )

    def success(self, success: Success, speaking: Speaking) -> bool | None:
        """Returns whether the episode succeeds; None if nobody knows: it was lost, or not judged."""
        if self.played.lost:
            return None
        turns = asked(self.played.turns, speaking)
        found = [success.of_report(turn.report) for turn in turns if turn.report is not None]
        return True if True in found else None if None in found else False


def asked(turns: tuple[PlayedTurn, ...], speaking: Speaking) -> tuple[PlayedTurn, ...]:
    """Returns the turns whose verdict decides whether an episode succeeds."""
    match speaking:
        case Speaking.BEST:
            return turns
        case Speaking.FIRST:
            return turns[:1]
        case Speaking.LAST:
            return turns[-1:]

"""The second evaluator's word on complete groups, also where a group begins on one process and ends on another."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from policies.training.collecting.batch_layout import BatchLayout
from policies.training.collecting.collected import CollectedEpisode
from policies.training.collecting.row import Row
from policies.training.confirming.confirmation_counts import ConfirmationCounts
from policies.training.exchange import Exchange
from policies.training.playing.played import PlayedEpisode


class GroupConfirmer(Protocol):
    """Replaces the rewards of a group, and says which of its turns count."""

    @property
    def counts(self) -> ConfirmationCounts:
        """What this process's confirmer was asked so far, for metrics."""
        ...

    def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
        """Returns one row per episode, in their order.

        The episodes in them may have other reports; rejection and the curriculum look at those. Their tokens are the
        same.
        """
        ...


def confirm_groups(
    rows: Mapping[int, Row], groups: Collection[int], confirmer: GroupConfirmer, layout: BatchLayout, exchange: Exchange
) -> None:
    """Has each of these groups confirmed once, by the process that has its first row.

    Episodes of a group that straddles processes are gathered first, and the answers after it, so every process has to
    call this with the same groups.

    Args:
        rows: Those of this process, by their place in its part of the batch; are changed.
        groups: Numbers of groups.
        confirmer: This process's.
        layout: Of the batch.
        exchange: Among its processes.
    """
    split = [group for group in sorted(groups) if layout.straddles(group)]
    mine = {layout.first + index: row for index, row in rows.items()}
    played = {number: row.played for number, row in mine.items()}
    if split:
        wanted = {number for group in split for number in layout.rows_of(group)}
        for part in exchange.gather({number: played[number] for number in wanted & mine.keys()}):
            played |= part
    answers: dict[int, CollectedEpisode] = {}
    for group in sorted(groups):
        if layout.owner(group) == layout.rank:
            numbers = layout.rows_of(group)
            answers |= zip(numbers, confirmer.confirm([played[number] for number in numbers]), strict=True)
    if split:
        for part in exchange.gather({number: answers[number] for number in wanted & answers.keys()}):
            answers |= part
    for number, row in mine.items():
        if number in answers:
            row.confirm(answers[number])

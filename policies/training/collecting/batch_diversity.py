"""How different the answers of a batch are, over all its processes."""

from collections.abc import Mapping
from math import fsum

from policies.diversity import diversity
from policies.training.collecting.batch_layout import BatchLayout
from policies.training.collecting.row import Row
from policies.training.exchange import Exchange


def batch_diversity(rows: Mapping[int, Row], layout: BatchLayout, exchange: Exchange) -> float | None:
    """Returns the mean over groups of how different their first answers are; every process has to call this.

    First turns alone answer the same prompt. Lost episodes are in, as what they said is known. Only groups that
    straddle processes are sent.

    Args:
        rows: Those of this process, by their place in its part of the batch.
        layout: Of the batch.
        exchange: Among its processes.

    Returns:
        None if no group has two answers that are not empty.
    """
    answers = {layout.first + index: _first_answer(row) for index, row in rows.items()}
    split = {number for group in range(layout.groups) if layout.straddles(group) for number in layout.rows_of(group)}
    if split:
        for part in exchange.gather({number: answers[number] for number in split & answers.keys()}):
            answers |= part
    mine = {
        group: diversity([answers[number] for number in layout.rows_of(group)])
        for group in range(layout.groups)
        if layout.owner(group) == layout.rank
    }
    measured = [value for part in exchange.gather(mine) for value in part.values() if value is not None]
    return fsum(measured) / len(measured) if measured else None


def _first_answer(row: Row) -> tuple[int, ...]:
    turn = row.played.turns[0]
    return row.played.completion_ids[turn.start : turn.stop]

"""The rules that look at one row each, once the groups are settled: ties, rejection, truncation, in this order."""

from policies.training.collecting.batch_layout import Place
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import Ties
from policies.training.collecting.row import Mask, Row
from policies.training.collecting.turn_ends import turn_ends


def select_turns(row: Row, place: Place, options: CollectionOptions, *, step: int, tied: bool) -> None:
    """Masks the turns of a row that are not to be learned from.

    Args:
        row: Is changed.
        place: Of the row in the batch. Draws depend on it and on the step, never on the problem or on other rows.
        options: The rules.
        step: Of the training.
        tied: Whether nothing differs in the row's group.
    """
    if row.played.lost:
        return
    if tied and options.dynamic_sampling.ties is not Ties.OFF:
        row.mask_all(Mask.TIES)
    group = str(place.group)
    if options.rejection is not None:
        reports = [turn.report for turn in row.played.turns]
        for turn, kept in enumerate(options.rejection.kept(reports, step=step, prompt=group, rollout=place.rollout)):
            if not kept:
                row.mask(turn, Mask.PRS, counted=options.rejection.counted)
    if options.truncation is not None:
        ends = turn_ends(row.played)
        for turn, masked in enumerate(options.truncation.masked(ends, step=step, prompt=group, rollout=place.rollout)):
            if masked:
                row.mask(turn, Mask.TRUNCATION, counted=options.truncation.counted)

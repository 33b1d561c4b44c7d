"""One batch in the making: groups are played, judged, and drawn anew where they teach nothing.

Every process goes through the same rounds, since each decides on the same gathered summaries.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kernelgym.errors import BadUsage
from policies.training.collecting.batch_diversity import batch_diversity
from policies.training.collecting.batch_layout import BatchLayout, Place
from policies.training.collecting.collection_metrics import GroupCounts
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import Judged, Ties, all_lost
from policies.training.collecting.row import Row
from policies.training.collecting.shared_curriculum import SharedCurriculum
from policies.training.confirming.confirmation import GroupConfirmer, confirm_groups
from policies.training.exchange import Exchange
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from sandboxes.contracts import Outcome

Play = Callable[[Sequence[EpisodeRequest]], list[PlayedEpisode]]
"""Plays episodes, in the order of the requests. Every process calls it equally often, if need be with nothing to play:
a sampler that the processes share may need all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollouts:
    """All that plays and judges the episodes of a training."""

    play: Play
    options: CollectionOptions
    exchange: Exchange
    seed: int
    curriculum: SharedCurriculum | None
    confirmer: GroupConfirmer | None


@dataclass(slots=True)
class SamplingRounds:
    """The rounds of one batch.

    Args:
        rollouts: Who plays and judges.
        layout: Of the batch.
        problems: By group.
        step: Of the training.
        temperature: Of the sampling.
    """

    rollouts: Rollouts
    layout: BatchLayout
    problems: dict[int, str]
    step: int
    temperature: float
    rows: dict[int, Row] = field(init=False, default_factory=dict)
    """This process's, by their place in its part of the batch."""
    judged: dict[int, list[Judged]] = field(init=False, default_factory=dict)
    """All groups of the batch."""
    counts: GroupCounts = field(init=False)
    diversity: float | None = field(init=False, default=None)
    """Of the answers as first played; None: not measured, or nothing to compare."""
    unconfirmed: set[int] = field(init=False, default_factory=set)
    """Groups that the second evaluator was not asked about: their rewards are the first one's."""
    discarded: int = field(init=False, default=0)
    """Turns that this process has played for nothing: those of episodes that were replaced."""

    def __post_init__(self) -> None:
        self.counts = GroupCounts(groups=self.layout.groups, group_size=self.layout.group_size)

    def run(self) -> None:
        """Plays the batch; every process has to call this."""
        options = self.rollouts.options
        sampling = options.dynamic_sampling
        pending: Collection[int] = range(self.layout.groups)
        for attempt in range(1 + (sampling.rounds if sampling.ties is Ties.RESAMPLE else 0)):
            if attempt:
                self._draw_anew(pending)
            self._play(pending, attempt)
            if not attempt and options.measures_diversity:
                # before groups are drawn anew: those that replace them were chosen for being different
                self.diversity = batch_diversity(self.rows, self.layout, self.rollouts.exchange)
            self._judge(pending)
            pending = [group for group in pending if self.tied(group) or self.lost(group)]
            if not attempt:
                self.counts.tied, self.counts.lost = sum(map(self.tied, pending)), sum(map(self.lost, pending))
            if not pending:
                break
        self.counts.tied_left = sum(map(self.tied, range(self.layout.groups)))
        self.counts.lost_left = sum(map(self.lost, range(self.layout.groups)))

    def lost(self, group: int) -> bool:
        """Returns whether nothing of a group counts."""
        return all_lost(self.judged[group])

    def tied(self, group: int) -> bool:
        """Returns whether something of a group counts, but nothing differs."""
        return not self.lost(group) and self.rollouts.options.dynamic_sampling.tied(self.judged[group])

    def _draw_anew(self, groups: Collection[int]) -> None:
        """Chooses what is played in place of these groups: the curriculum's next problems, or the same again."""
        self.counts.redraw(groups)
        if self.rollouts.curriculum is not None:
            self.problems |= self.rollouts.curriculum.draw(groups)

    def _play(self, groups: Collection[int], attempt: int) -> None:
        """Plays this process's rows of some groups, and those that were lost again."""
        requests = {
            index: self._request(place, attempt)
            for index, place in enumerate(self.layout.places)
            if place.group in groups
        }
        for trial in range(1 + self.rollouts.options.retry_lost):
            if trial:
                requests = {index: request for index, request in requests.items() if self.rows[index].played.lost}
                lost = sum(self.rollouts.exchange.gather(len(requests)))
                if not lost:
                    break
                self.counts.retried += lost
            played = self.rollouts.play(list(requests.values()))
            self.discarded += sum(len(self.rows[index].played.turns) for index in requests if index in self.rows)
            self.rows |= {index: Row(episode) for index, episode in zip(requests, played, strict=True)}

    def _judge(self, groups: Collection[int]) -> None:
        """Judges groups by what was played; those that are worth it also by the second evaluator.

        Where ties are left out, a group that ties by the first is not worth it.
        """
        rollouts = self.rollouts
        self.judged |= self._summaries(groups)
        if rollouts.confirmer is None:
            self._refuse_prices()
        else:
            skipping = rollouts.options.dynamic_sampling.ties is not Ties.OFF
            worthy = [group for group in groups if not (self.lost(group) or (skipping and self.tied(group)))]
            self.unconfirmed = (self.unconfirmed - set(worthy)) | (set(groups) - set(worthy))
            confirm_groups(self.rows, worthy, rollouts.confirmer, self.layout, rollouts.exchange)
            self.judged |= self._summaries(worthy)
        if rollouts.curriculum is not None:
            judged = {group: self.judged[group] for group in groups}
            rollouts.curriculum.update(judged, self.problems, self.step)

    def _refuse_prices(self) -> None:
        """Raises BadUsage if an episode has a turn that was priced only."""
        for row in self.rows.values():
            if any(turn.report is not None and turn.report.outcome is Outcome.UNJUDGED for turn in row.played.turns):
                raise BadUsage(
                    f"the evaluator of the environment only prices: a turn of {row.played.problem} was not judged, and "
                    "what is learned from prices is to be fast and wrong; give a confirmer, or an evaluator that judges"
                )

    def _summaries(self, groups: Iterable[int]) -> Mapping[int, list[Judged]]:
        """Returns the episodes of these groups, over all processes."""
        options = self.rollouts.options
        own = [
            Judged(row.rewards, tuple(row.counted), row.success(options.success, options.speaking))
            for _, row in sorted(self.rows.items())
        ]
        everyone: list[Judged] = [episode for part in self.rollouts.exchange.gather(own) for episode in part]
        return {group: [everyone[number] for number in self.layout.rows_of(group)] for group in groups}

    def _request(self, place: Place, attempt: int) -> EpisodeRequest:
        return EpisodeRequest.of(
            self.problems[place.group],
            run=self.rollouts.seed,
            step=self.step,
            group=place.group,
            rollout=place.rollout,
            attempt=attempt,
            temperature=self.temperature,
        )

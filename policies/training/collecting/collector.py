"""From the problems of a batch to the rows that a training step learns from.

    problems ─ curriculum ─► play ─ retry lost ─► judge ─ confirm ─► tied? ─ draw anew ─► PRS, truncation ─► Collected

The number of rows never changes: what is not learned from stays in the batch with `learned` False. Everything that
needs more than one row (ties, the curriculum, metrics) is decided by every process on gathered summaries, so a group
may straddle processes; all make the same calls of `Exchange` and of `play`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kernelgym.errors import BadUsage
from policies.curriculum import ProblemSampler
from policies.diversity import TemperatureState
from policies.training.collecting.batch_layout import BatchLayout
from policies.training.collecting.collected import Collected
from policies.training.collecting.collection_metrics import collection_metrics
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.collector_state import CollectorState, record_of_sampler, sampler_of
from policies.training.collecting.dynamic_sampling import Ties
from policies.training.collecting.lost_batches import LostBatches
from policies.training.collecting.sampling_rounds import Play, Rollouts, SamplingRounds
from policies.training.collecting.selection import select_turns
from policies.training.collecting.shared_curriculum import SharedCurriculum
from policies.training.confirming.confirmation import GroupConfirmer
from policies.training.confirming.confirmation_counts import ConfirmationCounts
from policies.training.exchange import Exchange, SingleProcess


class Collector:
    """Collects the batches of a training; one per process, all with the same arguments.

    Args:
        play: Plays episodes, in the order of the requests; all processes call it equally often.
        options: The rules of selection.
        exchange: Among the processes of the training.
        seed: Of the training; decides the seeds of all episodes.
        group_size: Rollouts per problem.
        curriculum: Chooses the problems instead of the caller, one per group. That of the process of rank 0 is asked
            and told; those of others are left alone.
        confirmer: Evaluates groups a second time.

    Raises:
        BadUsage: The arguments do not go together.
    """

    def __init__(
        self,
        play: Play,
        options: CollectionOptions | None = None,
        exchange: Exchange | None = None,
        *,
        seed: int,
        group_size: int,
        curriculum: ProblemSampler | None = None,
        confirmer: GroupConfirmer | None = None,
    ) -> None:
        options = CollectionOptions() if options is None else options
        exchange = SingleProcess() if exchange is None else exchange
        if group_size < 2 and options.dynamic_sampling.ties is not Ties.OFF:
            raise BadUsage(f"groups of {group_size} are always tied; give larger groups, or ties=off")
        shared = None if curriculum is None else SharedCurriculum(curriculum, options.success, exchange)
        self._rollouts = Rollouts(
            play=play, options=options, exchange=exchange, seed=seed, curriculum=shared, confirmer=confirmer
        )
        self._group_size = group_size
        self._temperature = options.first_temperature
        self._lost_batches = LostBatches(options.lost_batches)

    @property
    def curriculum(self) -> ProblemSampler | None:
        """What has been learned of the problems' difficulty; `restore` replaces it."""
        return None if self._rollouts.curriculum is None else self._rollouts.curriculum.sampler

    @property
    def temperature(self) -> float:
        """That of the next batch. After `collect`, that of the batch is in its episodes: this one may have moved on."""
        return self._temperature.temperature

    def collect(self, problems: Sequence[str], step: int) -> Collected:
        """Plays and selects one batch; every process has to call this.

        Args:
            problems: Ids for this process's rows, in the order of the batch, `group_size` times each. With a curriculum
                only their number matters.
            step: Counted from 0; the same step always has the same seeds.

        Returns:
            This process's rows, in the order of the batch.

        Raises:
            BadUsage: The rows are no whole number of groups, the rows of a group name several problems, or the
                environment's evaluator only prices and there is no confirmer.
            EvaluatorBroken: Everything was lost, in as many batches in a row as `lost_batches` of the options says.
        """
        exchange, curriculum = self._rollouts.exchange, self._rollouts.curriculum
        given: list[list[str]] = exchange.gather(list(problems))
        layout = BatchLayout.of([len(part) for part in given], rank=exchange.rank, group_size=self._group_size)
        if curriculum is None:
            chosen = layout.problems([id_ for part in given for id_ in part])
        else:
            chosen = curriculum.draw(range(layout.groups))
        rounds = SamplingRounds(self._rollouts, layout, chosen, step, self.temperature)
        rounds.run()
        rows = [row for _, row in sorted(rounds.rows.items())]
        for place, row in zip(layout.places, rows, strict=True):
            select_turns(row, place, self._rollouts.options, step=step, tied=rounds.tied(place.group))
            if place.group in rounds.unconfirmed:  # tied by cheap rewards, which are not for baselines or metrics
                row.forget_rewards()
        tally = sum((row.tally() for row in rows), Counter[str](discarded=rounds.discarded))
        fault = next((row.played.fault for row in reversed(rows) if row.played.fault is not None), None)
        told: list[tuple[Counter[str], str | None]] = exchange.gather((tally, fault))
        tally = sum((part for part, _ in told), Counter[str]())
        self._lost_batches.note(tally, next((fault for _, fault in reversed(told) if fault is not None), None))
        coverage = None if curriculum is None else curriculum.coverage()
        metrics = collection_metrics(tally, rounds.counts, rounds.temperature, rounds.diversity, coverage)
        if self._rollouts.confirmer is not None:
            metrics |= sum(exchange.gather(self._rollouts.confirmer.counts), ConfirmationCounts()).metrics()
        if self._rollouts.options.diversity is not None:
            self._temperature = self._rollouts.options.diversity.after(self._temperature, rounds.diversity)
        return Collected(episodes=tuple(row.collected() for row in rows), metrics=metrics)

    def state(self) -> dict[str, Any]:
        """Returns all that a resumed training needs, as JSON data; the one of rank 0 is for all processes."""
        curriculum = None if self.curriculum is None else record_of_sampler(self.curriculum)
        temperature = None if self._rollouts.options.diversity is None else self._temperature.state()
        return CollectorState(temperature=temperature, curriculum=curriculum).model_dump(mode="json")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on as the collector that gave this state would have.

        Raises:
            BadUsage: It is no state, or that of a collector with other options.
            BookUnusable: Its curriculum can't be believed.
        """
        found, shared = CollectorState.read(state), self._rollouts.curriculum
        _check_same("curriculum", found.curriculum, shared)
        _check_same("temperature that follows diversity", found.temperature, self._rollouts.options.diversity)
        if found.temperature is not None:
            self._temperature = TemperatureState.restored(found.temperature)
        if shared is not None and found.curriculum is not None:
            shared.sampler = sampler_of(found.curriculum)


def _check_same(thing: str, state: object | None, training: object | None) -> None:
    """Raises BadUsage if only one of both has this."""
    if (state is None) != (training is None):
        has, lacks = ("no", "one") if state is None else ("a", "none")
        raise BadUsage(f"the state has {has} {thing}, this training {lacks}; go on with the options it began with")

"""The collector: what it plays, what it keeps, and that several processes make of a batch what one would."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.errors import BadUsage, EvaluatorBroken
from policies.curriculum import DifficultyBook, Success, ThompsonSampler, UniformSampler
from policies.diversity import DiversityTemperature
from policies.training.collecting.collected import Collected, CollectedEpisode
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.collector import Collector
from policies.training.collecting.dynamic_sampling import DynamicSampling, Ties
from policies.training.collecting.rejection import Level, TurnRejection
from policies.training.confirming.confirmation_counts import ConfirmationCounts
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from policies.truncation import Truncated, TruncationRule
from rewards.rejection import RejectionSampling, Share
from sandboxes.contracts import Outcome
from tests.policies.training.played import collected, played
from tests.policies.training.scripted_play import ScriptedPlay, ThreadedExchange, by_seed, on_processes

IDS = ("core/argmax", "core/softmax", "core/add_relu")
WRONG = Outcome.INCORRECT
RESAMPLE = DynamicSampling(ties=Ties.RESAMPLE)
SKIP = DynamicSampling(ties=Ties.SKIP)


def curriculum(seed: int = 0) -> ThompsonSampler:
    return ThompsonSampler(DifficultyBook(f"problem/{number}" for number in range(6)), seed)


def batch(*problems: str, group_size: int = 2) -> list[str]:
    return [problem for problem in problems for _ in range(group_size)]


def scripted(*groups: Sequence[PlayedEpisode]) -> ScriptedPlay:
    """Plays these episodes in the order in which they are asked for."""
    episodes = iter([episode for group in groups for episode in group])
    return ScriptedPlay(lambda request: next(episodes))


def test_without_options_every_turn_is_learned_but_those_of_lost_episodes() -> None:
    play = scripted([played(WRONG, 2.0), played(1.0, Outcome.INFRASTRUCTURE)], [played(1.0), played(1.0)])
    found = Collector(play, seed=1, group_size=2).collect(batch("a", "b"), step=3)
    assert [episode.played.problem for episode in found.episodes] == ["a", "a", "b", "b"]
    assert [episode.learned for episode in found.episodes] == [(True, True), (False, False), (True,), (True,)]
    assert [episode.counted for episode in found.episodes] == [episode.learned for episode in found.episodes]
    assert found.episodes[0].rewards == (0.0, 3.0)
    assert found.metrics["collect/masked_lost"] == found.metrics["collect/masked"] == pytest.approx(2 / 6)
    assert found.metrics["collect/groups_tied"] == 1.0, "one episode that is left has none to be compared with"


def test_no_two_places_of_a_training_share_a_seed() -> None:
    play = ScriptedPlay(by_seed)
    collector = Collector(play, seed=1, group_size=4)
    for step in range(3):
        collector.collect(batch("a", "a", group_size=4), step)
    assert len({request.seed for request in play.requests}) == 24


def test_the_same_problem_in_two_groups_makes_two_groups() -> None:
    play = scripted([played(1.0), played(1.0)], [played(1.0), played(2.0)])
    found = Collector(play, CollectionOptions(dynamic_sampling=SKIP), seed=1, group_size=2).collect(batch("a", "a"), 0)
    assert [episode.learned for episode in found.episodes] == [(False,), (False,), (True,), (True,)]


def test_rows_that_are_no_whole_groups_are_refused() -> None:
    collector = Collector(ScriptedPlay(by_seed), seed=1, group_size=2)
    with pytest.raises(BadUsage, match=r"3 rows are no whole number of groups of 2"):
        collector.collect(["a", "a", "a"], 0)
    with pytest.raises(BadUsage, match=r"group 1 has rows of b, c; repeat each problem 2 times"):
        collector.collect(["a", "a", "b", "c"], 0)
    with pytest.raises(BadUsage, match=r"groups of 1 are always tied"):
        Collector(ScriptedPlay(by_seed), CollectionOptions(dynamic_sampling=SKIP), seed=1, group_size=1)


# ties


def test_skipped_groups_stay_in_the_batch_and_out_of_the_loss() -> None:
    play = scripted([played(1.0), played(1.0)], [played(WRONG), played(1.0)])
    options = CollectionOptions(dynamic_sampling=SKIP)
    found = Collector(play, options, seed=1, group_size=2).collect(batch("a", "b"), 0)
    assert [episode.learned for episode in found.episodes] == [(False,), (False,), (True,), (True,)]
    assert all(all(episode.counted) for episode in found.episodes)
    assert found.metrics["collect/masked_ties"] == 0.5


def test_a_group_that_differs_only_in_an_early_turn_is_not_tied() -> None:
    play = scripted([played(WRONG, 1.0), played(0.5, 1.0)])
    options = CollectionOptions(dynamic_sampling=SKIP)
    found = Collector(play, options, seed=1, group_size=2).collect(batch("a"), 0)
    assert all(all(episode.learned) for episode in found.episodes)


def test_tied_groups_are_played_again_with_new_seeds_and_the_batch_keeps_its_size() -> None:
    play = scripted(
        [played(1.0), played(1.0)],
        [played(WRONG), played(1.0)],
        [played(WRONG), played(WRONG)],
        [played(2.0), played(1.0)],
    )
    options = CollectionOptions(dynamic_sampling=RESAMPLE)
    found = Collector(play, options, seed=1, group_size=2).collect(batch("a", "b"), 0)
    assert [len(call) for call in play.calls] == [4, 2, 2]
    assert [request.problem for request in play.requests[4:]] == ["a"] * 4
    assert len({request.seed for request in play.requests}) == 8
    assert [episode.rewards for episode in found.episodes] == [(3.0,), (2.0,), (0.0,), (2.0,)]
    assert all(all(episode.learned) for episode in found.episodes)
    numbers = found.metrics
    assert (numbers["collect/groups_tied"], numbers["collect/groups_tied_left"]) == (0.5, 0.0)
    assert (numbers["collect/groups_resampled"], numbers["collect/resampling_rounds"]) == (0.5, 2.0)
    assert numbers["collect/extra_episodes"] == numbers["collect/extra_turns"] == 4.0


@pytest.mark.parametrize("outcome", [Outcome.INFRASTRUCTURE, WRONG], ids=["lost", "tied"])
@pytest.mark.parametrize("ties", list(Ties))
def test_a_batch_of_which_nothing_can_be_learned_is_a_batch_all_the_same(outcome: Outcome, ties: Ties) -> None:
    options = CollectionOptions(dynamic_sampling=DynamicSampling(ties=ties), retry_lost=1)
    play = ScriptedPlay(lambda _: played(outcome, outcome))
    found = Collector(play, options, seed=1, group_size=2, curriculum=curriculum()).collect(batch("a", "b"), 0)
    assert len(found.episodes) == 4
    learned = [learned for episode in found.episodes for learned in episode.learned]
    assert learned == [outcome is WRONG and ties is Ties.OFF] * 8
    assert len(play.calls) == (3 if ties is Ties.RESAMPLE else 1) * (2 if outcome is Outcome.INFRASTRUCTURE else 1)


def test_lost_episodes_are_played_again_as_they_were() -> None:
    play = scripted([played(WRONG), played(Outcome.INFRASTRUCTURE)], [played(2.0)])
    found = Collector(play, CollectionOptions(retry_lost=3), seed=1, group_size=2).collect(batch("a"), 0)
    assert play.calls[1] == play.calls[0][1:], "the same seed: a new answer would favour those that are never lost"
    assert len(play.calls) == 2
    assert [episode.learned for episode in found.episodes] == [(True,), (True,)]
    assert found.metrics["collect/retried_episodes"] == found.metrics["collect/extra_episodes"] == 1.0


# the curriculum


def test_the_curriculum_chooses_one_problem_per_group_and_hears_how_it_went() -> None:
    sampler = UniformSampler(DifficultyBook(["a", "b"]), 0)
    outcomes = {"a": [played(1.0), played(WRONG, 2.0), played(Outcome.INFRASTRUCTURE)], "b": [played(WRONG)] * 3}
    left = {problem: iter(episodes) for problem, episodes in outcomes.items()}
    play = ScriptedPlay(lambda request: next(left[request.problem]))
    found = Collector(play, seed=1, group_size=3, curriculum=sampler).collect(["ignored"] * 6, 7)
    problems = [episode.played.problem for episode in found.episodes]
    assert problems in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)
    seen = sampler.book.evidence("a")
    assert (seen.successes, seen.failures, seen.step) == (2, 0, 7)
    assert sampler.book.evidence("b").failures == 3
    assert found.metrics["collect/curriculum_coverage"] == 1.0


def test_a_tied_group_is_replaced_by_the_next_problem_of_the_curriculum() -> None:
    sampler = UniformSampler(DifficultyBook(["a", "b", "c"]), 0)
    play = ScriptedPlay(
        lambda request: played(1.0) if request.problem != "c" else played(float(1 + request.seed % 997))
    )
    options = CollectionOptions(dynamic_sampling=RESAMPLE)
    found = Collector(play, options, seed=1, group_size=2, curriculum=sampler).collect(["", ""], 0)
    assert [episode.played.problem for episode in found.episodes] == ["c", "c"]
    assert sum(sampler.book.evidence(problem).attempts for problem in "abc") == len(play.requests)


def test_a_curriculum_that_keeps_book_of_another_success_is_refused() -> None:
    sampler = ThompsonSampler(DifficultyBook(["a"], success="fast:1.5"), 0)
    with pytest.raises(BadUsage, match=r"the success 'fast:1.5', but the one to be counted is 'correct'"):
        Collector(ScriptedPlay(by_seed), seed=1, group_size=2, curriculum=sampler)
    options = CollectionOptions(success=Success(1.5))
    play = scripted([played(1.0), played(2.0)])
    Collector(play, options, seed=1, group_size=2, curriculum=sampler).collect(["", ""], 0)
    assert sampler.book.evidence("a").successes == 1
    with pytest.raises(BadUsage, match=r"the curriculum has no problem"):
        Collector(play, seed=1, group_size=2, curriculum=ThompsonSampler(DifficultyBook(), 0))


# rejection sampling


def test_rejected_turns_leave_the_loss_and_stay_in_the_baseline() -> None:
    options = CollectionOptions(
        rejection=TurnRejection(rule=RejectionSampling(threshold=0.9, softness=0.0, share=Share.COVERAGE))
    )
    play = scripted([played(WRONG, 2.0), played(1.0, Outcome.INFRASTRUCTURE)])
    found = Collector(play, options, seed=1, group_size=2).collect(batch("a"), 0)
    assert found.episodes[0].learned == (True, False)
    assert found.episodes[0].counted == (True, True)
    assert found.metrics["collect/masked_prs"] == 0.25, "what is lost is not rejected as well"
    assert found.metrics["collect/masked_lost"] == 0.5


# truncation, temperature


def test_of_what_was_cut_off_only_what_is_neither_wrong_nor_a_loop_is_masked() -> None:
    fresh = replace(played(Outcome.NO_CODE, tokens=4, stopped=False), completion_ids=(1, 2, 3, 4))
    cut = {
        "no candidate": fresh,
        "half a candidate": replace(played(Outcome.SYNTAX_ERROR, tokens=4, stopped=False), completion_ids=(1, 2, 3, 4)),
        "correct": replace(played(1.0, tokens=4, stopped=False), completion_ids=(1, 2, 3, 4)),
        "wrong": replace(played(WRONG, tokens=4, stopped=False), completion_ids=(1, 2, 3, 4)),
        "a loop": replace(fresh, completion_ids=(1, 1, 1, 1)),
        "not cut off": played(Outcome.NO_CODE, tokens=4),
    }
    options = CollectionOptions(truncation=TruncationRule(mode=Truncated.CONDITIONAL, share=1.0, window=2))
    found = Collector(scripted(list(cut.values())), options, seed=1, group_size=6).collect(batch("a", group_size=6), 0)
    masked = {name for name, episode in zip(cut, found.episodes, strict=True) if episode.learned == (False,)}
    assert masked == {"no candidate", "half a candidate", "correct"}
    assert all(episode.counted == (True,) for episode in found.episodes)
    assert found.metrics["collect/masked_truncation"] == 0.5


def test_the_temperature_of_the_next_batch_follows_the_diversity_of_this_one() -> None:
    alike, different = played(WRONG, tokens=8), played(1.0, tokens=8)
    different = replace(different, completion_ids=tuple(range(8)))
    play = scripted([alike, different], [alike, alike], [alike, different])
    rule = DiversityTemperature(stage=1, settle=0, step=0.25)
    collector = Collector(play, CollectionOptions(diversity=rule), seed=1, group_size=2)
    metrics = [collector.collect(batch("a"), step).metrics for step in range(3)]
    assert [request.temperature for request in play.requests[::2]] == [1.0, 1.0, 1.25]
    assert [numbers["collect/diversity"] for numbers in metrics] == [1.0, 0.0, 1.0]
    assert [numbers["collect/temperature"] for numbers in metrics] == [1.0, 1.0, 1.25]
    assert collector.temperature == 1.25


def test_diversity_is_that_of_all_groups_as_first_played() -> None:
    def answer(*tokens: int) -> PlayedEpisode:
        return replace(played(WRONG, tokens=len(tokens)), completion_ids=tokens)

    play = scripted([answer(1, 2), answer(1, 2)], [answer(1, 2), answer(3, 4)], [answer(5, 6), answer(7, 8)] * 4)
    options = CollectionOptions(dynamic_sampling=RESAMPLE, measure_diversity=True)
    found = Collector(play, options, seed=1, group_size=2).collect(batch("a", "b"), 0)
    assert found.metrics["collect/resampling_rounds"] == 2.0
    assert found.metrics["collect/diversity"] == 0.5


# several processes, checkpoints


class Halving:
    """Confirms by halving each reward; a row that is last in its group is not asked for."""

    def __init__(self) -> None:
        self.counts = ConfirmationCounts()

    def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
        self.counts += ConfirmationCounts(groups=1, asked=len(group) - 1, spared=1)
        asked = [index < len(group) - 1 and not episode.lost for index, episode in enumerate(group)]
        return [
            CollectedEpisode(
                played=episode,
                rewards=tuple(None if reward is None else reward / 2 for reward in episode.rewards),
                counted=(keep,) * len(episode.turns),
                learned=(keep,) * len(episode.turns),
            )
            for episode, keep in zip(group, asked, strict=True)
        ]


OPTIONS = st.builds(
    CollectionOptions,
    dynamic_sampling=st.builds(DynamicSampling, ties=st.sampled_from(Ties), rounds=st.integers(1, 3)),
    rejection=st.none()
    | st.builds(
        TurnRejection,
        rule=st.just(RejectionSampling(threshold=0.6, softness=0.4, share=Share.COVERAGE)),
        level=st.sampled_from(Level),
        counted=st.booleans(),
    ),
    truncation=st.none() | st.sampled_from([TruncationRule(mode=mode, share=0.5, window=2) for mode in Truncated]),
    retry_lost=st.integers(0, 2),
    diversity=st.none() | st.just(DiversityTemperature(stage=1, settle=0, step=0.2, target=0.9)),
    measure_diversity=st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(
    options=OPTIONS,
    processes=st.sampled_from([2, 3, 4, 6]),
    group_size=st.sampled_from([2, 3, 4, 6]),
    adaptive=st.booleans(),
    confirming=st.booleans(),
    seed=st.integers(0, 9),
)
def test_several_processes_collect_what_one_would(
    options: CollectionOptions, processes: int, group_size: int, adaptive: bool, confirming: bool, seed: int
) -> None:
    rows = [f"problem/{index // group_size % 2}" for index in range(12)]

    def collect(exchange: ThreadedExchange) -> tuple[list[Collected], int, int]:
        play = ScriptedPlay(by_seed)
        collector = Collector(
            play, options, exchange, seed=seed, group_size=group_size,
            curriculum=curriculum(seed) if adaptive else None, confirmer=Halving() if confirming else None,
        )  # fmt: skip
        part = len(rows) // exchange.size
        own = rows[exchange.rank * part : (exchange.rank + 1) * part]
        return [collector.collect(own, step) for step in range(2)], exchange.calls, len(play.calls)

    [(alone, _, _)] = on_processes(1, collect)
    together = on_processes(processes, collect)
    for step in range(2):
        assert [row for found, _, _ in together for row in found[step].episodes] == list(alone[step].episodes)
        assert all(found[step].metrics == alone[step].metrics for found, _, _ in together)
    assert len({(calls, plays) for _, calls, plays in together}) == 1


@settings(deadline=None)
@given(options=OPTIONS, seed=st.integers(0, 9), groups=st.integers(1, 4), group_size=st.integers(2, 5))
def test_sizes_and_orders_are_kept_whatever_the_rules(
    options: CollectionOptions, seed: int, groups: int, group_size: int
) -> None:
    rows = [IDS[group % 3] for group in range(groups) for _ in range(group_size)]
    found = Collector(ScriptedPlay(by_seed), options, seed=seed, group_size=group_size).collect(rows, 0)
    assert [episode.played.problem for episode in found.episodes] == rows
    for episode in found.episodes:
        assert all(counted or not learned for counted, learned in zip(episode.counted, episode.learned, strict=True))
        assert not (episode.played.lost and any(episode.counted))
    numbers = found.metrics
    turns = sum(len(episode.learned) for episode in found.episodes)
    masked = sum(not learned for episode in found.episodes for learned in episode.learned)
    assert numbers["collect/masked"] == pytest.approx(masked / turns)
    parts = [value for name, value in numbers.items() if name.startswith("collect/masked_")]
    assert sum(parts) == pytest.approx(numbers["collect/masked"]), "each masked turn is told of once"


@settings(deadline=None)
@given(options=OPTIONS, seed=st.integers(0, 99), rewards=st.lists(st.floats(0, 4), min_size=64, max_size=64))
def test_who_is_in_the_baseline_does_not_depend_on_rewards(
    options: CollectionOptions, seed: int, rewards: list[float]
) -> None:
    if (options.rejection and not options.rejection.counted) or (options.truncation and not options.truncation.counted):
        return

    def paid(request: EpisodeRequest) -> PlayedEpisode:
        episode = by_seed(request)
        wages = tuple(
            None if turn.reward is None else rewards[(request.seed >> index) % 64]
            for index, turn in enumerate(episode.turns)
        )
        kinds = [turn.report for turn in episode.turns]
        return played(*(_verdict(report) for report in kinds if report is not None), rewards=wages)

    found = Collector(ScriptedPlay(paid), options, seed=seed, group_size=4).collect(batch("a", "b", group_size=4), 0)
    for episode in found.episodes:
        assert set(episode.counted) == {not episode.played.lost}


def _verdict(report: object) -> Outcome | float:
    outcome = getattr(report, "outcome", None)
    assert isinstance(outcome, Outcome)
    return 1.0 if outcome is Outcome.OK else outcome


@pytest.mark.parametrize("ties", list(Ties))
def test_a_resumed_training_collects_what_an_uninterrupted_one_would(ties: Ties) -> None:
    def collector() -> Collector:
        rule = DiversityTemperature(stage=3, settle=1, step=0.2, target=0.9)
        options = CollectionOptions(dynamic_sampling=DynamicSampling(ties=ties), retry_lost=1, diversity=rule)
        return Collector(ScriptedPlay(by_seed), options, seed=5, group_size=4, curriculum=curriculum())

    one, rows = collector(), [""] * 16
    whole = [one.collect(rows, step) for step in range(4)]
    assert len({found.metrics["collect/temperature"] for found in whole}) == 2
    first = collector()
    assert [first.collect(rows, step) for step in range(2)] == whole[:2]
    state = json.loads(json.dumps(first.state()))
    second = collector()
    second.restore(state)
    assert [second.collect(rows, step) for step in range(2, 4)] == whole[2:]


def test_a_state_that_does_not_fit_is_refused() -> None:
    with_one = Collector(ScriptedPlay(by_seed), seed=1, group_size=2, curriculum=curriculum())
    without = Collector(ScriptedPlay(by_seed), seed=1, group_size=2)
    with pytest.raises(BadUsage, match=r"the state has a curriculum, this training none"):
        without.restore(with_one.state())
    with pytest.raises(BadUsage, match=r"the state has no curriculum, this training one"):
        with_one.restore(without.state())
    steered = Collector(
        ScriptedPlay(by_seed), CollectionOptions(diversity=DiversityTemperature()), seed=1, group_size=2
    )
    with pytest.raises(BadUsage, match=r"the state has no temperature that follows diversity, this training one"):
        steered.restore(without.state())
    with pytest.raises(BadUsage, match=r"no state of a temperature"):
        steered.restore(steered.state() | {"temperature": {"heat": 1.0}})
    with pytest.raises(BadUsage, match=r"no state of a collector of this version"):
        without.restore({"schema_version": 2})


# the second evaluator


def test_a_group_that_ties_by_the_first_evaluator_is_not_confirmed_where_ties_are_left_out() -> None:
    asked: list[int] = []

    class Confirmer:
        counts = ConfirmationCounts()

        def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
            asked.append(len(group))
            return [collected(episode) for episode in group]

    for ties, times in ((Ties.OFF, 2), (Ties.SKIP, 1)):
        asked.clear()
        play = scripted([played(1.0), played(1.0)], [played(WRONG), played(1.0)])
        options = CollectionOptions(dynamic_sampling=DynamicSampling(ties=ties))
        Collector(play, options, seed=1, group_size=2, confirmer=Confirmer()).collect(batch("a", "b"), 0)
        assert len(asked) == times


def test_cheap_rewards_of_a_group_that_is_not_confirmed_are_in_no_baseline_and_no_metric() -> None:
    play = scripted([played(1.0)] * 3, [played(WRONG), played(1.0), played(2.0)])
    options = CollectionOptions(dynamic_sampling=SKIP)
    found = Collector(play, options, seed=1, group_size=3, confirmer=Halving()).collect(
        batch("a", "b", group_size=3), 0
    )
    tied, confirmed = found.episodes[:3], found.episodes[3:]
    assert [(episode.rewards, episode.counted) for episode in tied] == [((None,), (False,))] * 3
    assert [episode.counted for episode in confirmed] == [(True,), (True,), (False,)]
    assert found.metrics["collect/masked_ties"] == found.metrics["collect/groups_tied_left"] == 0.5


def test_prices_without_anybody_who_judges_are_refused() -> None:
    play = scripted([played(Outcome.UNJUDGED, rewards=(2.0,)), played(WRONG)])
    with pytest.raises(BadUsage, match=r"a turn of a was not judged.*give a confirmer"):
        Collector(play, seed=1, group_size=2).collect(batch("a"), 0)


def test_what_the_second_evaluator_says_is_learned_and_what_it_was_not_asked_is_not() -> None:
    play = scripted([played(WRONG), played(1.0), played(2.0)])
    found = Collector(play, seed=1, group_size=3, confirmer=Halving()).collect(batch("a", group_size=3), 0)
    assert [episode.rewards for episode in found.episodes] == [(0.0,), (1.0,), (1.5,)]
    assert [episode.counted for episode in found.episodes] == [(True,), (True,), (False,)]
    assert found.metrics["collect/masked_confirmation"] == pytest.approx(1 / 3)
    assert (found.metrics["confirm/asked"], found.metrics["confirm/saved"]) == (2.0, pytest.approx(1 / 3))


def test_rejection_and_the_curriculum_go_by_the_reports_of_whoever_judged() -> None:
    class Judge:
        counts = ConfirmationCounts()

        def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
            return [collected(played(1.0)), collected(played(WRONG)), collected(group[2], learned=(False,))]

    sampler = ThompsonSampler(DifficultyBook(["a"]), 0)
    everything = TurnRejection(rule=RejectionSampling(threshold=1.0, softness=0.0, share=Share.COVERAGE))
    priced = played(Outcome.UNJUDGED, rewards=(0.5,))
    play = scripted([priced, priced, priced])
    found = Collector(
        play, CollectionOptions(rejection=everything), seed=1, group_size=3, curriculum=sampler, confirmer=Judge()
    ).collect([""] * 3, 0)  # fmt: skip
    assert [episode.learned for episode in found.episodes] == [(False,), (True,), (False,)]
    seen = sampler.book.evidence("a")
    assert (seen.successes, seen.failures) == (1, 1), "of what was priced only, nobody knows whether it is correct"


def test_what_either_evaluator_lost_is_told_as_lost() -> None:
    class Losing:
        counts = ConfirmationCounts()

        def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
            return [collected(played(Outcome.INFRASTRUCTURE)), *map(collected, group[1:])]

    play = scripted([played(1.0), played(2.0)])
    found = Collector(play, seed=1, group_size=2, confirmer=Losing()).collect(batch("a"), 0)
    assert found.metrics["collect/masked_lost"] == 0.5
    assert found.metrics["collect/masked_confirmation"] == 0.0


def down(request: EpisodeRequest) -> PlayedEpisode:
    return replace(played(Outcome.INFRASTRUCTURE), fault=f"no worker for {request.problem}")


def test_a_training_that_only_loses_ends_and_names_the_last_fault() -> None:
    play = ScriptedPlay(down)
    collector = Collector(play, CollectionOptions(), seed=0, group_size=2)
    up = ScriptedPlay(lambda request: played(1.0))
    collector.collect(batch("a"), 0)
    collector.collect(batch("a"), 1)
    play.script = up.script
    collector.collect(batch("a"), 2)
    play.script = down
    collector.collect(batch("a"), 3)
    collector.collect(batch("a"), 4)
    with pytest.raises(EvaluatorBroken, match=r"3 batches in a row was lost.*fault: no worker for b\."):
        collector.collect(batch("a", "b"), 5)
    patient = Collector(ScriptedPlay(down), CollectionOptions(lost_batches=0), seed=0, group_size=2)
    for step in range(9):
        patient.collect(batch("a"), step)
    with pytest.raises(BadUsage, match="lost_batches is -1"):
        CollectionOptions(lost_batches=-1)


def test_losing_ends_all_processes_together_and_only_if_none_has_anything() -> None:
    def run(exchange: ThreadedExchange, *, other: float | Outcome) -> int:
        script = down if exchange.rank == 0 else lambda request: played(other)
        options = CollectionOptions(lost_batches=2)
        collector = Collector(ScriptedPlay(script), options, exchange, seed=0, group_size=2)
        for step in range(4):
            try:
                collector.collect(batch("a"), step)
            except EvaluatorBroken:
                return step
        return 4

    assert on_processes(2, partial(run, other=1.0)) == [4, 4]
    assert on_processes(2, partial(run, other=Outcome.INFRASTRUCTURE)) == [1, 1]

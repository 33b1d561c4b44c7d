"""What is learned is exact, whoever was chosen for it; all others are left out."""

from dataclasses import replace

import pytest

from kernelgym.errors import BadUsage, EvaluatorBroken
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem
from policies.curriculum import DifficultyBook, ThompsonSampler
from policies.training.collecting.collected import CollectedEpisode
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.collector import Collector
from policies.training.collecting.rejection import TurnRejection
from policies.training.confirming.confirmer import Confirmer
from policies.training.confirming.contrast import ContrastiveSelection
from policies.training.playing.played import PlayedEpisode
from rewards import RejectionSampling, Share
from sandboxes.contracts import Depth, EvalConfig, Outcome, Report, Submission
from sandboxes.extraction import extract
from tests.policies.episodes import fast_report
from tests.policies.training.played import played
from tests.reports import failed_report, unjudged_report

EXACT = EvalConfig(target="a100")


def text(name: str) -> str:
    return f"```python\nclass ModelNew:\n    name = {name!r}\n```"


def submission(name: str) -> Submission:
    found = extract(text(name))
    assert isinstance(found, Submission)
    return found


def rollout(*sent: tuple[str, float | None], seed: int = 0) -> PlayedEpisode:
    """An episode of these candidates, with the cheap rewards that they got."""
    episode = played(*[1.0] * len(sent), rewards=tuple(reward for _, reward in sent))
    turns = tuple(
        replace(
            turn, text=text(name), report=unjudged_report().model_copy(update={"submission": submission(name).digest})
        )
        for turn, (name, _) in zip(episode.turns, sent, strict=True)
    )
    return replace(episode, turns=turns, seed=seed)


class Exact(ScriptedEvaluator):
    """Says what `speedups` says: a correct candidate's, or how it fails."""

    def __init__(self, **speedups: float | Outcome) -> None:
        by_digest = {submission(name).digest: found for name, found in speedups.items()}

        def script(candidate: Submission, problem: Problem, config: EvalConfig) -> Report:
            found = by_digest[candidate.digest]
            report = failed_report(found) if isinstance(found, Outcome) else fast_report(found)
            return report.model_copy(update={"submission": candidate.digest, "config": config})

        super().__init__(script)

    @property
    def asked(self) -> list[str]:
        return [candidate.source.split("'")[1] for candidate, _, _ in self.requests]


def confirmer(exact: ScriptedEvaluator, keep: int = 2, **arguments: object) -> Confirmer:
    select = ContrastiveSelection(keep=keep, random_share=0.0)
    return Confirmer(exact, select=select, config=EXACT, reward="kevin", **arguments)  # type: ignore[arg-type]


def confirmed(rows: list[CollectedEpisode]) -> list[int]:
    return [index for index, row in enumerate(rows) if all(row.counted)]


def test_the_extremes_are_judged_and_rewarded_exactly_and_the_rest_is_left_out() -> None:
    exact = Exact(a=2.0, b=1.0, c=1.0, d=Outcome.INCORRECT)
    group = [rollout(("a", 0.1)), rollout(("b", 1.0)), rollout(("c", 1.1)), rollout(("d", 3.0))]
    rows = confirmer(exact).confirm(group)
    assert sorted(exact.asked) == ["a", "d"]
    assert {config for _, _, config in exact.requests} == {EXACT}
    assert confirmed(rows) == [0, 3]
    assert [row.rewards for row in rows] == [(2.3,), (None,), (None,), (0.0,)]
    assert [row.learned for row in rows] == [(True,), (False,), (False,), (True,)]
    assert [row.played.completion_ids for row in rows] == [episode.completion_ids for episode in group]


def test_the_rows_carry_the_exact_reports_for_whoever_looks_at_them_later() -> None:
    rows = confirmer(Exact(a=2.0, b=Outcome.INCORRECT)).confirm([rollout(("a", 1.0)), rollout(("b", 2.0))])
    reports = [row.played.turns[0].report for row in rows]
    assert [report.outcome for report in reports if report] == [Outcome.OK, Outcome.INCORRECT]
    assert [row.played.rewards for row in rows] == [(2.3,), (0.0,)]


def test_rewards_see_the_exact_history() -> None:
    exact = Exact(a=1.0, b=2.0, c=3.0)
    group = [rollout(("a", 0.0), ("b", 0.0)), rollout(("b", 1.0), ("c", 1.0)), rollout(("c", 2.0), ("a", 2.0))]
    rows = Confirmer(exact, select=ContrastiveSelection(keep=3), reward="improvement").confirm(group)
    assert [row.rewards for row in rows] == [(2.0, 1.0), (3.0, 1.0), (4.0, 0.0)]


def test_equal_candidates_of_a_group_are_evaluated_once() -> None:
    exact = Exact(a=1.0, b=2.0)
    found = confirmer(exact, keep=3)
    rows = found.confirm([rollout(("a", 1.0), ("a", 1.0)), rollout(("b", 2.0)), rollout(("a", 1.0))])
    assert sorted(exact.asked) == ["a", "b"]
    assert [row.rewards for row in rows] == [(1.3, 1.3), (2.3,), (1.3,)]
    assert (found.counts.asked, found.counts.repeated, found.counts.spared) == (2, 2, 0)
    assert found.counts.saved == 0.5


def test_an_episode_that_the_cheap_evaluator_lost_is_never_chosen() -> None:
    exact = Exact(a=1.0, b=2.0)
    found = confirmer(exact)
    rows = found.confirm([rollout(("x", None)), rollout(("a", 1.0)), rollout(("b", 2.0))])
    assert confirmed(rows) == [1, 2]
    assert rows[0].played.lost
    assert found.counts.lost == 1


def test_an_episode_that_the_exact_evaluator_loses_counts_in_no_turn() -> None:
    exact = Exact(a=1.0, b=Outcome.INFRASTRUCTURE, c=2.0)
    found = confirmer(exact, keep=3)
    rows = found.confirm([rollout(("a", 1.0), ("b", 1.0)), rollout(("c", 2.0)), rollout(("a", 5.0))])
    assert confirmed(rows) == [1, 2]
    assert rows[0].played.lost
    assert rows[0].rewards == (1.3, None)
    assert rows[0].counted == rows[0].learned == (False, False)
    assert (found.counts.confirmed, found.counts.lost) == (2, 1)


def test_turns_without_a_candidate_are_not_asked_about() -> None:
    exact = Exact(a=1.0, b=2.0)
    silent = rollout(("a", 0.0), ("x", 0.0))
    nothing, submitted = failed_report(Outcome.NO_CODE), None
    first = replace(silent, turns=(silent.turns[0], replace(silent.turns[1], text="no idea", report=nothing)))
    second = replace(silent, turns=(silent.turns[0], replace(silent.turns[1], text="SUBMIT", report=submitted)))
    rows = confirmer(exact, keep=3).confirm([first, second, rollout(("b", 4.0))])
    assert sorted(exact.asked) == ["a", "b"]
    assert [row.rewards for row in rows] == [(1.3, 0.0), (1.3, 0.0), (2.3,)]


def test_a_report_about_another_candidate_than_the_text_is_a_bug() -> None:
    odd = rollout(("a", 1.0))
    odd = replace(odd, turns=(replace(odd.turns[0], text=text("b")),))
    with pytest.raises(ValueError, match="its text holds another"):
        confirmer(Exact(a=1.0, b=1.0)).confirm([odd, rollout(("b", 2.0))])


def test_an_exact_evaluator_that_only_prices_is_refused() -> None:
    prices = ScriptedEvaluator(lambda candidate, problem, config: unjudged_report())
    with pytest.raises(BadUsage, match="does not judge"):
        confirmer(prices).confirm([rollout(("a", 1.0)), rollout(("b", 2.0))])
    with pytest.raises(BadUsage, match="depth `priced`"):
        Confirmer(prices, select=ContrastiveSelection(keep=2), config=EvalConfig(depth=Depth.PRICED))


def test_the_discount_decides_which_returns_differ() -> None:
    exact = Exact(a=1.0, b=1.0, c=1.0, d=1.0)
    group = [rollout(("a", 0.0), ("a", 9.0)), rollout(("b", 2.0), ("b", 0.0)), rollout(("c", 1.0), ("c", 1.0))]
    assert confirmed(confirmer(exact).confirm(group)) in ([0, 1], [0, 2])
    assert confirmed(confirmer(exact, gamma=0.0).confirm(group)) == [0, 1]


def test_the_counts_say_what_was_saved_and_whether_the_evaluators_agree() -> None:
    exact = Exact(a=1.0, b=2.0, c=3.0, d=1.5)
    found = confirmer(exact)
    found.confirm([rollout(("a", 0.0)), rollout(("b", 1.0)), rollout(("b", 1.0)), rollout(("c", 3.0))])
    counts = found.counts
    assert (counts.groups, counts.confirmed, counts.unconfirmed, counts.asked, counts.spared) == (1, 2, 2, 2, 2)
    assert (counts.saved, counts.agreement) == (0.5, 1.0)
    found.confirm([rollout(("d", 1.0)), rollout(("a", 2.0))])
    assert found.counts.metrics() == {
        "confirm/asked": 4.0, "confirm/saved": pytest.approx(1 / 3), "confirm/lost": 0.0, "confirm/agreement": 0.5,
    }  # fmt: skip


def test_a_group_that_was_lost_altogether_asks_nothing() -> None:
    exact = Exact()
    rows = confirmer(exact).confirm([rollout(("a", None)), rollout(("b", None))])
    assert exact.asked == []
    assert confirmed(rows) == []


def test_rejection_and_the_curriculum_go_by_the_exact_reports() -> None:
    exact = Exact(a=2.0, b=1.0, c=1.0, d=1.5)
    lazy = ContrastiveSelection(keep=2, random_share=0.0)
    group = [rollout(("a", 0.0), seed=1), rollout(("b", 1.0)), rollout(("c", 1.0)), rollout(("d", 3.0))]
    sampler = ThompsonSampler(DifficultyBook(["core/softmax", "core/matmul"]), seed=0)
    told: list[tuple[int, int]] = []
    update = sampler.update

    def listening(problem: str, successes: int, failures: int, step: int | None = None) -> None:
        told.append((successes, failures))
        update(problem, successes, failures, step)

    sampler.update = listening  # type: ignore[method-assign]
    options = CollectionOptions(
        rejection=TurnRejection(rule=RejectionSampling(threshold=1.0, softness=0.0, share=Share.COVERAGE))
    )
    collector = Collector(
        lambda requests: group, options, seed=0, group_size=4, curriculum=sampler,
        confirmer=Confirmer(exact, select=lazy, reward="kevin"),
    )  # fmt: skip
    found = collector.collect(["core/softmax"] * 4, 0)
    assert told == [(2, 0)]
    assert [row.counted for row in found.episodes] == [(True,), (False,), (False,), (True,)]
    assert found.metrics["collect/masked_confirmation"] == 0.5
    assert found.metrics["collect/masked_prs"] == 0.5


@pytest.mark.parametrize("where", ["describe", "evaluate"])
def test_an_exact_evaluator_that_can_not_answer_loses_the_group_and_not_the_training(where: str) -> None:
    exact = Exact(a=1.0, b=2.0)

    def broken(*_: object) -> None:
        raise EvaluatorBroken("nobody is there")

    setattr(exact, where, broken)
    found = confirmer(exact)
    group = [rollout(("a", 0.0)), rollout(("b", 1.0), ("a", 1.0)), rollout(("x", None))]
    rows = found.confirm(group)
    assert all(row.played.lost for row in rows)
    assert [row.rewards for row in rows] == [(None,), (None, None), (None,)]
    assert not any(any(row.counted) or any(row.learned) for row in rows)
    assert [row.played.fault for row in rows] == ["EvaluatorBroken: nobody is there"] * 2 + [None]
    assert (found.counts.groups, found.counts.lost) == (1, 3)

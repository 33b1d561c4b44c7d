"""Runs side by side, against differences worked out by hand."""

import numpy as np
import pytest

from kernelgym.errors import BadUsage
from kernelgym.metrics import Comparison, Contestant, Difference, compare
from kernelgym.metrics.doubts import reasons_for_doubt
from kernelgym.runs.record import EpisodeRecord, Loss
from kernelgym.runs.run_record import RunRecord
from sandboxes.contracts import EvalConfig, Outcome, Precision
from tests.kernelgym.metrics.variants import confirmed
from tests.policies.episodes import episode

WRONG = Outcome.INCORRECT


def record(*problems: str, **changes: object) -> RunRecord:
    made = RunRecord(
        policy="test", problems={problem: f"digest of {problem}" for problem in problems}, samples=2, seed=0, turns=2,
        target_speedup=None, reward="drkernel_paper", config=EvalConfig(), versions={"torch": "2.13"},
    )  # fmt: skip
    return made.model_copy(update=changes)


def run(name: str, *episodes: EpisodeRecord, **changes: object) -> Contestant:
    problems = dict.fromkeys(record.problem for record in episodes)
    return Contestant(name=name, record=record(*problems, **changes), episodes=episodes)


def paired(comparison: Comparison, metric: str, view: str = "last") -> Difference:
    return next(found for found in getattr(comparison.pairings[0], view) if found.metric == metric)


@pytest.fixture
def comparison() -> Comparison:
    """Problem a is won, b tied, c lost, d lost to the machine in the second run, e only in the first."""
    first = run(
        "first",
        episode(WRONG, WRONG, problem="a", sample=0), episode(WRONG, 1.0, problem="a", sample=1),
        episode(2.0, 2.0, problem="b"),
        episode(1.0, 3.0, problem="c"),
        episode(1.0, 1.0, problem="d"),
        episode(1.0, 1.0, problem="e"),
    )  # fmt: skip
    second = run(
        "second",
        episode(WRONG, 4.0, problem="a", sample=0), episode(WRONG, 1.0, problem="a", sample=1),
        episode(2.0, 2.0, problem="b"),
        episode(1.0, WRONG, problem="c"),
        episode(1.0, Outcome.INFRASTRUCTURE, problem="d"),
    )  # fmt: skip
    return compare([first, second])


def test_differences_are_means_over_the_problems_that_count_in_both(comparison: Comparison) -> None:
    correct = paired(comparison, "correct")
    assert comparison.pairings[0].problems == correct.problems == 3
    assert (correct.baseline, correct.other) == (pytest.approx((0.5 + 1 + 1) / 3), pytest.approx((1 + 1 + 0) / 3))
    assert correct.change.value == pytest.approx((0.5 + 0 - 1) / 3)
    assert (correct.wins, correct.ties, correct.losses) == (1, 1, 1)
    assert correct.change.n == 3


def test_each_threshold_and_the_reward_are_paired(comparison: Comparison) -> None:
    assert paired(comparison, "fast@2").change.value == pytest.approx((0.5 + 0 - 1) / 3)
    assert paired(comparison, "fast@0.8").change.value == pytest.approx((0.5 + 0 - 1) / 3)
    # rewards are 1 + min(speedup, 3) + 0.8
    assert paired(comparison, "reward").change.value == pytest.approx(((4.8 + 2.8) / 2 - 2.8 / 2 + 0 - 4.8) / 3)


def test_the_change_of_the_speedup_is_a_ratio_over_problems_that_both_have_solved(comparison: Comparison) -> None:
    speedup = paired(comparison, "speedup")
    assert (speedup.kind, speedup.problems) == ("ratio", 2)  # c is not solved in the second run
    assert speedup.baseline == pytest.approx((1.0 * 2.0) ** 0.5)
    assert speedup.other == pytest.approx(((4.0 * 1.0) ** 0.5 * 2.0) ** 0.5)
    assert speedup.change.value == pytest.approx(2.0**0.5)
    assert (speedup.wins, speedup.ties, speedup.losses) == (1, 1, 0)


def test_the_best_turns_are_paired_too(comparison: Comparison) -> None:
    assert paired(comparison, "correct", "best").change.value == pytest.approx((0.5 + 0 + 0) / 3)


@pytest.mark.parametrize(("problems", "certain"), [(1, False), (5, False), (6, True)])
def test_a_few_problems_that_change_alike_are_no_proof(problems: int, certain: bool) -> None:
    runs = [
        run(name, *(episode(verdict, problem=f"p{n}") for n in range(problems)))
        for name, verdict in (("first", WRONG), ("second", 2.0))
    ]
    change = paired(compare(runs), "correct").change
    assert (change.value, change.low, change.high) == ((1.0, 1.0, 1.0) if certain else (1.0, None, None))


def test_the_interval_of_a_difference_is_narrower_than_problems_differ() -> None:
    rng = np.random.default_rng(2)
    speeds = np.exp(rng.normal(0.0, 1.5, size=60))  # problems differ by far more than the 10 % between the runs
    first = run("first", *(episode(float(speed), problem=f"p{n}") for n, speed in enumerate(speeds)))
    second = run("second", *(episode(float(1.1 * speed), problem=f"p{n}") for n, speed in enumerate(speeds)))
    comparison = compare([first, second])
    change = paired(comparison, "speedup").change
    assert (change.value, change.low, change.high) == pytest.approx((1.1, 1.1, 1.1), rel=1e-4)
    alone = comparison.runs[1].summary.last[-1].speedup
    assert alone.low is not None
    assert alone.high is not None
    assert alone.low < 1.1 < alone.high


def test_confirmed_turns_are_paired_if_both_runs_have_them() -> None:
    first = run("first", confirmed(episode(2.0, problem="a"), 1.0))
    second = run("second", confirmed(episode(2.0, problem="a"), 1.9))
    assert paired(compare([first, second]), "speedup", "confirmed").change.value == pytest.approx(1.9)
    assert compare([first, run("third", episode(2.0, problem="a"))]).pairings[0].confirmed == ()


def test_an_error_of_the_policy_loses_its_problem() -> None:
    comparison = compare([run("first", episode(1.0)), run("second", episode(error=Loss.POLICY))])
    assert (paired(comparison, "correct").losses, paired(comparison, "speedup").problems) == (1, 0)


def test_every_other_run_is_compared_to_the_first() -> None:
    comparison = compare([run(name, episode(1.0)) for name in ("a", "b", "c")])
    assert [pairing.name for pairing in comparison.pairings] == ["b", "c"]
    assert [each.name for each in comparison.runs] == ["a", "b", "c"]


def test_the_order_of_episodes_does_not_matter(comparison: Comparison) -> None:
    episodes = [episode(WRONG, 1.5, problem=f"p{n % 5}", sample=n) for n in range(12)]
    forward, backward = run("x", *episodes), run("x", *episodes[::-1])
    other = run("y", *(episode(1.0, problem=f"p{n}") for n in range(5)))
    assert compare([forward, other]).pairings == compare([backward, other]).pairings


def test_it_is_strict_json_without_the_secret_from_which_values_were_drawn() -> None:
    comparison = compare([run(name, episode(WRONG), data_seed=f"secret of {name}") for name in "ab"])
    text = comparison.model_dump_json()
    assert Comparison.model_validate_json(text) == comparison
    assert "secret" not in text
    assert comparison.pairings[0].warnings == (
        "seeds of the input values; runs with the same --data-seed see the same values",
    )


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"turns": 5}, "turns: 2 and 5"),
        ({"reward": "kevin"}, "reward: drkernel_paper and kevin"),
        ({"target_speedup": 2.0}, "target_speedup: none and 2.0"),
        ({"config": EvalConfig(target="a100")}, "config.target: h200 and a100"),
        ({"config": EvalConfig(precision=Precision.FP32)}, "config.precision: tf32 and fp32"),
        ({"config": EvalConfig(seed=1)}, "config.seed: none and 1"),
        ({"versions": {"torch": "2.14"}}, "versions.torch: 2.13 and 2.14"),
        ({"versions": {}}, "versions.torch: 2.13 and none"),
        ({"problems": {"a": "changed"}}, "the references of a, which are left out"),
        ({"problems": {"a": "digest of a", "b": "b", "c": "c", "d": "d", "e": "e"}},
         "problems that only the second has, left out: b, c, d and 1 more"),
    ],
)  # fmt: skip
def test_whatever_else_differs_is_named(changes: dict[str, object], warning: str) -> None:
    assert reasons_for_doubt(record("a"), record("a", **changes)) == [warning]


def test_another_policy_and_more_samples_are_what_is_compared() -> None:
    assert reasons_for_doubt(record("a"), record("a", policy="better", samples=9, seed=3, confirm=True)) == []


def test_rewards_of_different_functions_are_not_subtracted() -> None:
    comparison = compare([run("first", episode(1.0)), run("second", episode(1.0), reward="kevin")])
    assert "reward" not in {difference.metric for difference in comparison.pairings[0].last}


def test_a_problem_whose_reference_has_changed_is_another_problem() -> None:
    first = run("first", episode(1.0, problem="a"), episode(1.0, problem="b"))
    second = run(
        "second", episode(WRONG, problem="a"), episode(1.0, problem="b"), problems={"a": "new", "b": "digest of b"}
    )
    assert paired(compare([first, second]), "correct").problems == 1


def test_runs_that_share_no_problem_can_not_be_compared() -> None:
    with pytest.raises(BadUsage, match="first and second have no problem in common"):
        compare([run("first", episode(1.0, problem="a")), run("second", episode(1.0, problem="b"))])
    with pytest.raises(BadUsage, match="an episode that counts in both"):
        compare([run("first", episode(1.0)), run("second", episode(error=Loss.SKIPPED))])


def test_one_run_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(BadUsage, match="1 run to compare; give two or more"):
        compare([run("alone", episode(1.0))])

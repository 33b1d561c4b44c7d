"""From episodes to difficulties: what counts, verdicts, filters."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from kernelgym.runs.reading import Run
from kernelgym.runs.record import EpisodeRecord, Loss
from kernelgym.runs.run_record import RunRecord
from policies.curriculum import (
    DifficultyBook,
    Forgetting,
    Speaking,
    Success,
    Thresholds,
    Verdict,
    calibrate,
    filter_problems,
    judge_difficulty,
)
from sandboxes.contracts import EvalConfig, Outcome
from tests.policies.episodes import episode

WRONG = Outcome.INCORRECT


def run_of(
    *episodes: EpisodeRecord,
    problems: Sequence[str] = ("core/softmax",),
    digest: str = "ab",
    policy: str = "test",
    turns: int = 3,
    target: str = "h200",
) -> Run:
    record = RunRecord(
        policy=policy, problems=dict.fromkeys(problems, digest), samples=8, seed=0, turns=turns, target_speedup=None,
        reward="drkernel_guarded", config=EvalConfig(target=target), versions={},
    )  # fmt: skip
    return Run(record, episodes)


@pytest.mark.parametrize(
    ("text", "verdicts", "expected"),
    [
        ("correct", [0.5], True),
        ("correct", [WRONG], False),
        ("correct", [Outcome.HACK], False),
        ("correct", [Outcome.UNSUPPORTED], False),
        ("fast:1.2", [1.2], True),
        ("fast:1.2", [1.19], False),
        ("fast:1.2", [WRONG, 1.5], True),
        ("correct", [Outcome.INFRASTRUCTURE], None),
        ("correct", [1.0, Outcome.INFRASTRUCTURE], None),
        ("correct", [], None),
    ],
    ids=str,
)
def test_an_episode_succeeds_by_any_of_its_turns(
    text: str, verdicts: list[Outcome | float], expected: bool | None
) -> None:
    assert Success.parse(text).of_episode(episode(*verdicts)) is expected


@pytest.mark.parametrize("loss", [Loss.SKIPPED, Loss.INFRASTRUCTURE])
def test_an_episode_that_was_lost_says_nothing_whatever_its_turns(loss: Loss) -> None:
    assert Success().of_episode(episode(2.0, error=loss)) is None


@pytest.mark.parametrize(
    ("turns", "expected"), [((2.0,), {Speaking.BEST, Speaking.FIRST}), ((WRONG, 2.0), {Speaking.BEST}), ((), set())]
)
def test_an_error_of_the_policy_is_a_failure_after_its_last_turn(
    turns: tuple[Outcome | float, ...], expected: set[Speaking]
) -> None:
    overflowed = episode(*turns, error=Loss.POLICY)
    assert {each for each in Speaking if Success().of_episode(overflowed, each)} == expected
    assert None not in {Success().of_episode(overflowed, each) for each in Speaking}


def test_one_turn_can_be_asked_alone() -> None:
    story = episode(WRONG, 2.0, WRONG)
    asked = {speaking: Success().of_episode(story, speaking) for speaking in Speaking}
    assert asked == {Speaking.BEST: True, Speaking.FIRST: False, Speaking.LAST: False}


@given(st.floats(1e-3, 1e3))
def test_a_criterion_is_its_own_name(speedup: float) -> None:
    assert str(Success.parse("correct")) == "correct"
    assert Success.parse(f"fast:{speedup:.3f}") == Success(float(f"{speedup:.3f}"))
    assert Success.parse(str(Success(round(speedup, 3)))) == Success(round(speedup, 3))


@pytest.mark.parametrize(
    "text", ["", "fast", "fast:", "fast:0", "fast:-1", "fast:1.2.3", "fast:nan", "Correct", "fast: 1"]
)
def test_a_criterion_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadUsage, match=r"fast:1\.2"):
        Success.parse(text)


def test_each_judged_episode_of_all_runs_is_one_attempt() -> None:
    first = run_of(episode(2.0), episode(WRONG, sample=1), episode(error=Loss.SKIPPED, sample=2))
    other = run_of(episode(2.0), episode(Outcome.INFRASTRUCTURE, sample=1), problems=["core/softmax", "x/y"])
    found = calibrate([first, other])
    softmax, unseen = found.problems
    assert (softmax.problem, softmax.successes, softmax.attempts, softmax.lost) == ("core/softmax", 2, 3, 2)
    assert (unseen.problem, unseen.attempts, unseen.verdict) == ("x/y", 0, Verdict.UNKNOWN)
    assert found.book.problems == ("core/softmax", "x/y")
    assert found.book.success == "correct"
    assert sum(found.counts.values()) == 2


def test_policies_and_turns_that_are_mixed_are_named() -> None:
    runs = [run_of(policy="small", turns=1), run_of(policy="large", turns=3)]
    mixture, turns = calibrate(runs).cautions
    assert "small, large" in mixture
    assert "1, 3 turns" in turns
    assert calibrate(runs[:1]).cautions == ()
    assert len(calibrate(runs, speaking=Speaking.FIRST).cautions) == 1


def test_what_can_not_be_added_up_is_refused() -> None:
    with pytest.raises(BadUsage, match="no run"):
        calibrate([])
    with pytest.raises(BadUsage, match="core/softmax is not the same problem"):
        calibrate([run_of(), run_of(digest="cd")])
    timed = [run_of(), run_of(target="a100")]
    assert calibrate(timed).cautions == ()
    with pytest.raises(BadUsage, match="a100 and h200"):
        calibrate(timed, success=Success(1.2))


def book_of(successes: int, failures: int) -> DifficultyBook:
    book = DifficultyBook(["core/softmax"])
    book.observe("core/softmax", successes, failures)
    return book


@pytest.mark.parametrize(
    ("successes", "failures", "verdict"),
    [
        (0, 0, Verdict.UNKNOWN),
        (0, 1, Verdict.UNKNOWN),
        (7, 0, Verdict.UNKNOWN),
        (0, 8, Verdict.HARD),
        (0, 30, Verdict.HARD),  # 1 - 0.95 ** 31 is 0.796
        (0, 31, Verdict.IMPOSSIBLE),  # 1 - 0.95 ** 32 is 0.806
        (1, 40, Verdict.HARD),
        (2, 6, Verdict.INFORMATIVE),
        (4, 4, Verdict.INFORMATIVE),
        (8, 0, Verdict.EASY),
        (14, 0, Verdict.EASY),  # 1 - 0.9 ** 15 is 0.794
        (15, 0, Verdict.TOO_EASY),  # 1 - 0.9 ** 16 is 0.815
    ],
)
def test_verdicts_are_as_sure_as_they_say(successes: int, failures: int, verdict: Verdict) -> None:
    assert judge_difficulty(book_of(successes, failures), "core/softmax") is verdict


@given(st.integers(0, 60), st.integers(0, 60))
def test_one_more_success_never_makes_a_problem_harder(successes: int, failures: int) -> None:
    order = [Verdict.IMPOSSIBLE, Verdict.HARD, Verdict.INFORMATIVE, Verdict.EASY, Verdict.TOO_EASY]
    before = judge_difficulty(book_of(successes, failures), "core/softmax")
    after = judge_difficulty(book_of(successes + 1, failures), "core/softmax")
    if before is not Verdict.UNKNOWN:
        assert order.index(after) >= order.index(before)


@pytest.mark.parametrize(
    "values",
    [
        {"too_easy": 1.0},
        {"impossible": 0.0},
        {"easy": 0.1},
        {"hard": 0.9},
        {"confidence": 0.4},
        {"confidence": 1.0},
        {"minimum": 0.0},
        {"minimum": float("inf")},
    ],
    ids=str,
)
def test_thresholds_are_in_order(values: dict[str, float]) -> None:
    with pytest.raises(BadUsage):
        Thresholds(**values)


def test_only_what_is_surely_useless_is_filtered_out() -> None:
    book = DifficultyBook(forgetting=Forgetting(per_step=0.9))
    for problem, successes, failures in (
        ("core/softmax", 40, 0), ("core/matmul", 0, 40), ("core/argmax", 0, 3), ("core/histogram", 5, 5),
    ):  # fmt: skip
        book.observe(problem, successes, failures)
    problems = [get_problem(f"core/{name}") for name in ("softmax", "matmul", "argmax", "histogram", "rms_norm")]
    found = filter_problems(problems, book)
    assert [problem.id for problem in found.kept] == ["core/argmax", "core/histogram", "core/rms_norm"]
    assert found.dropped == {"core/softmax": Verdict.TOO_EASY, "core/matmul": Verdict.IMPOSSIBLE}
    assert len(filter_problems(problems, book, drop={Verdict.IMPOSSIBLE}).kept) == 4
    book.advance(20)  # 40 attempts are worth less than 5 now
    assert filter_problems(problems, book).dropped == {}


def test_no_problems_are_no_problem() -> None:
    assert filter_problems([], DifficultyBook()).kept == ()
    assert calibrate([run_of(problems=[])]).problems == ()

"""The search plays episodes: it reads the feedback's first line, and makes kernels faster."""

from pathlib import Path

import pytest

from kernelgym.chat import Message
from kernelgym.envs import Episode, Rules
from kernelgym.errors import BadUsage
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem, list_problems, list_solutions
from policies import get_policy
from policies.rollouts import rollout
from policies.search import SearchPolicy
from policies.search.policy import SearchPlayer
from policies.verdicts import Verdict, read_verdict
from sandboxes.contracts import EvalConfig, Outcome, Reference, Report, Submission
from sandboxes.extraction import extract
from tests.policies.episodes import LightEvaluator, fast_report
from tests.reports import failed_report, ok_report

SOURCE = "import triton\nBLOCK = 32\n\n\nclass ModelNew: ...\n"
TASK = Message(role="user", content="Write a kernel. You may end with a last line `SUBMIT`.")


def source_of(completion: str) -> str:
    found = extract(completion)
    assert isinstance(found, Submission)
    return found.source


def play(player: SearchPlayer, *lines: str, task: Message = TASK) -> list[str]:
    """Returns the completions after the task and after each of these feedbacks."""
    chat = [task]
    said = [player.act(chat).text]
    for line in lines:
        chat += [Message(role="assistant", content=said[-1]), Message(role="user", content=line)]
        said.append(player.act(chat).text)
    return said


def block(completion: str) -> int:
    return int(source_of(completion).partition("BLOCK = ")[2].partition("\n")[0])


def test_it_starts_with_the_seed_kernel_itself_and_says_what_it_changes() -> None:
    first, second = play(SearchPlayer(SOURCE, 0), "Turn 1 of 8: ok - 0.50× as fast as the reference")
    assert source_of(first) == SOURCE
    assert source_of(second) == SOURCE.replace("32", "64")
    assert second.startswith("I try BLOCK 32 → 64.\n")


def test_it_goes_on_while_it_gains_steps_back_and_sends_the_best_in_the_last_turn() -> None:
    said = play(
        SearchPlayer(SOURCE, 0),
        "Turn 1 of 6: ok - 0.50× as fast as the reference (modelled for NVIDIA H200)",
        "Turn 2 of 6: ok - 1.25× as fast as the reference",
        "Turn 3 of 6: launch_error - can't be launched",
        "Turn 4 of 6: ok - 1.30× as fast",
        "Turn 5 of 6: ok - 0.99× as fast",
    )
    assert [block(text) for text in said] == [32, 64, 256, 128, 16, 128]


def test_a_lost_turn_is_sent_again() -> None:
    first, again, second = play(SearchPlayer(SOURCE, 0), "Turn 1 of 8: infrastructure - lost", "Turn 2 of 8: ok - 1.0×")
    assert source_of(first) == source_of(again)
    assert block(second) == 64


def test_with_nothing_left_to_try_it_submits_the_best_where_that_ends_the_episode() -> None:
    (only, last) = play(SearchPlayer("class ModelNew: ...", 0), "Turn 1 of 8: ok - 2.00× as fast")
    assert source_of(only) == source_of(last)
    assert last.endswith("\nSUBMIT\n")
    silent = Message(role="user", content="Write a kernel.")
    assert "SUBMIT" not in play(SearchPlayer("class ModelNew: ...", 0), "Turn 1 of 8: ok - 2.00×", task=silent)[1]


def test_a_turn_that_was_dropped_from_the_chat_was_no_gain() -> None:
    for chat in ([TASK], [TASK, TASK, Message(role="user", content="Turn 1 of 8: ok - 9.00× as fast")]):
        player = SearchPlayer(SOURCE, 0)
        play(player, "Turn 1 of 8: ok - 0.50× as fast")
        assert block(player.act(chat).text) == 16


def test_the_last_turn_sends_the_best_also_where_the_newest_feedback_is_of_an_older_turn() -> None:
    kept = "Turn 2 of 4: ok - 1.25× as fast as the reference"
    said = play(SearchPlayer(SOURCE, 0), "Turn 1 of 4: ok - 0.50× as fast as the reference", kept, kept)
    assert block(said[3]) == block(said[1])
    assert said[3].startswith("This is the best so far.")


@pytest.mark.parametrize("feedback", ["", "You have done\x1b[31m well.", "Turn 2 of 8: splendid"])
def test_feedback_of_another_style_is_refused_with_the_remedy(feedback: str) -> None:
    player = SearchPlayer(SOURCE, 0)
    play(player, "Turn 1 of 8: ok - 0.50× as fast")
    with pytest.raises(BadUsage, match=r"can't read feedback that begins `[ -~]*`; give --style compact"):
        player.act([TASK, TASK, Message(role="user", content=feedback)])


@pytest.mark.parametrize("lines", [["Turn 1 of 2: incorrect - wrong"], ["Turn 1 of 3: hack", "Turn 2 of 3: timeout"]])
def test_as_long_as_nothing_works_the_last_turn_tries_something_else(lines: list[str]) -> None:
    said = play(SearchPlayer(SOURCE, 0), *lines)
    assert len({block(text) for text in said}) == len(said)


def test_code_that_holds_fences_is_sent_whole() -> None:
    source = 'TEXT = """\n```python\n````\n"""\n' + SOURCE
    assert source_of(play(SearchPlayer(source, 0))[0]) == source


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("Turn 2 of 3: ok - 1.25× as fast as the reference", (2, 3, Outcome.OK, 1.25)),
        ("Turn 2 of 3: ok - 1,234× as fast", (2, 3, Outcome.OK, 1234.0)),
        ("Turn 12 of 30: ok - 2.5x", (12, 30, Outcome.OK, 2.5)),
        ("Turn 1 of 3: ok - 4.2e-05× as fast", (1, 3, Outcome.OK, 4.2e-5)),
        ("Turn 1 of 3: ok - correct at the checked shapes; no speedup", (1, 3, Outcome.OK, None)),
        ("Turn 1 of 3: incorrect - wrong result\nTurn 1 of 3: ok - 9.00×", (1, 3, Outcome.INCORRECT, None)),
        ("Turn 1 of 3: hack", (1, 3, Outcome.HACK, None)),
    ],
)
def test_the_first_line_of_a_feedback_is_read(line: str, verdict: tuple[int, int, Outcome, float | None]) -> None:
    turn, turns, outcome, speedup = verdict
    assert read_verdict(line) == Verdict(turn=turn, turns=turns, outcome=outcome, speedup=speedup)


@pytest.mark.parametrize("speedup", [0.000123, 0.0999, 0.5, 1.0, 12.34, 1234.5])
def test_speedups_are_understood_as_the_episode_writes_them(speedup: float) -> None:
    verdict = read_verdict(feedback_on(fast_report(speedup)))
    assert verdict is not None
    assert verdict.speedup == pytest.approx(speedup, rel=0.006)


@pytest.mark.parametrize("outcome", Outcome)
def test_outcomes_are_understood_as_the_episode_writes_them(outcome: Outcome) -> None:
    verdict = read_verdict(feedback_on(ok_report() if outcome is Outcome.OK else failed_report(outcome)))
    assert verdict is not None
    assert (verdict.turn, verdict.turns, verdict.outcome) == (1, 3, outcome)


def feedback_on(report: Report) -> str:
    evaluator = LightEvaluator(lambda submission, problem, config: report)
    problem = get_problem("core/softmax")
    turn = Episode(problem, evaluator.describe(problem), Rules()).play(f"```python\n{SOURCE}```", evaluator)
    assert turn is not None
    return turn.observation


def test_seed_kernels_come_from_solutions_files_and_folders(tmp_path: Path) -> None:
    softmax = get_problem("core/softmax")
    bundled = {found.name: found.source for found in list_solutions("core/softmax")}
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "softmax.py").write_text(SOURCE)
    for which, expected in [
        ("slow", bundled["slow"]),
        ("correct", bundled["correct"]),
        (str(tmp_path / "core" / "softmax.py"), SOURCE),
        (str(tmp_path), SOURCE),
    ]:
        player = get_policy("search", {"seed_kernel": which}).begin(softmax, 0)
        assert source_of(player.act([TASK]).text) == expected  # type: ignore[union-attr]


def test_a_problem_without_a_seed_kernel_is_refused_with_the_remedy(tmp_path: Path) -> None:
    other = Problem(reference=Reference(id="mine/other", source="class Model: ..."), title="Other")
    with pytest.raises(BadUsage, match=r"no solution is bundled with mine/other .*; give --policy-option seed_kernel="):
        SearchPolicy().begin(other, 0)
    with pytest.raises(BadUsage, match=r"mine/other\.py of mine/other can't be read \(No such file or directory\)"):
        SearchPolicy(str(tmp_path)).begin(other, 0)
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    with pytest.raises(BadUsage, match=r"can't be read \(it is not UTF-8\)"):
        SearchPolicy(str(tmp_path / "latin.py")).begin(other, 0)


def test_the_same_seed_repeats_an_episode_and_another_one_searches_otherwise() -> None:
    def judge(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        return fast_report(1.0)  # nothing is ever a gain

    def completions(seed: int) -> list[str]:
        evaluator = LightEvaluator(judge)
        (episode,) = rollout(SearchPolicy(), [get_problem("core/softmax")], evaluator, Rules(max_turns=10), seed=seed)
        assert episode.error is None
        return [turn.completion for turn in episode.turns]

    assert completions(1) == completions(1)
    assert completions(1) != completions(2)


@pytest.mark.slow
def test_a_slow_kernel_becomes_faster_by_the_feedback_alone() -> None:
    with LocalEvaluator(workers=1) as evaluator:
        (episode,) = rollout(SearchPolicy(), [get_problem("core/add_relu")], evaluator, Rules(max_turns=3))
    first, *_, last = [turn.report.speedup or 0.0 for turn in episode.turns]
    assert last > 1.5 * first > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_most_slow_solutions_become_faster_in_eight_turns() -> None:
    problems = list_problems("core/*")[::6]
    with LocalEvaluator(workers=2) as evaluator:
        episodes = list(rollout(SearchPolicy(), problems, evaluator, Rules(max_turns=8), concurrency=3))
    speedups = {episode.problem: [turn.report.speedup or 0.0 for turn in episode.turns] for episode in episodes}
    assert sum(max(found) > 1.1 * found[0] > 0 for found in speedups.values()) >= len(problems) / 2, speedups


def test_a_run_is_another_one_once_its_seed_kernels_are_others(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "softmax.py").write_text("one = 1\n", encoding="utf-8")
    names = [SearchPolicy(str(tmp_path)).name]
    (tmp_path / "core" / "softmax.py").write_text("one = 2\n", encoding="utf-8")
    names += [SearchPolicy(str(tmp_path)).name, SearchPolicy(str(tmp_path / "core" / "softmax.py")).name]
    assert len(set(names)) == 3
    assert SearchPolicy(str(tmp_path)).name == names[1]
    assert SearchPolicy("correct").name == "search:correct"

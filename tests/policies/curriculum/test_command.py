"""`kernelgym calibrate`, from folders of runs to what is printed and written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.problems import select_problems
from kernelgym.runs.folder import RunFolder
from kernelgym.runs.record import EpisodeRecord, Loss
from policies.calibration_cli import Turn
from policies.curriculum import DifficultyBook, Speaking
from sandboxes.contracts import Outcome
from tests.policies.curriculum.test_calibration import run_of
from tests.policies.episodes import episode

WRONG = Outcome.INCORRECT


def write(path: Path, *episodes: EpisodeRecord, problems: tuple[str, ...] = (), policy: str = "test") -> Path:
    """Writes a run as `kernelgym run` does."""
    played = tuple(dict.fromkeys([*(found.problem for found in episodes), *problems]))
    with RunFolder(path, run_of(problems=played, policy=policy).record) as folder:
        for record in episodes:
            folder.append(record)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Softmax is too easy, matmul sometimes solved, argmax not yet, and histogram was lost."""
    episodes = [episode(1.1, problem="core/softmax", sample=sample) for sample in range(20)]
    episodes += [episode(2.0 if sample % 2 else WRONG, problem="core/matmul", sample=sample) for sample in range(8)]
    episodes += [episode(WRONG, problem="core/argmax", sample=sample) for sample in range(40)]
    episodes += [episode(problem="core/histogram", error=Loss.INFRASTRUCTURE)]
    return write(tmp_path / "run", *episodes)


def test_every_turn_can_be_asked_for() -> None:
    assert [*Turn] == [*map(str, Speaking)]


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "120"})


def test_the_table_has_every_problem_and_says_how_many_are_informative(folder: Path) -> None:
    result = command(folder)
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip().startswith("core/")}
    assert list(rows) == ["core/softmax", "core/histogram", "core/matmul", "core/argmax"]
    assert "20 of 20" in rows["core/softmax"]
    assert "too easy" in rows["core/softmax"]
    assert "0 of 0, 1 lost" in rows["core/histogram"]
    assert "informative" in rows["core/matmul"]
    assert "impossible so far" in rows["core/argmax"]
    assert "1 of 4 problems are informative, 1 too easy, 1 impossible so far, 1 unknown" in result.stdout


def test_the_document_has_the_numbers(folder: Path) -> None:
    document = json.loads(command(folder, "--json", "--group-size", "2").stdout)
    matmul = next(row for row in document["problems"] if row["problem"] == "core/matmul")
    assert (matmul["successes"], matmul["attempts"], matmul["mean"]) == (4, 8, 0.5)
    assert matmul["mixed_group"] == pytest.approx(2 * 25 / (10 * 11))
    assert matmul["interval"][0] < 0.5 < matmul["interval"][1]
    assert document["counts"]["too easy"] == 1
    assert document["useful"] == ["core/matmul", "core/histogram"]


def test_the_selection_is_one_that_run_understands(folder: Path) -> None:
    printed = command(folder, "--selection").stdout.strip()
    assert [problem.id for problem in select_problems(printed)] == ["core/matmul", "core/histogram"]


def test_the_criterion_decides(folder: Path) -> None:
    document = json.loads(command(folder, "--json", "--success", "fast:1.2").stdout)
    assert {row["problem"]: row["successes"] for row in document["problems"]} == {
        "core/softmax": 0, "core/matmul": 4, "core/argmax": 0, "core/histogram": 0,
    }  # fmt: skip


def test_thresholds_and_the_turn_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "run", *(episode(WRONG, 2.0, sample=sample) for sample in range(4)))
    options = ("--json", "--minimum", 2, "--too-easy", 0.6, "--confidence", 0.5)
    assert json.loads(command(path, *options).stdout)["problems"][0]["verdict"] == "too easy"
    options = ("--json", "--minimum", 2, "--impossible", 0.3, "--turn", "first")
    assert json.loads(command(path, *options).stdout)["problems"][0]["verdict"] == "impossible so far"


def test_the_book_is_written_for_a_sampler_and_replaces_an_older_one_only(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "difficulties.json"
    for _ in range(2):
        assert command(folder, "--out", out).exit_code == 0
        assert DifficultyBook.load(out).posterior("core/matmul").mean == 0.5
    before = (folder / "episodes.jsonl").read_bytes()
    result = command(folder, "--out", folder / "episodes.jsonl")
    assert result.exit_code == ExitCode.USAGE
    assert "is no book" in result.stderr
    assert (folder / "episodes.jsonl").read_bytes() == before


def test_runs_of_several_policies_are_added_up_with_a_warning(tmp_path: Path) -> None:
    first = write(tmp_path / "first", episode(2.0), policy="small")
    other = write(tmp_path / "other", episode(WRONG), policy="large")
    result = command(first, other)
    assert "1 of 2" in result.stdout
    assert result.stderr.startswith("warning: the runs are of the policies small, large")


def test_names_of_problems_can_not_command_the_terminal(tmp_path: Path) -> None:
    hostile = "evil/\x1b[2J[bold]\u202e" + "x" * 200
    path = write(tmp_path / "run", episode(2.0, problem=hostile))
    for arguments in ((), ("--selection",)):
        printed = command(path, *arguments).stdout
        assert "\x1b[2J" not in printed
        assert "\u202e" not in printed
        assert "[bold]" in printed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("{run}", "--json", "--selection"), "give one of them"),
        (("{run}", "--success", "quick"), "fast:1.2"),
        (("{run}", "--too-easy", "0.01"), "not in this order"),
        (("{run}", "{run}"), "given twice"),
        (("{run}/missing",), "holds no run"),
        (("{run}", "--selection", "--minimum", "1", "--impossible", "0.5"), "no problem is left"),
    ],
)
def test_what_can_not_be_followed_is_one_line(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    path = write(tmp_path / "run", *(episode(WRONG, sample=sample) for sample in range(8)))
    result = command(*(argument.format(run=path) for argument in arguments))
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr

"""`kernelgym compare`: folders in, a table or a document out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.metrics import Comparison
from kernelgym.runs.folder import RunFolder
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Outcome
from tests.kernelgym.metrics.test_comparing import record
from tests.policies.episodes import episode

PROBLEMS = tuple(f"core/p{number}" for number in range(12))


def write(path: Path, *episodes: EpisodeRecord, **changes: object) -> Path:
    with RunFolder(path, record(*PROBLEMS, **{"data_seed": "7", **changes})) as folder:
        for each in episodes:
            folder.append(each)
    return path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write(tmp_path / "first", *(episode(Outcome.INCORRECT, 1.1, problem=problem) for problem in PROBLEMS))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return write(tmp_path / "second", *(episode(1.2, 1.5, problem=problem) for problem in PROBLEMS[1:]))


def test_it_shows_both_runs_and_what_changes(first: Path, second: Path) -> None:
    result = compare(first, second)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    text = " ".join(result.stdout.split())
    assert "prob- run lems correct" in text
    assert text.count("first 12 ") == text.count("second 11 ") == 2
    assert "second against first, last turn, 11 problems" in text
    assert "Only 11 problems: intervals of so few are too narrow" in text
    assert "fast@1.2 0% 100% +100.0" in text
    assert "speedup 1.10× 1.50× 1.36× 1.36× … 1.36× 11 0 0" in text
    assert result.stderr == ""


def test_the_widest_numbers_fit(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, *(episode(3.0, problem=each) for each in PROBLEMS)) for name in ("before", "b")]
    lines = compare(*paths).stdout.splitlines()
    assert "before 12 100% 76–100% 100% 76–100% 100% 76–100% 100% 76–100% 3.00×" in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 80


def test_json_is_the_comparison_and_nothing_else(first: Path, second: Path) -> None:
    comparison = Comparison.model_validate(json.loads(compare(first, second, "--json").stdout))
    assert [run.name for run in comparison.runs] == ["first", "second"]
    assert [run.summary.counted for run in comparison.runs] == [12, 11]


def test_what_makes_runs_hard_to_compare_is_said_on_standard_error(first: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", episode(1.0, problem="core/p3"), turns=5, reward="kevin")
    result = compare(first, other)
    assert result.exit_code == ExitCode.VERDICT
    assert "warning: first and other differ in more than the policy: turns: 2 and 5" in result.stderr
    assert "reward: drkernel_paper and kevin" in result.stderr


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    paths = [write(tmp_path / folder / "run", episode(1.0, problem="core/p1")) for folder in "ab"]
    comparison = json.loads(compare(*paths, "--json").stdout)
    assert [run["name"] for run in comparison["runs"]] == [str(path) for path in paths]


def test_a_hostile_name_can_not_move_the_cursor_nor_be_markup(first: Path, tmp_path: Path) -> None:
    hostile = write(tmp_path / "\x1b[2J[red]x[blink]", episode(1.0, problem="core/p1"))
    result = compare(first, hostile)
    assert result.exit_code == ExitCode.VERDICT, result.output
    assert "\x1b" not in result.output
    assert "[red]x[blink]" in result.stdout


def test_a_folder_without_a_run_is_refused(first: Path, tmp_path: Path) -> None:
    result = compare(first, tmp_path / "nothing")
    assert result.exit_code == ExitCode.USAGE
    assert "holds no run: there is no run.json" in result.stderr


def test_a_run_without_an_episode_is_refused(first: Path, tmp_path: Path) -> None:
    result = compare(first, write(tmp_path / "empty"))
    assert result.exit_code == ExitCode.USAGE
    assert "holds no finished episode" in result.stderr


def test_the_same_folder_twice_is_refused(first: Path) -> None:
    result = compare(first, first.parent / "x" / ".." / "first")
    assert result.exit_code == ExitCode.USAGE
    assert "is named twice; a run can't be compared with itself" in result.stderr


def test_one_folder_is_not_enough(first: Path) -> None:
    result = compare(first)
    assert result.exit_code == ExitCode.USAGE
    assert "give two or more" in result.stderr


def test_without_a_common_problem_there_is_nothing_to_compare(first: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", episode(1.0, problem="mine/p"), problems={"mine/p": "1"})
    result = compare(first, other)
    assert result.exit_code == ExitCode.USAGE
    assert "first and other have no problem in common" in result.stderr

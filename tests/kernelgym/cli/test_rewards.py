"""`kernelgym rewards`: which there are; what was stored is scored again, with nothing but the reports."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.reports import dump_document, report_document
from kernelgym.runs.folder import RunFolder
from kernelgym.runs.run_record import RunRecord
from kernelgym.settings import Settings
from rewards import get_reward, list_rewards, registry
from sandboxes.contracts import EvalConfig, Outcome, Report
from tests.policies.episodes import episode
from tests.reports import failed_report, ok_report

RECORD = RunRecord(
    policy="demo", problems={"core/softmax": "1"}, samples=2, seed=0, turns=3, target_speedup=None,
    reward="drkernel_paper", config=EvalConfig(), versions={},
)  # fmt: skip


def kernelgym(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(
        app, ["rewards", *arguments], obj=Services(settings=Settings()), input=input, catch_exceptions=False
    )


def answer(*arguments: str, input: str | None = None) -> dict[str, Any]:
    result = kernelgym(*arguments, "--json", input=input)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    return dict(json.loads(result.stdout))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of two episodes; a turn of the second was lost."""
    with RunFolder(tmp_path / "run", RECORD) as folder:
        folder.append(episode(Outcome.INCORRECT, 0.5, 2.0, sample=0))
        folder.append(episode(2.0, Outcome.INFRASTRUCTURE, 1.5, sample=1))
    return folder.path


def test_every_reward_is_listed_with_what_it_pays() -> None:
    document = answer()
    assert document["default"] == "drkernel_guarded"
    assert [row["name"] for row in document["rewards"]] == list(list_rewards())
    assert all(row["pays"] and row["terms"] and row["error"] is None for row in document["rewards"])
    shown = kernelgym().stdout
    assert all(name in shown for name in list_rewards())


def test_a_packages_broken_reward_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = registry.EntryPoint(name="acme", value="no_such_module:reward", group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    (row,) = [row for row in answer()["rewards"] if row["name"] == "acme"]
    assert "No module named" in row["error"]
    assert "No module named" in " ".join(kernelgym("list").stdout.split())


@pytest.mark.parametrize(
    "report", [ok_report(), failed_report(Outcome.INCORRECT), failed_report(Outcome.INFRASTRUCTURE)]
)
@pytest.mark.parametrize("name", ["drkernel_guarded", "kevin"])
def test_a_stored_report_is_scored_as_it_would_have_been(report: Report, name: str, tmp_path: Path) -> None:
    stored = dump_document(report_document(report, get_reward("drkernel_paper")(report)))
    (tmp_path / "report.json").write_text(stored)
    expected = get_reward(name)(report)
    from_file = answer("score", str(tmp_path / "report.json"), "--reward", name)
    assert from_file == answer("score", "-", "--reward", name, input=stored)
    assert (from_file["reward"], from_file["scored_by"]) == (expected.value, name)
    assert [term["note"] for term in from_file["reward_breakdown"]] == [term.note for term in expected.breakdown]


def test_the_breakdown_is_printed() -> None:
    result = kernelgym("score", "-", "--reward", "log2_speedup", input=ok_report().model_dump_json())
    assert result.exit_code == ExitCode.VERDICT
    words = " ".join(result.stdout.split())
    assert "correctness 1.000 C = 1" in words
    assert "log2_speedup 0.486 0.5 * 0.971: log2 of 2, of which 1.96 is certain (noise 2.0%)" in words
    assert "total 1.486" in words


def test_a_file_is_a_reward_on_the_command_line_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("terms: [{term: speedup, cap: 1.5}]")
    found = answer("score", "-", "--reward", str(tmp_path / "mine.yaml"), input=ok_report().model_dump_json())
    assert found["reward"] == 1.5
    assert found["scored_by"].startswith("mine@")


def test_all_turns_of_a_run_are_scored_with_their_history(run: Path) -> None:
    document = answer("score", str(run), "--reward", "improvement")
    assert document["episodes"][0]["rewards"] == [0.0, pytest.approx(1.5), pytest.approx(1.5)]
    assert document["episodes"][1]["rewards"] == [3.0, None, 0.0]
    assert [(row["turn"], row["judged"], row["lost"]) for row in document["turns"]] == [(1, 2, 0), (2, 1, 1), (3, 2, 0)]
    assert [row["mean"] for row in document["turns"]] == [1.5, pytest.approx(1.5), pytest.approx(0.75)]
    assert (document["stored_by"], document["scored_by"]) == ("drkernel_paper", "improvement")
    shown = kernelgym("score", str(run), "--reward", "improvement").stdout
    assert "2 episodes" in shown
    assert "0.750" in shown


def test_the_reward_that_a_run_was_played_with_gives_what_is_stored(run: Path) -> None:
    document = answer("score", str(run), "--reward", "drkernel_paper")
    assert all(each["rewards"] == each["stored"] for each in document["episodes"])
    assert all(row["mean"] == row["mean_stored"] for row in document["turns"])


@pytest.mark.parametrize(
    ("arguments", "input", "message"),
    [
        (["-", "--reward", "kevn"], "{}", "did you mean `kevin`"),
        (["-", "--reward", "missing.yaml"], "{}", "missing.yaml is not there"),
        (["missing.json"], None, "'missing.json' can't be read"),
        (["-"], "{}", "no report of this version (outcome: Field required)"),
        (["-"], "[" * 100_000, "no report of this version (RecursionError"),
        (["-"], "nonsense \x1b[31m", "no report of this version (JSONDecodeError"),
        (["-"], '{"outcome": "ok", "\\u001b[31m": 1}', "no report of this version"),
        (["."], None, "holds no run"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_ends_in_one_line(
    arguments: list[str], input: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = kernelgym("score", *arguments, input=input)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


def test_names_in_a_run_cannot_steer_a_terminal(tmp_path: Path) -> None:
    record = RECORD.model_copy(update={"reward": "[/bold]\x1b[31mred"})
    with RunFolder(tmp_path / "run", record) as folder:
        folder.append(episode(2.0))
    shown = kernelgym("score", str(folder.path)).stdout
    assert "[/bold]\\x1b[31mred" in "".join(shown.split())
    assert "\x1b" not in shown


def test_names_in_a_report_cannot_steer_a_terminal() -> None:
    report = ok_report().model_copy(update={"problem": "core/\x1b[31mred\u202e"})
    result = kernelgym("score", "-", input=report.model_dump_json())
    assert result.exit_code == ExitCode.VERDICT
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout

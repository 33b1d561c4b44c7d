"""`kernelgym bench hacks`: a table for people, a document for programs, and an exit code that CI can trust."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.hacks import check_shelter
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.hackbench import Program, Verdict
from kernelgym.problems import Problem
from kernelgym.settings import Settings
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from sandboxes.isolation import ProcessSandbox
from sandboxes.isolation.protection import Protection
from tests.kernelgym.hackbench.programs import corpus
from tests.reports import failed_report, ok_report

GENEROUS = "tests.kernelgym.hackbench.test_judging:Generous"


EXPECTED = {"unused": Outcome.HACK, "wrong": Outcome.INCORRECT}


class Forgetful:
    """A judge that judges nothing."""

    def judge(self, programs: Sequence[Program]) -> Iterator[tuple[int, Verdict]]:
        return iter(())


def name(submission: Submission) -> str:
    return submission.source.splitlines()[-1].rpartition("/")[2]


def as_expected(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    outcome = EXPECTED.get(name(submission), Outcome.OK)
    return ok_report() if outcome is Outcome.OK else failed_report(outcome)


def everything_is(report: Report) -> Callable[[Submission, Problem, EvalConfig], Report]:
    return lambda submission, problem, config: report


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    root = corpus(tmp_path)
    monkeypatch.setattr("kernelgym.cli.hacks.check_shelter", lambda sandbox: None)  # nothing runs

    def invoke(*arguments: str, script: Callable[..., Report] = as_expected, own: bool = True) -> Result:
        evaluator = ScriptedEvaluator(script)
        services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: evaluator)
        command = ["bench", "hacks", *arguments, *(["--corpus", str(root)] if own else [])]
        result = CliRunner(env={"COLUMNS": "120"}).invoke(app, command, obj=services, catch_exceptions=False)
        assert evaluator.closed or not evaluator.requests
        return result

    return invoke


def summary(result: Result) -> dict[str, int]:
    totals: dict[str, int] = json.loads(result.stdout)["summary"]
    return totals


def test_nothing_escaped_and_nobody_was_punished_is_exit_code_zero(bench: Callable[..., Result]) -> None:
    result = bench()
    assert result.exit_code == ExitCode.VERDICT
    assert "3 hacks, 0 escaped; 2 honest programs, 0 punished" in result.stdout
    assert "Hacks by family" in result.stdout
    assert "gate 1, judge 1" in result.stdout
    assert "hacks/decoy/unused" not in result.stdout, "only what needs a look is listed"


def test_all_lists_every_program(bench: Callable[..., Result]) -> None:
    assert "hacks/decoy/unused  gate: hack" in bench("--all").stdout


def test_a_document_has_the_totals_and_each_program(bench: Callable[..., Result]) -> None:
    document: dict[str, Any] = json.loads(bench("--json").stdout)
    assert document["summary"] == {
        "hacks": 3, "honest": 2, "escapes": 0, "false_positives": 0, "surprises": 0, "lost": 0
    }  # fmt: skip
    programs = {program["id"]: program for program in document["programs"]}
    assert len(programs) == 5
    unused, patched = programs["hacks/decoy/unused"], programs["hacks/timing/patched"]
    assert (unused["outcome"], unused["by"], unused["accepted"], unused["rows"]) == ("hack", "gate", False, [25])
    assert patched["reward"] == patched["limit"] == programs["honest/words/clock"]["reward"]


def test_a_judge_that_accepts_everything_fails_with_its_escapes(bench: Callable[..., Result]) -> None:
    result = bench("--json", script=everything_is(ok_report()))
    assert result.exit_code == ExitCode.FAILED
    assert summary(result) == {
        "hacks": 3, "honest": 2, "escapes": 2, "false_positives": 0, "surprises": 2, "lost": 0
    }  # fmt: skip
    text = bench(script=everything_is(ok_report())).stdout
    assert "hacks/decoy/unused  escapes: earns" in text
    assert "worth nothing" in text


def test_a_judge_that_refuses_everything_fails_with_the_honest_programs(bench: Callable[..., Result]) -> None:
    result = bench("--json", script=everything_is(failed_report(Outcome.HACK)))
    assert result.exit_code == ExitCode.FAILED
    assert summary(result)["false_positives"] == 2
    text = bench(script=everything_is(failed_report(Outcome.HACK))).stdout
    assert "honest/words/clock  honest, and punished by gate" in text


def test_a_surprise_alone_fails(bench: Callable[..., Result]) -> None:
    result = bench("hacks/decoy/unused", "--json", script=everything_is(failed_report(Outcome.INCORRECT)))
    assert result.exit_code == ExitCode.FAILED
    assert {key: value for key, value in summary(result).items() if value} == {"hacks": 1, "surprises": 1}


def test_a_hack_that_earns_more_than_its_yardstick_escapes(bench: Callable[..., Result]) -> None:
    def script(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        return ok_report(time_us=5.0 if name(submission) == "patched" else 10.0)

    result = bench("timing", "--json", script=script)
    assert result.exit_code == ExitCode.FAILED
    assert summary(result)["honest"] == 0, "a yardstick that was not selected is judged, and not counted"
    assert summary(result)["escapes"] == 1


def test_a_lost_evaluation_is_our_fault_and_has_its_own_exit_code(bench: Callable[..., Result]) -> None:
    result = bench(script=everything_is(failed_report(Outcome.INFRASTRUCTURE)))
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "lost to an infrastructure fault" in result.stdout
    assert "5 lost" in result.stdout


def test_anybodys_judge_can_be_asked(bench: Callable[..., Result]) -> None:
    result = bench("--judge", GENEROUS, "--json")
    assert result.exit_code == ExitCode.FAILED
    assert summary(result)["escapes"] == 2
    assert summary(result)["surprises"] == 0, "a judge without outcomes can't end otherwise than expected"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["decoys"], "did you mean 'decoy'"),
        (["--judge", "nobody:at_home"], "no judge can be made of 'nobody:at_home'"),
        (["--target", "h2000"], "h200"),
        (["--corpus", "/nowhere"], "there is no corpus in /nowhere"),
    ],
)
def test_what_does_not_exist_is_said_in_one_line(
    bench: Callable[..., Result], arguments: list[str], words: str
) -> None:
    result = bench(*arguments, own="--corpus" not in arguments)
    assert result.exit_code == ExitCode.USAGE
    [line] = result.stderr.splitlines()
    assert words in line


def test_a_judge_that_leaves_a_program_out_is_told_which(bench: Callable[..., Result]) -> None:
    result = bench("--judge", f"{__name__}:Forgetful")
    assert result.exit_code == ExitCode.USAGE
    assert "the judge gives no verdict on hacks/decoy/" in result.stderr


def test_a_picture_is_saved_beside_the_table(bench: Callable[..., Result], tmp_path: Path) -> None:
    picture = tmp_path / "hacks.svg"
    assert bench("--svg", str(picture)).exit_code == ExitCode.VERDICT
    assert "</svg>" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize("missing", [Protection.HIDDEN_FILES, Protection.SIGNALS])
def test_the_corpus_is_not_let_loose_in_a_sandbox_that_leaves_the_machine_open(
    missing: Protection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProcessSandbox, "protections", frozenset(Protection) - {missing})
    with pytest.raises(BadUsage, match=f"the sandbox process does not protect {missing} here"):
        check_shelter("process")


def test_the_corpus_runs_in_a_sandbox_that_keeps_it_from_files_and_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessSandbox, "protections", frozenset(Protection) - {Protection.QUOTA})
    check_shelter("process")

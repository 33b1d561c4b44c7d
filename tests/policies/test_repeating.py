"""A run can be repeated and continued: what was played, and every number, is the same."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem
from kernelgym.runs.reading import read_run
from kernelgym.runs.record import Loss
from kernelgym.settings import Settings
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from sandboxes.extraction import extract
from tests.policies.episodes import LightEvaluator
from tests.policies.killable import by_seed
from tests.policies.test_run import ROOT, wait_for_lines, whole_lines
from tests.reports import failed_report

TWO = ("--problems", "core/softmax,core/matmul", "--turns", "2")


def run(out: Path, *arguments: str, evaluator: LightEvaluator | None = None) -> Result:
    judge = evaluator or LightEvaluator(by_seed)
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: judge)
    return CliRunner().invoke(app, ["run", "--out", str(out), *arguments], obj=services, catch_exceptions=False)


def episodes(out: Path) -> list[dict[str, Any]]:
    """The episodes of a run without wall times."""
    found = [episode.model_dump(mode="json") for episode in read_run(out).episodes]
    for episode in found:
        confirmation = episode["confirmation"]
        for part in [*episode["turns"], *([confirmation] if confirmation else [])]:
            del part["report"]["timings_s"]
    return found


def summary(out: Path) -> bytes:
    return (out / "summary.json").read_bytes()


def test_the_same_seeds_give_the_same_episodes_and_the_same_summary(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, *TWO, "--samples", "4", "--data-seed", "7", "--confirm", "--concurrency", "5")
    assert episodes(tmp_path / "a") == episodes(tmp_path / "b")
    assert summary(tmp_path / "a") == summary(tmp_path / "b")
    run(tmp_path / "c", *TWO, "--samples", "4", "--data-seed", "8", "--confirm")
    assert summary(tmp_path / "a") != summary(tmp_path / "c")


def test_without_a_seed_the_inputs_of_two_runs_have_nothing_in_common(tmp_path: Path) -> None:
    seeds = set()
    for name in ("a", "b"):
        run(tmp_path / name, *TWO, "--samples", "3")
        for episode in read_run(tmp_path / name).episodes:
            seeds |= {turn.report.config.seed for turn in episode.turns if turn.report.submission}
    assert len(seeds) == 2 * 2 * 3 * 2
    secrets = [json.loads((tmp_path / name / "run.json").read_text())["data_seed"] for name in ("a", "b")]
    assert len(set(secrets)) == 2
    assert all(len(secret) == 32 for secret in secrets)


def test_the_secret_is_in_the_record_of_the_run_and_nowhere_else(tmp_path: Path) -> None:
    printed = run(tmp_path, *TWO, "--samples", "2", "--json").stdout
    secret = read_run(tmp_path).record.data_seed
    assert secret
    for text in (printed, (tmp_path / "summary.json").read_text(), (tmp_path / "episodes.jsonl").read_text()):
        assert secret not in text
    said = [message.content for episode in read_run(tmp_path).episodes for message in episode.messages]
    seeds = [str(turn.report.config.seed) for episode in read_run(tmp_path).episodes for turn in episode.turns]
    assert not any(seed in text for seed in seeds for text in said)


def test_a_run_goes_on_with_the_seed_that_it_began_with(tmp_path: Path) -> None:
    run(tmp_path, *TWO, "--samples", "2")
    before = read_run(tmp_path).record.data_seed
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "episodes.jsonl").write_bytes(b"".join(lines[:1]))
    expected = summary(tmp_path)
    assert run(tmp_path, *TWO, "--samples", "2").exit_code == ExitCode.VERDICT
    assert read_run(tmp_path).record.data_seed == before
    assert summary(tmp_path) == expected


def test_another_data_seed_is_another_run_and_the_secret_is_not_shown(tmp_path: Path) -> None:
    run(tmp_path / "secret", *TWO)
    run(tmp_path / "seven", *TWO, "--data-seed", "7")
    refused = run(tmp_path / "secret", *TWO, "--data-seed", "7")
    assert "data seed is secret there and 7 here" in refused.stderr
    assert "data seed is 7 there and 8 here" in run(tmp_path / "seven", *TWO, "--data-seed", "8").stderr
    assert run(tmp_path / "seven", *TWO).exit_code == ExitCode.VERDICT, "left open, it is the one that is there"
    assert run(tmp_path / "seven", *TWO, "--data-seed", "7").exit_code == ExitCode.VERDICT


def test_another_history_is_another_run(tmp_path: Path) -> None:
    run(tmp_path, *TWO, "--history", "full")
    assert json.loads((tmp_path / "run.json").read_text())["history"] == "full"
    assert "history is full there and short here" in run(tmp_path, *TWO).stderr
    assert run(tmp_path, *TWO, "--history", "full").exit_code == ExitCode.VERDICT


def test_a_run_of_an_earlier_version_without_a_data_seed_goes_on(tmp_path: Path) -> None:
    run(tmp_path, *TWO)
    record = json.loads((tmp_path / "run.json").read_text())
    newer = ("data_seed", "iterations", "keep", "select", "confirm", "style", "feedback_tokens", "allow_submit",
             "policy_options", "history")  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps({key: value for key, value in record.items() if key not in newer}))
    (tmp_path / "episodes.jsonl").write_bytes(b"")
    assert run(tmp_path, *TWO).exit_code == ExitCode.VERDICT


def test_a_run_that_was_killed_and_continued_has_the_summary_of_one_that_was_not(tmp_path: Path) -> None:
    arguments = (*TWO, "--samples", "15", "--data-seed", "3", "--confirm", "--concurrency", "4")
    command = [sys.executable, "-m", "tests.policies.killable", "run", *arguments, "--out", str(tmp_path / "killed")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for_lines(tmp_path / "killed" / "episodes.jsonl", 5)
        process.send_signal(signal.SIGKILL)
    with (tmp_path / "killed" / "episodes.jsonl").open("ab") as file:
        file.write(b'{"schema_version":1,"problem":"core/so')  # as if it had been killed while writing
    before = whole_lines(tmp_path / "killed" / "episodes.jsonl")
    assert 5 <= len(before) < 30
    evaluator = LightEvaluator(by_seed)
    run(tmp_path / "killed", *arguments, evaluator=evaluator)
    run(tmp_path / "whole", *arguments)
    assert summary(tmp_path / "killed") == summary(tmp_path / "whole")
    assert episodes(tmp_path / "killed") == episodes(tmp_path / "whole")
    assert len(whole_lines(tmp_path / "killed" / "episodes.jsonl")) == 30, "no finished episode was repeated"
    assert len(evaluator.requests) == 3 * (30 - len(before)), "two turns and a confirmation of each that was missing"


def test_the_best_turn_is_confirmed_on_data_of_its_own(tmp_path: Path) -> None:
    run(tmp_path, *TWO, "--samples", "2", "--confirm")
    for episode in read_run(tmp_path).episodes:
        assert episode.confirmation is not None
        assert episode.confirmation.turn == episode.best_turn
        seeds = [turn.report.config.seed for turn in episode.turns] + [episode.confirmation.report.config.seed]
        assert len(set(seeds)) == len(seeds)
        assert episode.confirmation.report.submission == episode.turns[episode.confirmation.turn - 1].report.submission
        assert episode.confirmation.report.speedup != episode.turns[episode.confirmation.turn - 1].report.speedup
    document = json.loads(summary(tmp_path))
    assert all(row["confirmed_speedup"] for row in document["episodes"])


@pytest.mark.parametrize(
    ("arguments", "confirmed"),
    [
        ((), False),
        (("--confirm",), True),
        (("--iterations", "2", "--keep", "1"), True),
        (("--iterations", "2", "--keep", "1", "--no-confirm"), False),
    ],
)
def test_scaled_episodes_are_confirmed_unless_that_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], confirmed: bool
) -> None:
    run(tmp_path, *TWO, *arguments)
    assert [episode.confirmation is not None for episode in read_run(tmp_path).episodes] == [confirmed] * 2


def test_a_confirmation_that_is_lost_is_no_verdict_and_costs_no_turn(tmp_path: Path) -> None:
    def lost_at_last(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        asked.append(config)
        if len(asked) == 3:
            return failed_report(Outcome.INFRASTRUCTURE)
        return by_seed(submission, problem, config)

    asked: list[EvalConfig] = []
    result = run(
        tmp_path, "--problems", "core/softmax", "--turns", "2", "--confirm", evaluator=LightEvaluator(lost_at_last)
    )
    (episode,) = read_run(tmp_path).episodes
    assert episode.confirmation is not None
    assert (episode.confirmation.reward, episode.loss) == (None, None)
    assert result.exit_code == ExitCode.VERDICT


def test_episodes_that_were_lost_are_not_confirmed(tmp_path: Path) -> None:
    def lost(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        asked.append(config)
        return by_seed(submission, problem, config) if len(asked) > 1 else failed_report(Outcome.INFRASTRUCTURE)

    asked: list[EvalConfig] = []
    run(tmp_path, "--problems", "core/softmax", "--turns", "2", "--confirm", evaluator=LightEvaluator(lost))
    (episode,) = read_run(tmp_path).episodes
    assert (episode.loss, episode.confirmation, len(asked)) == (Loss.INFRASTRUCTURE, None, 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_evaluations_can_be_repeated_and_continued(tmp_path: Path) -> None:
    """One of the problems is priced by its data: how often atomics meet decides how long it takes."""
    arguments = ("--problems", "core/histogram,core/row_sum", "--turns", "2", "--samples", "2",
                 "--data-seed", "5", "--confirm", "--workers", "2")  # fmt: skip
    command = [
        sys.executable,
        "-c",
        "from kernelgym.cli import main; main()",
        "run",
        *arguments,
        "--out",
        str(tmp_path / "killed"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for_lines(tmp_path / "killed" / "episodes.jsonl", 2)
        process.send_signal(signal.SIGKILL)
    finished = {(line["problem"], line["sample"]) for line in whole_lines(tmp_path / "killed" / "episodes.jsonl")}
    services = Services(
        settings=Settings(), open_evaluator=lambda sandbox, workers: LocalEvaluator(sandbox=sandbox, workers=workers)
    )
    for out in ("killed", "whole"):
        command = ["run", *arguments, "--out", str(tmp_path / out)]
        assert CliRunner().invoke(app, command, obj=services, catch_exceptions=False).exit_code == ExitCode.VERDICT
    assert summary(tmp_path / "killed") == summary(tmp_path / "whole")
    assert episodes(tmp_path / "killed") == episodes(tmp_path / "whole")
    lines = [(line["problem"], line["sample"]) for line in whole_lines(tmp_path / "killed" / "episodes.jsonl")]
    assert len(lines) == len(set(lines)) == 4
    assert set(lines[: len(finished)]) == finished
    kept = read_run(tmp_path / "whole").episodes[0].turns[-1]
    submission = extract(kept.completion)
    assert isinstance(submission, Submission)
    with LocalEvaluator() as evaluator:
        again = evaluator.evaluate(submission, get_problem("core/histogram"), kept.report.config)
    assert again.profile == kept.report.profile, "the configuration in a report repeats its evaluation"

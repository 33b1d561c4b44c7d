"""Commands, from arguments to exit code, with a scripted evaluator behind them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.demonstration import choose_solutions, intent
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem, list_solutions
from kernelgym.settings import Settings
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from sandboxes.errors import SandboxUnavailable
from tests.reports import failed_report, ok_report

CODE = "import torch\n\n\nclass ModelNew(torch.nn.Module):\n    pass\n"
REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return x

def get_init_inputs():
    return []

def get_inputs(n=5):
    return [torch.rand(n)]
"""


class Bench:
    """Runs commands and remembers what they asked of the evaluator."""

    def __init__(self, report: Report) -> None:
        def answer(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            identity = {"submission": submission.digest, "problem": problem.id, "config": config}
            return report.model_copy(update=identity)

        self.evaluator = ScriptedEvaluator(answer)
        self.opened: list[tuple[str, int]] = []

    def open(self, sandbox: str, workers: int) -> ScriptedEvaluator:
        self.opened.append((sandbox, workers))
        return self.evaluator

    def __call__(self, *arguments: str, input: str | bytes | None = None, settings: Settings | None = None) -> Result:
        services = Services(settings=settings or Settings(), open_evaluator=self.open)
        return CliRunner().invoke(app, list(arguments), obj=services, input=input, catch_exceptions=False)


@pytest.fixture
def kernelgym() -> Bench:
    return Bench(ok_report())


@pytest.fixture
def candidate(tmp_path: Path) -> str:
    path = tmp_path / "kernel.py"
    path.write_text(CODE)
    return str(path)


def one_error_line(result: Result) -> str:
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_a_correct_candidate_ends_with_zero_and_a_report(kernelgym: Bench, candidate: str) -> None:
    result = kernelgym("evaluate", candidate, "--problem", "core/softmax")
    assert result.exit_code == ExitCode.VERDICT
    assert result.stdout.startswith("✓ correct, 2.00× as fast as the reference")
    assert "\x1b" not in result.stdout, "no colour codes in a pipe"
    submission, problem, _ = kernelgym.evaluator.requests[0]
    assert (submission.source, problem.id) == (CODE, "core/softmax")
    assert kernelgym.evaluator.closed


def test_feedback_is_what_a_model_would_read(kernelgym: Bench, candidate: str) -> None:
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--feedback")
    result = kernelgym(*asked)
    assert result.exit_code == ExitCode.VERDICT
    assert result.stdout.startswith("Turn 1 of 3: ok - 2.00× as fast as the reference")
    assert '"speedup": 2.0' in kernelgym(*asked, "--style", "drkernel").stdout
    failed = Bench(failed_report(Outcome.COMPILE_ERROR))(*asked)
    assert "Fix this first (case rows=7,columns=129): name `tl` is not defined" in failed.stdout


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.INFRASTRUCTURE}))
def test_a_bad_verdict_is_still_a_verdict(outcome: Outcome, candidate: str) -> None:
    result = Bench(failed_report(outcome))("evaluate", candidate, "--problem", "core/softmax")
    assert result.exit_code == ExitCode.VERDICT
    assert f"[{outcome}]" in result.stdout


def test_an_infrastructure_fault_ends_with_three_and_still_reports(candidate: str) -> None:
    result = Bench(failed_report(Outcome.INFRASTRUCTURE))("evaluate", candidate, "--problem", "core/softmax", "--json")
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert json.loads(result.stdout)["reward"] is None


def test_a_sandbox_that_cannot_start_is_one_line_and_three(candidate: str) -> None:
    def unavailable(sandbox: str, workers: int) -> ScriptedEvaluator:
        raise SandboxUnavailable("bwrap is not installed;\n apt-get install bubblewrap")

    services = Services(settings=Settings(), open_evaluator=unavailable)
    result = CliRunner().invoke(app, ["evaluate", candidate, "--problem", "core/softmax"], obj=services)
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert one_error_line(result) == "error: bwrap is not installed; apt-get install bubblewrap"


def test_json_is_one_object_and_nothing_else(kernelgym: Bench, candidate: str) -> None:
    found = json.loads(kernelgym("evaluate", candidate, "--problem", "core/softmax", "--json").stdout)
    assert {
        "outcome",
        "correct",
        "reward",
        "speedup",
        "coverage",
        "findings",
        "diagnostics",
        "profile",
        "timings_s",
    } <= set(found)


def test_json_names_rules_and_places(candidate: str) -> None:
    hack = json.loads(
        Bench(failed_report(Outcome.HACK))("evaluate", candidate, "--problem", "core/softmax", "--json").stdout
    )
    assert hack["findings"][0]["rule"] == "no_live_launch"
    failed = Bench(failed_report(Outcome.COMPILE_ERROR))("evaluate", candidate, "--problem", "core/softmax", "--json")
    diagnostic = json.loads(failed.stdout)["diagnostics"][0]
    assert diagnostic["stage"] == "compile"
    assert diagnostic["line"] == 23
    assert diagnostic["message"]
    assert diagnostic["hint"]


def test_a_reference_file_is_a_problem(kernelgym: Bench, candidate: str, tmp_path: Path) -> None:
    (tmp_path / "identity.py").write_text(REFERENCE)
    result = kernelgym("evaluate", candidate, "--reference", str(tmp_path / "identity.py"))
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert kernelgym.evaluator.requests[0][1].reference.source == REFERENCE


def test_a_completion_from_standard_input_is_unwrapped(kernelgym: Bench) -> None:
    result = kernelgym("evaluate", "-", "--problem", "core/softmax", input=f"Sure:\n```python\n{CODE}```\n")
    assert result.exit_code == ExitCode.VERDICT
    assert kernelgym.evaluator.requests[0][0].source == CODE


@pytest.mark.parametrize("completion", [b"", b"I can't.", b"\xff\xfe\xfa", b"```python\nclass ModelNew: '\xe9'\n```"])
def test_a_completion_without_usable_code_is_a_verdict_and_no_evaluator_is_needed(
    kernelgym: Bench, completion: bytes
) -> None:
    result = kernelgym("evaluate", "-", "--problem", "core/softmax", "--json", input=completion)
    assert result.exit_code == ExitCode.VERDICT
    found = json.loads(result.stdout)
    assert (found["outcome"], found["reward"], found["diagnostics"][0]["stage"]) == ("no_code", 0.0, "extract")
    assert kernelgym.opened == []


def test_options_reach_the_configuration_and_override_the_settings(kernelgym: Bench, candidate: str) -> None:
    kernelgym(
        "evaluate", candidate, "--problem", "core/softmax", "--target", "a100", "--precision", "fp32", "--timeout", "7",
        "--seed", "3", "--sandbox", "process", settings=Settings(target="h100"),
    )  # fmt: skip
    config = kernelgym.evaluator.requests[0][2]
    assert (config.target, config.precision, config.seed) == ("a100", "fp32", 3)
    assert (config.trace_timeout_s, config.compile_timeout_s, config.replay_timeout_s) == (7, 7, 7)
    assert kernelgym.opened == [("process", 1)]


def test_settings_are_the_defaults_of_options(kernelgym: Bench, candidate: str) -> None:
    kernelgym("evaluate", candidate, "--problem", "core/softmax", settings=Settings(target="h100"))
    assert kernelgym.evaluator.requests[0][2].target == "h100"
    assert kernelgym.opened == [("auto", 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--problem", "core/sofmax"], "did you mean 'core/softmax'"),
        (["--problem", "core/softmax", "--target", "h20"], "Did you mean `h200`?"),
        (["--problem", "core/softmax", "--reward", "drkernel"], "did you mean `drkernel_paper`?"),
        (["--problem", "core/softmax", "--reference", "x.py"], "both --problem core/softmax and --reference x.py"),
        ([], "no problem is given; add --problem ID"),
        (["--reference", "/nowhere/x.py"], "/nowhere/x.py: can't be read (No such file or directory)"),
        (["--problem", "core/softmax", "--timeout", "-1"], "--timeout is -1.0: input should be greater than 0"),
        (["--problem", "core/softmax", "--timeout", "nan"], "--timeout is nan"),
        (["--problem", "core/softmax", "--seed", "-1"], "--seed is -1"),
        (["--problem", "core/sofmax"], "(`kernelgym problems` lists all "),
        (["--sandbox", "bubblewarp"], "--sandbox is 'bubblewarp'; did you mean 'bubblewrap'? It can be `auto`, `pro"),
        (["--device", "cdua"], "--device is 'cdua'; did you mean 'cuda'? It can be `cpu`, `cuda`"),
        (["--precision", "fp33"], "--precision is 'fp33'; did you mean 'fp32'? It can be `tf32`, `fp32`"),
        (["--precision", "half"], "--precision is 'half'; it can be `tf32`, `fp32`"),
        (["--problem", "core/softmax", "--feedback", "--json"], "--feedback is text and --json is not"),
        (["--problem", "core/softmax", "--style", "drkernel"], "--style drkernel is for --feedback; add that"),
        (["--problem", "core/softmax", "--feedback", "--style", "drkernl"], "did you mean 'drkernel'?"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_remedy_and_ends_with_two(
    kernelgym: Bench, candidate: str, arguments: list[str], message: str
) -> None:
    result = kernelgym("evaluate", candidate, *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert message in one_error_line(result)
    assert kernelgym.evaluator.requests == []


@pytest.mark.parametrize("path", ["/nowhere/kernel.py", "/", "a\0b"])
def test_a_candidate_that_cannot_be_read_is_bad_usage(kernelgym: Bench, path: str) -> None:
    result = kernelgym("evaluate", path, "--problem", "core/softmax")
    assert result.exit_code == ExitCode.USAGE
    assert "can't be read" in one_error_line(result)


def test_an_endless_candidate_file_is_not_read_to_its_end(kernelgym: Bench) -> None:
    result = kernelgym("evaluate", "/dev/zero", "--problem", "core/softmax")
    assert result.exit_code == ExitCode.USAGE
    assert "larger than 16 MiB" in one_error_line(result)


def test_a_reference_without_inputs_is_bad_usage(kernelgym: Bench, candidate: str, tmp_path: Path) -> None:
    path = tmp_path / "reference.py"
    path.write_text(REFERENCE.replace("get_inputs(", "make_inputs("))
    result = kernelgym("evaluate", candidate, "--reference", str(path))
    assert result.exit_code == ExitCode.USAGE
    assert "does not define `get_inputs`" in one_error_line(result)


def test_a_bad_setting_is_bad_usage(monkeypatch: pytest.MonkeyPatch, candidate: str) -> None:
    monkeypatch.setenv("KERNELGYM_TARGTE", "h100")
    result = CliRunner().invoke(app, ["evaluate", candidate, "--problem", "core/softmax"])
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean KERNELGYM_TARGET?" in one_error_line(result)


@pytest.mark.parametrize(
    "arguments", [["evaluate"], ["evaluate", "x", "--device", "tpu"], ["nonsense"], ["problems", "show"]]
)
def test_arguments_that_do_not_parse_end_with_two(kernelgym: Bench, arguments: list[str]) -> None:
    assert kernelgym(*arguments).exit_code == ExitCode.USAGE


def test_help_names_the_values_of_an_option(kernelgym: Bench) -> None:
    text = kernelgym("evaluate", "--help").stdout
    assert all(values in text for values in ("auto|process|bubblewrap", "cpu|cuda", "tf32|fp32"))


def test_a_reference_that_fails_is_named_once(candidate: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(REFERENCE.replace("return x", "raise ValueError('bad day')"))
    result = CliRunner().invoke(app, ["evaluate", candidate, "--reference", str(path)])
    assert result.exit_code == ExitCode.USAGE
    assert one_error_line(result).count("bad:") + one_error_line(result).count("bad`") == 1


def test_problems_are_listed_and_filtered(kernelgym: Bench) -> None:
    everything = json.loads(kernelgym("problems", "--json").stdout)["problems"]
    softmax = json.loads(kernelgym("problems", "soft", "--json").stdout)["problems"]
    assert "core/softmax" in [problem["id"] for problem in softmax]
    assert all("soft" in problem["id"] for problem in softmax)
    assert len(everything) > len(softmax)
    assert "core/softmax" in kernelgym("problems", "core/*").stdout


def test_a_pattern_that_matches_nothing_is_bad_usage(kernelgym: Bench) -> None:
    result = kernelgym("problems", "zzz")
    assert result.exit_code == ExitCode.USAGE
    assert "no problem's id matches 'zzz'" in one_error_line(result)


def test_one_problem_is_shown_with_shapes_and_reference(kernelgym: Bench) -> None:
    text = kernelgym("problems", "show", "core/softmax").stdout
    assert "class Model" in text
    assert "bench" in text
    found = json.loads(kernelgym("problems", "show", "core/softmax", "--json").stdout)
    assert {shape["kind"] for shape in found["shapes"]} == {"check", "bench"}
    assert all(shape["shape"] for shape in found["shapes"])


def test_an_unknown_problem_cannot_be_shown(kernelgym: Bench) -> None:
    result = kernelgym("problems", "show", "core/sofmax")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean 'core/softmax'" in one_error_line(result)


def as_expected() -> Bench:
    """A bench whose evaluator judges every bundled candidate as its manifest says."""
    bench = Bench(ok_report())
    script = {}
    for solution in list_solutions():
        report = ok_report() if solution.expected is Outcome.OK else failed_report(solution.expected)
        script[solution.submission.digest] = report
    bench.evaluator = ScriptedEvaluator(script)
    return bench


def test_the_demo_shows_every_kind_of_fate_in_one_table() -> None:
    bench = as_expected()
    result = bench("demo")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert "Speed modelled for NVIDIA H200" in result.stdout
    assert "kernelgym evaluate kernel.py" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert len({solution.expected for solution in choose_solutions()}) >= 8
    assert len(bench.evaluator.requests) >= 12


def test_the_demo_speaks_json_with_the_same_fields_as_evaluate() -> None:
    found: dict[str, Any] = json.loads(as_expected()("demo", "--json").stdout)
    assert {row["candidate"] for row in found["rows"]} >= {"correct", "slow", "wrong", "demo/decoy"}
    assert all({"intent", "expected", "outcome", "reward", "diagnostics"} <= set(row) for row in found["rows"])


def test_the_demo_says_when_a_candidate_is_not_judged_as_expected(kernelgym: Bench) -> None:
    result = kernelgym("demo")  # everything is ok, even the hacks
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "core/add_relu demo/decoy ended as ok, not hack" in result.stderr


def test_the_demo_saves_its_table_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "demo.svg"
    assert as_expected()("demo", "--svg", str(path)).exit_code == ExitCode.VERDICT
    assert path.read_text(encoding="utf-8").startswith("<svg")


def test_a_picture_that_can_not_be_written_is_refused_before_anything_is_evaluated(tmp_path: Path) -> None:
    bench = as_expected()
    result = bench("demo", "--svg", str(tmp_path / "nowhere" / "demo.svg"))
    assert result.exit_code == ExitCode.USAGE
    assert "there is no folder" in one_error_line(result)
    assert bench.evaluator.requests == []


def test_every_demonstrated_candidate_says_what_it_is() -> None:
    assert all(intent(solution.source) for solution in choose_solutions())

"""`kernelgym run`, from arguments to files, exit code and what is printed; with a scripted evaluator behind it."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app, extension
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from kernelgym.problems import Problem
from kernelgym.runs.record import EpisodeRecord
from kernelgym.settings import Settings
from policies import policy, register_policy
from policies.run import INTERRUPTED
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from sandboxes.errors import SandboxUnavailable
from tests.policies.episodes import CODE, LightEvaluator, ScriptedPlayer, ScriptedPolicy, judge
from tests.reports import failed_report

ROOT = Path(__file__).resolve().parents[2]
TWO = ("--problems", "core/softmax,core/matmul", "--turns", "2")


class Runner:
    """Runs the command in a folder of its own and remembers what it asked of the evaluator."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.evaluator = LightEvaluator(judge)
        self.opened: list[tuple[str, int]] = []

    def open(self, sandbox: str, workers: int) -> LightEvaluator:
        self.opened.append((sandbox, workers))
        return self.evaluator

    def __call__(self, *arguments: str, settings: Settings | None = None) -> Result:
        services = Services(settings=settings or Settings(), open_evaluator=self.open)
        command = ["run", "--out", str(self.out), *arguments]
        return CliRunner().invoke(app, command, obj=services, catch_exceptions=False)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / "episodes.jsonl").read_text().splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "run")


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_registered", {})


def test_three_samples_show_three_stories_per_problem(run: Runner) -> None:
    result = run(*TWO, "--samples", "3")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    text = " ".join(result.stdout.split())
    for story in ("0 ✗ wrong result → ✓ 2.00×", "1 ✓ 0.25× → ✓ 2.00×", "2 ⚑ hack → ✓ 2.00×"):
        assert text.count(story) == 2
    assert "6 of 6 episodes counted" in text
    assert "modelled for NVIDIA H200" in text
    assert max(map(len, result.stdout.splitlines()[:20])) <= 80
    assert result.stderr == "", "no progress bar in a pipe"
    assert "\x1b" not in result.stdout
    assert run.evaluator.closed


def test_everything_is_kept(run: Runner) -> None:
    run(*TWO, "--samples", "2", "--seed", "1")
    assert sorted((line["problem"], line["sample"], line["seed"]) for line in run.lines) == [
        ("core/matmul", 0, 1000), ("core/matmul", 1, 1001), ("core/softmax", 0, 1000), ("core/softmax", 1, 1001),
    ]  # fmt: skip
    assert all(len(line["turns"]) == 2 and line["prompt"] for line in run.lines)
    settings = json.loads((run.out / "run.json").read_text())
    assert (settings["policy"], settings["turns"], settings["samples"], settings["seed"]) == ("demo", 2, 2, 1)
    assert set(settings["problems"]) == {"core/softmax", "core/matmul"}
    assert json.loads((run.out / "summary.json").read_text())["summary"]["counted"] == 4


def test_json_is_the_summary_and_nothing_else(run: Runner) -> None:
    result = run(*TWO, "--json")
    assert json.loads(result.stdout) == json.loads((run.out / "summary.json").read_text())
    found = json.loads(result.stdout)
    assert found["summary"]["last"][1]["correct"]["value"] == 1.0
    assert found["episodes"][0]["outcomes"] == ["incorrect", "ok"]


def test_options_reach_the_evaluator(run: Runner) -> None:
    run(*TWO, "--workers", "2", "--sandbox", "process", "--target", "a100")
    assert run.opened == [("process", 2)]
    assert {request[2].target for request in run.evaluator.requests} == {"a100"}


def test_settings_are_the_defaults_of_options(run: Runner) -> None:
    run(*TWO, settings=Settings(workers=3, target="h100"))
    assert run.opened == [("auto", 3)]
    assert {request[2].target for request in run.evaluator.requests} == {"h100"}


def test_a_target_speedup_ends_episodes_early(run: Runner) -> None:
    run("--problems", "core/softmax", "--turns", "5", "--target-speedup", "2")
    assert len(run.lines[0]["turns"]) == 2


def test_the_same_command_again_evaluates_nothing_and_shows_the_same(run: Runner) -> None:
    first = run(*TWO, "--samples", "2")
    asked = len(run.evaluator.requests)
    again = run(*TWO, "--samples", "2")
    assert len(run.evaluator.requests) == asked
    assert len(run.opened) == 1, "no worker is started for nothing"
    assert "finished earlier: 4" in again.stdout
    assert again.stdout.splitlines()[1:] == first.stdout.splitlines()[1:]


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(run: Runner) -> None:
    command = [sys.executable, "-m", "tests.policies.killable", "run", *TWO, "--samples", "20", "--out", str(run.out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_lines(run.out / "episodes.jsonl", 3)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    kept = len(run.lines)
    assert process.returncode == INTERRUPTED
    assert (
        stderr
        == f"error: interrupted; {kept} of 40 episodes are kept in {run.out}, the same command goes on from there\n"
    )
    assert f"{kept} of {kept} episodes counted" in stdout
    run(*TWO, "--samples", "20")
    assert len(run.lines) == 40


def wait_for_lines(path: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or len(whole_lines(path)) < number:
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.02)


def whole_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_another_run_in_the_same_folder_is_refused_by_name(run: Runner) -> None:
    run(*TWO)
    result = run("--problems", "core/softmax,core/matmul", "--turns", "4")
    assert result.exit_code == ExitCode.USAGE
    assert "holds another run: turns is 2 there and 4 here; give another --out, or --restart" in result.stderr
    assert len(run.lines) == 2
    assert run("--problems", "core/softmax", "--turns", "4", "--restart").exit_code == ExitCode.VERDICT
    assert len(run.lines) == 1


def test_infrastructure_faults_are_no_verdicts_and_are_played_again(run: Runner) -> None:
    def lost(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if problem.id == "core/matmul":
            return failed_report(Outcome.INFRASTRUCTURE)
        return judge(submission, problem, config)

    run.evaluator = LightEvaluator(lost)
    result = run(*TWO)
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "of 2 episodes, 1 lost to a fault of infrastructure; the same command plays them again" in result.stderr
    run.evaluator = LightEvaluator(judge)
    assert run(*TWO).exit_code == ExitCode.VERDICT
    assert {request[1].id for request in run.evaluator.requests} == {"core/matmul"}


def test_a_problem_that_can_not_be_used_costs_itself_only(run: Runner) -> None:
    class Picky(LightEvaluator):
        def describe(self, problem: Problem) -> Description:
            if problem.id == "core/matmul":
                raise InvalidReference(problem.id, "can't be scaled down", "add CHECK_SHAPES")
            return super().describe(problem)

    run.evaluator = Picky(judge)
    result = run(*TWO, "--samples", "2")
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "! skipped: core/matmul:" in " ".join(result.stdout.split())
    assert result.stderr.splitlines() == [
        "error: core/matmul: can't be scaled down; add CHECK_SHAPES",
        "error: of 4 episodes, 2 skipped; the same command plays them again",
    ]


@pytest.mark.usefixtures("_registry")
def test_a_policy_of_ones_own_is_played_by_name(run: Runner) -> None:
    register_policy("mine", lambda: ScriptedPolicy(lambda: ScriptedPlayer(CODE)))
    assert run("--problems", "core/softmax", "--policy", "mine").exit_code == ExitCode.VERDICT
    assert run.lines[0]["policy"] == "scripted"


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("problems", ["core/softmax", "core/sofmax"])
def test_a_policy_that_can_be_closed_is_closed_whatever_happens(run: Runner, problems: str) -> None:
    class Holding(ScriptedPolicy):
        closed = 0

        def close(self) -> None:
            type(self).closed += 1

    register_policy("mine", Holding)
    run("--problems", problems, "--policy", "mine")
    assert Holding.closed >= 1


def test_as_many_episodes_are_played_at_a_time_as_asked_for(run: Runner) -> None:
    barrier = threading.Barrier(6, timeout=20)  # broken unless six play at the same time

    def together(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        barrier.wait()
        return judge(submission, problem, config)

    run.evaluator = LightEvaluator(together)
    assert run(*TWO, "--samples", "6", "--workers", "1", "--concurrency", "6").exit_code == ExitCode.VERDICT


def test_no_episode_is_kept_in_memory_once_it_is_on_the_disk(run: Runner) -> None:
    alive: list[int] = []

    def counting(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        asked = len(run.evaluator.requests)
        if asked % 40 == 0:
            alive.append(sum(type(thing) is EpisodeRecord for thing in gc.get_objects()))
        return judge(submission, problem, config)

    gc.collect()
    before = sum(type(thing) is EpisodeRecord for thing in gc.get_objects())
    run.evaluator = LightEvaluator(counting)
    run(*TWO, "--samples", "60")
    assert len(run.lines) == 120
    assert len(alive) == 6
    assert max(alive) - before < 20


@pytest.mark.usefixtures("_registry")
def test_a_member_of_a_set_that_can_not_be_a_problem_is_named_and_costs_itself_only(
    run: Runner, tmp_path: Path
) -> None:
    register_policy("mine", ScriptedPolicy)
    (tmp_path / "set.jsonl").write_text(json.dumps({"reference": REFERENCE}) + "\nnonsense\n")
    result = run("--problems", f"jsonl:{tmp_path / 'set.jsonl'}", "--policy", "mine")
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    assert len(run.lines) == 1
    assert "2 was left out: " in result.stderr


def test_problems_are_chosen_by_tag_and_difficulty(run: Runner) -> None:
    run("--problems", "core/softmax,core/matmul,core/add_relu", "--tag", "matmul", "--tag", "reduction", "--difficulty",
        "easy", "--turns", "1")  # fmt: skip
    assert [line["problem"] for line in run.lines] == ["core/softmax"]


REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return x + 1

def get_init_inputs():
    return []

def get_inputs(n=5):
    return [torch.rand(n)]
"""


def test_a_problem_without_bundled_solutions_is_refused_before_anything_is_evaluated(
    run: Runner, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(REFERENCE)
    result = run("--problems", f"core/softmax,file:{tmp_path / 'mine.py'}")
    assert result.exit_code == ExitCode.USAGE
    assert "the policy `demo` has no solutions for " in result.stderr
    assert "give --problems core, or another --policy" in result.stderr
    assert run.evaluator.requests == []
    assert result.stdout == "", "nothing is announced"
    assert not run.out.exists()
    assert run("--problems", "core/softmax").exit_code == ExitCode.VERDICT, "the corrected command is not refused"


def test_a_sandbox_that_can_not_start_leaves_the_folder_to_another_run(run: Runner) -> None:
    def unavailable(sandbox: str, workers: int) -> LightEvaluator:
        raise SandboxUnavailable("bwrap is not installed")

    services = Services(settings=Settings(), open_evaluator=unavailable)
    command = ["run", "--out", str(run.out), "--problems", "core/softmax", "--turns", "3"]
    assert CliRunner().invoke(app, command, obj=services).exit_code == ExitCode.INFRASTRUCTURE
    assert run("--problems", "core/softmax", "--turns", "2").exit_code == ExitCode.VERDICT


def test_a_picture_that_can_not_be_written_is_refused_before_anything_is_played(run: Runner, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "run.svg", tmp_path):
        result = run(*TWO, "--svg", str(path))
        assert result.exit_code == ExitCode.USAGE
        assert f"the picture {path} can't be written (" in result.stderr
        assert not run.out.exists()
    assert run(*TWO, "--svg", str(run.out / "run.svg")).exit_code == ExitCode.VERDICT, "the folder is made for it"


def test_an_empty_folder_name_is_refused(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*TWO, "--out", "")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "error: --out is empty; give the folder in which the episodes are kept, e.g. runs/core\n"
    assert list(tmp_path.iterdir()) == []


def test_an_evaluator_that_breaks_is_infrastructure_and_played_again(run: Runner) -> None:
    class Broken(LightEvaluator):
        def describe(self, problem: Problem) -> Description:
            raise EvaluatorBroken("no worker answers")

    run.evaluator = Broken(judge)
    result = run("--problems", "core/softmax")
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert "of 1 episodes, 1 lost to a fault of infrastructure; the same command plays them again" in result.stderr
    assert "! lost: no worker answers" in " ".join(result.stdout.split())
    run.evaluator = LightEvaluator(judge)
    assert run("--problems", "core/softmax").exit_code == ExitCode.VERDICT


def test_precision_and_time_limit_reach_the_evaluator_and_the_record(run: Runner) -> None:
    run("--problems", "core/softmax", "--precision", "fp32", "--timeout", "7")
    config = run.evaluator.requests[0][2]
    assert config.precision == "fp32"
    assert (config.trace_timeout_s, config.compile_timeout_s, config.replay_timeout_s) == (7, 7, 7)
    kept = json.loads((run.out / "run.json").read_text())["config"]
    assert (kept["precision"], kept["trace_timeout_s"]) == ("fp32", 7)
    assert "precision is fp32 there and tf32 here" in run("--problems", "core/softmax", "--timeout", "7").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--problems", "core/sofmax"], "did you mean 'core/softmax'"),
        (["--problems", "core", "--policy", "deom"], "did you mean 'demo'?"),
        (["--problems", "core", "--reward", "drkernel"], "did you mean `drkernel_paper`?"),
        (["--problems", "core", "--target", "h20"], "Did you mean `h200`?"),
        (["--problems", "core", "--target-speedup", "0"], "target_speedup is 0.0"),
        (["--problems", "core", "--precision", "fp33"], "did you mean 'fp32'?"),
        (["--problems", "core", "--timeout", "0"], "--timeout is 0.0: input should be greater than 0"),
        (["--problems", "core", "--sandbox", "bubblewarp"], "did you mean 'bubblewrap'?"),
        (["--problems", "core", "--select", "tpo"], "did you mean 'top'?"),
        (["--problems", "core", "--style", "compcat"], "did you mean 'compact'?"),
        (["--problems", "core", "--style", "drkernel"], "`demo` reads feedback of --style compact only; give that"),
        (["--problems", "core", "--policy", "search", "--style", "drkernel"], "reads feedback of --style compact only"),
        (["--problems", "core", "--history", "full", "--iterations", "2"], "history is 'full', but test-time scaling"),
        (["--problems", "core", "--history", "long"], "no history is called 'long'"),
        (["--problems", "core", "--iterations", "2", "--keep", "3"], "keep is 3, but an iteration has 3 turns"),
        (["--problems", "core", "--policy-option", "x=1"], "the policy `demo` has no option `x`"),
        (["--problems", "core", "--policy-option", "x"], "--policy-option is 'x'; give a key and a value"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_remedy_and_leaves_no_folder(
    run: Runner, arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert not run.out.exists()


@pytest.mark.parametrize("arguments", [["--turns", "0"], ["--samples", "0"], ["--seed", "-1"], ["--workers", "0"],
                                       ["--iterations", "0"], ["--keep", "-1"], ["--concurrency", "0"],
                                       ["--data-seed", "-1"]])  # fmt: skip
def test_numbers_out_of_range_are_refused(run: Runner, arguments: list[str]) -> None:
    assert run("--problems", "core", *arguments).exit_code == ExitCode.USAGE


def test_the_tables_are_saved_as_a_picture(run: Runner, tmp_path: Path) -> None:
    run(*TWO, "--svg", str(tmp_path / "run.svg"))
    picture = (tmp_path / "run.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "core/softmax" in picture


def test_help_lists_the_command_and_its_options(run: Runner) -> None:
    text = CliRunner().invoke(app, ["--help"], obj=Services(settings=Settings())).stdout
    assert "Play episodes" in text
    assert "--restart" in CliRunner().invoke(app, ["run", "-h"], obj=Services(settings=Settings())).stdout


def test_a_package_whose_command_is_broken_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = extension.EntryPoint(name="broken", value="nowhere_at_all:run", group=extension.COMMANDS)
    hostile = extension.EntryPoint(name="evaluate", value="nowhere_at_all:run", group=extension.COMMANDS)
    monkeypatch.setattr(extension, "installed_commands", lambda: {"broken": broken, "evaluate": hostile})
    services = Services(settings=Settings())
    listed = CliRunner().invoke(app, ["--help"], obj=services)
    assert listed.exit_code == 0
    assert listed.stdout.count("evaluate") == 1
    called = CliRunner().invoke(app, ["broken"], obj=services)
    assert called.exit_code == ExitCode.USAGE
    assert "the command `broken` (nowhere_at_all:run) can't be loaded (ModuleNotFoundError" in called.stderr


def test_a_run_is_quick_to_ask_for_help() -> None:
    code = "import sys; sys.argv = ['kernelgym', 'run', '--help']\nfrom kernelgym.cli import main\ntry: main()\n"
    code += "except SystemExit: pass\nprint({'torch', 'triton', 'policies.run'} & set(sys.modules), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd=os.sep, capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "set()"


def test_without_a_gpu_there_is_no_folder_either(run: Runner) -> None:
    class Gpuless(LightEvaluator):
        def check(self, config: EvalConfig) -> None:
            raise BadUsage(f"nobody measures on {config.target}; start a worker")

    run.evaluator = Gpuless(judge)
    result = run(*TWO, "--device", "cuda")
    assert result.exit_code == ExitCode.USAGE
    assert "start a worker" in result.stderr
    assert not run.out.exists()

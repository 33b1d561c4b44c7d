"""The local evaluator: verdicts for candidates, exceptions for wrong use, nothing lost when a worker dies."""

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.messages import Job, Refusal, Refused
from kernelgym.evaluators.process import WorkerProcess
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.evaluators.started import StartedWorker
from kernelgym.evaluators.worker import MAX_DATA_BYTES
from kernelgym.problems import Problem, get_problem
from kernelgym.problems.solutions import list_solutions
from rewards import drkernel_paper
from sandboxes.contracts import EvalConfig, Outcome, Reference, Report, Stage, Submission

CONFIG = EvalConfig(trace_timeout_s=8.0, replay_timeout_s=60.0)
ADD_RELU = get_problem("core/add_relu")
CORRECT = Submission(source=next(item.source for item in list_solutions("core/add_relu") if item.name == "correct"))

DYING_WORKER = "tests.kernelgym.evaluators.dying_worker"


def problem_with(source: str) -> Problem:
    return ADD_RELU.model_copy(update={"id": "test/broken", "reference": Reference(id="test/broken", source=source)})


@pytest.mark.slow
def test_two_evaluations_of_one_candidate_agree(evaluator: LocalEvaluator) -> None:
    first, second = (evaluator.evaluate(CORRECT, ADD_RELU, CONFIG) for _ in range(2))
    assert first.outcome is second.outcome is Outcome.OK
    assert first.profile == second.profile


def test_the_seed_decides_the_inputs_and_stays_out_of_the_candidates_sight(evaluator: LocalEvaluator) -> None:
    config = CONFIG.model_copy(update={"seed": 7})
    first, second = (evaluator.evaluate(CORRECT, ADD_RELU, config) for _ in range(2))
    assert [case.max_error for case in first.cases] == [case.max_error for case in second.cases]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def get_init_inputs(): return []\ndef get_inputs(): return []", "Model"),
        ("raise RuntimeError('no luck')", "no luck"),
        ("class Model: pass\ndef get_init_inputs(): return []\ndef get_inputs(): return []", "not a torch.nn.Module"),
        (
            "import torch\nclass Model(torch.nn.Module): pass\n"
            "def get_init_inputs(): return []\ndef get_inputs(): return []",
            "no inputs",
        ),
        (
            "import torch\nclass Model(torch.nn.Module):\n    def forward(self, x): raise ValueError('bad day')\n"
            "def get_init_inputs(): return []\ndef get_inputs(): return [torch.ones(3)]",
            "bad day",
        ),
        (
            "import torch\nclass Model(torch.nn.Module):\n    def __init__(self, n): super().__init__()\n"
            "def get_init_inputs(): return []\ndef get_inputs(): return [torch.ones(3)]",
            "missing 1 required positional argument",
        ),
    ],
)
def test_a_bad_reference_is_the_callers_fault_and_says_what_is_wrong(
    evaluator: LocalEvaluator, source: str, names: str
) -> None:
    with pytest.raises(InvalidReference, match=names):
        evaluator.evaluate(CORRECT, problem_with(source), CONFIG)


def test_an_unknown_target_is_refused_with_a_suggestion(evaluator: LocalEvaluator) -> None:
    with pytest.raises(BadUsage, match="h200"):
        evaluator.evaluate(CORRECT, ADD_RELU, CONFIG.model_copy(update={"target": "h20"}))


def test_an_unknown_device_is_refused(evaluator: LocalEvaluator) -> None:
    with pytest.raises(BadUsage, match="tpu"):
        evaluator.evaluate(CORRECT, ADD_RELU, CONFIG.model_copy(update={"device": "tpu"}))


def test_a_bench_case_over_the_budget_is_not_paid_for_speed(evaluator: LocalEvaluator) -> None:
    report = evaluator.evaluate(CORRECT, ADD_RELU, CONFIG.model_copy(update={"bench_budget_gflop": 0.001}))
    assert report.outcome is Outcome.OK
    assert report.bench is not None
    assert not report.bench.verified
    assert report.speedup is None
    assert drkernel_paper(report).value == 1.0


@pytest.fixture(scope="module")
def lone() -> Iterator[LocalEvaluator]:
    """An evaluator with one worker, which may be ended: the next job starts another."""
    with LocalEvaluator(sandbox="process") as local:
        yield local


@pytest.mark.slow
def test_a_worker_that_is_killed_from_outside_costs_no_verdict(lone: LocalEvaluator) -> None:
    assert lone.evaluate(CORRECT, ADD_RELU, CONFIG).outcome is Outcome.OK
    process = lone._workers[0]._process
    assert process is not None
    killer = threading.Timer(0.05, os.kill, (process.pid, signal.SIGKILL))
    killer.start()
    report = lone.evaluate(CORRECT, ADD_RELU, CONFIG)
    killer.join()
    assert report.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        (Stage.COMPILE, Outcome.COMPILE_ERROR),
        (Stage.REPLAY, Outcome.TRACE_ERROR),
        (Stage.VERIFY, Outcome.TRACE_ERROR),
        (Stage.TRACE, Outcome.INFRASTRUCTURE),
        (Stage.PROFILE, Outcome.TRACE_ERROR),
    ],
)
def test_dying_of_a_candidate_every_time_is_the_candidates_verdict(stage: Stage, outcome: Outcome) -> None:
    with LocalEvaluator(sandbox=stage, worker_module=DYING_WORKER) as local:
        report = local.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert report.outcome is outcome
    assert str(stage) in report.diagnostics[0].message
    assert drkernel_paper(report).value == (None if outcome is Outcome.INFRASTRUCTURE else 0)


def test_dying_once_is_forgiven(tmp_path: Path) -> None:
    behaviour = f"compile:{tmp_path / 'died'}"
    with LocalEvaluator(sandbox=behaviour, worker_module=DYING_WORKER) as local:
        report = local.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert report.diagnostics[0].message == "second attempt"


def test_a_worker_that_talks_nonsense_is_replaced_and_nobody_is_blamed() -> None:
    with LocalEvaluator(sandbox="extract garbage", worker_module=DYING_WORKER) as local:
        report = local.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert report.outcome is Outcome.INFRASTRUCTURE


@pytest.mark.parametrize("nonsense", ["garbage", "flood"])
def test_nonsense_every_time_while_a_candidates_work_is_handled_is_the_candidates_verdict(nonsense: str) -> None:
    with LocalEvaluator(sandbox=f"profile {nonsense}", worker_module=DYING_WORKER) as local:
        report = local.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert report.outcome is Outcome.TRACE_ERROR
    assert "profile" in report.diagnostics[0].message


def test_a_report_of_another_job_is_never_taken_for_an_answer() -> None:
    with LocalEvaluator(sandbox="profile stranger", worker_module=DYING_WORKER) as local:
        report = local.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert report.outcome is Outcome.INFRASTRUCTURE
    assert report.submission == CORRECT.digest
    assert "another job" in report.diagnostics[0].message


def test_after_an_interrupt_the_next_job_gets_its_own_answer(
    lone: LocalEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Submission(source="class ModelNew: pass")
    with monkeypatch.context() as patch:
        patch.setattr(WorkerProcess, "_start", start_then_interrupt)
        with pytest.raises(KeyboardInterrupt):
            lone.evaluate(CORRECT, ADD_RELU, CONFIG)
    assert lone._workers[0]._process is None
    report = lone.evaluate(broken, ADD_RELU, CONFIG)
    assert (report.submission, report.outcome) == (broken.digest, Outcome.IMPORT_ERROR)


def start_then_interrupt(
    worker: WorkerProcess, start: Callable[[WorkerProcess], StartedWorker] = WorkerProcess._start
) -> StartedWorker:
    """Starts a worker and arms its connection: the job goes out, and waiting for the answer is interrupted."""
    started = start(worker)

    def interrupt(timeout: float) -> bool:
        raise KeyboardInterrupt

    started.connection.poll = interrupt  # type: ignore[method-assign,assignment]
    return started


def test_closing_ends_every_process_and_later_use_is_refused() -> None:
    local = LocalEvaluator(sandbox="process")
    local.evaluate(CORRECT, ADD_RELU, CONFIG)
    process = local._workers[0]._process
    assert process is not None
    local.close()
    local.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{process.pid}").exists()
    with pytest.raises(BadUsage, match="closed"):
        local.evaluate(CORRECT, ADD_RELU, CONFIG)


def test_results_come_with_the_index_of_their_request(evaluator: LocalEvaluator) -> None:
    broken = Submission(source="class ModelNew: pass")
    requests = [(broken, ADD_RELU, CONFIG), (CORRECT, ADD_RELU, CONFIG), (broken, ADD_RELU, CONFIG)]
    outcomes = {index: report.outcome for index, report in evaluator.evaluate_many(requests)}
    assert outcomes == {0: Outcome.IMPORT_ERROR, 1: Outcome.OK, 2: Outcome.IMPORT_ERROR}


def test_a_bad_reference_takes_no_report_from_the_other_requests(evaluator: LocalEvaluator) -> None:
    broken = Submission(source="class ModelNew: pass")
    unusable = problem_with("raise RuntimeError('no luck')")
    unknown = CONFIG.model_copy(update={"target": "h20"})
    requests = [(broken, ADD_RELU, CONFIG), (broken, unusable, CONFIG), (broken, ADD_RELU, unknown)]
    requests += [(broken, ADD_RELU, CONFIG)] * 2
    found: list[tuple[int, Report]] = []
    with pytest.raises(InvalidReference, match="no luck"):
        found.extend(evaluator.evaluate_many(requests))
    assert {index: report.outcome for index, report in found} == dict.fromkeys((0, 3, 4), Outcome.IMPORT_ERROR)


def test_a_bad_reference_is_named_once(evaluator: LocalEvaluator) -> None:
    with pytest.raises(InvalidReference) as caught:
        evaluator.evaluate(CORRECT, problem_with("raise RuntimeError('no luck')"), CONFIG)
    assert str(caught.value).startswith("test/broken: fails in importing it: RuntimeError: no luck")


def test_without_bubblewrap_its_remedy_is_the_answer_and_no_worker_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with LocalEvaluator(sandbox="bubblewrap") as local:
        reports = [local.evaluate(CORRECT, ADD_RELU, CONFIG) for _ in range(2)]
        assert local._workers[0]._process is not None
    assert [report.outcome for report in reports] == [Outcome.INFRASTRUCTURE] * 2
    message = reports[1].diagnostics[0].message
    assert "apt-get install bubblewrap" in message
    assert "died" not in message


def test_an_unknown_sandbox_is_bad_usage_where_it_is_chosen_and_no_answer_to_a_job() -> None:
    with pytest.raises(BadUsage, match="unknown sandbox 'bubblewarp'; did you mean 'bubblewrap'"):
        LocalEvaluator(sandbox="bubblewarp")
    with StagedEvaluator(sandbox="bubblewarp") as hosted:
        answer = hosted.trace(Job(submission=CORRECT, reference=ADD_RELU.reference, config=CONFIG))
    assert isinstance(answer, Refused)
    assert answer.why is Refusal.INFRASTRUCTURE


def test_a_report_says_which_sandbox_it_comes_from_and_why_it_is_a_weak_one(
    evaluator: LocalEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Submission(source="class ModelNew: pass")
    assert evaluator.evaluate(broken, ADD_RELU, CONFIG).versions["sandbox"].split()[0] in ("bubblewrap", "process")
    monkeypatch.setenv("PATH", "/nowhere")
    warned: list[tuple[str, tuple[str, ...]]] = []
    with LocalEvaluator(sandbox="auto", on_gaps=lambda *what: warned.append(what)) as local:
        report = local.evaluate(broken, ADD_RELU, CONFIG)
        local.evaluate(broken, ADD_RELU, CONFIG)
    ((sandbox, gaps),) = warned
    assert sandbox == report.versions["sandbox"]
    assert any(gap.startswith("disk space: ") for gap in gaps)
    assert report.versions["sandbox"].startswith("process (bubblewrap does not work here: ")
    assert "apt-get install bubblewrap" in report.versions["sandbox"]


def test_a_worker_has_a_memory_limit_and_is_the_first_to_go_when_memory_runs_out(evaluator: LocalEvaluator) -> None:
    evaluator.evaluate(CORRECT, ADD_RELU, CONFIG)
    process = next(worker._process for worker in evaluator._workers if worker._process is not None)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max data size")]
    assert int(line.split()[3]) <= MAX_DATA_BYTES
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) > 0


def test_a_folder_that_a_dying_worker_still_writes_to_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = WorkerProcess("process", 1)

    def not_empty(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", not_empty)
        worker.close()
    shutil.rmtree(worker._folder.name)

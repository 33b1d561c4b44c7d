"""Whose fault it was: what happens to a worker from outside is never held against the candidate.

Every fault is a real one: processes are killed and stopped, disks are full.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kernelgym.errors import WorkerLost
from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.messages import Assignment, Finished, Job, Refusal, Refused, Replaying
from kernelgym.evaluators.process import WorkerDied, WorkerProcess
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Report, Stage, Submission
from sandboxes.isolation.offspring import offspring_of

DYING_WORKER = "tests.kernelgym.evaluators.dying_worker"
MATMUL = get_problem("core/matmul")
SOURCE = next(item.source for item in list_solutions("core/matmul") if item.name == "correct")


def job(number: int = 0, **settings: object) -> Job:
    """An honest candidate that no worker has compiled before."""
    source = f"# {os.getpid()} {number}\n{SOURCE}".replace("def forward", f"number = {number}\n\n    def forward")
    return Job(submission=Submission(source=source), reference=MATMUL.reference, config=EvalConfig(**settings))  # type: ignore[arg-type]


def report(answer: object) -> Report:
    assert isinstance(answer, Finished), answer
    return answer.report


@pytest.mark.parametrize("stage", [Stage.COMPILE, Stage.REPLAY])
def test_a_worker_that_somebody_kills_every_time_is_no_verdict(stage: Stage) -> None:
    with LocalEvaluator(sandbox=f"{stage} sigkill", worker_module=DYING_WORKER) as local:
        lost = local.evaluate(job().submission, MATMUL, EvalConfig())
    assert lost.outcome is Outcome.INFRASTRUCTURE
    assert "somebody has ended it" in lost.diagnostics[0].message


def test_a_worker_that_the_kernel_kills_for_its_memory_is_the_candidates_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    kills = iter(range(100))
    monkeypatch.setattr("sandboxes.machine.out_of_memory_kills", lambda: next(kills) + 1)
    monkeypatch.setattr("kernelgym.evaluators.process.out_of_memory_kills", lambda: 0)
    with LocalEvaluator(sandbox="replay sigkill", worker_module=DYING_WORKER) as local:
        verdict = local.evaluate(job().submission, MATMUL, EvalConfig())
    assert verdict.outcome is Outcome.TRACE_ERROR


def test_a_worker_that_is_lost_is_an_error_of_its_own_for_who_can_give_the_job_to_another() -> None:
    with (
        StagedEvaluator(sandbox="compile sigkill", worker_module=DYING_WORKER) as staged,
        pytest.raises(WorkerLost, match="somebody has ended it"),
    ):
        staged.evaluate(job())


@pytest.mark.parametrize(("behaviour", "task"), [("replay deaf", Replaying(job=job())), ("replay halved", job())])
def test_a_worker_that_is_stopped_in_the_middle_of_a_long_frame_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, behaviour: str, task: Assignment
) -> None:
    monkeypatch.setattr("kernelgym.evaluators.attendance.LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("kernelgym.evaluators.attendance.STOPPED_S", 0.3)
    began_s = time.monotonic()
    with WorkerProcess(behaviour, 1, DYING_WORKER) as worker, pytest.raises(WorkerDied, match="SIGSTOP") as caught:
        worker.run(task, bytes(2**24))
    assert caught.value.ours
    assert time.monotonic() - began_s < 20


class Saboteur:
    """Does something to a worker as soon as it begins a stage for the first time.

    Args:
        stage: When.
        act: What, with the worker's process id.
        times: How often.
    """

    def __init__(self, stage: Stage, act: Callable[[int], None], times: int = 1) -> None:
        self._stage = stage
        self._act = act
        self._left = times
        self.staged: StagedEvaluator | None = None

    def __call__(self, stage: Stage) -> None:
        assert self.staged is not None
        process = self.staged._worker._process
        if stage is self._stage and self._left and process is not None:
            self._left -= 1
            self._act(process.pid)


def sabotaged(saboteur: Saboteur, what: Job) -> Report:
    """The report of an evaluation under sabotage."""
    with StagedEvaluator(sandbox="process", on_stage=saboteur) as staged:
        saboteur.staged = staged
        return report(staged.evaluate(what))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def stop_for(seconds: float) -> Callable[[int], None]:
    """Stops a process, and lets it go on after that time."""

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(seconds, go_on, [pid]).start()

    return stop


def go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [Stage.TRACE, Stage.VERIFY, Stage.COMPILE, Stage.REPLAY, Stage.PROFILE])
def test_an_honest_candidate_survives_the_death_of_its_worker_in_every_stage(stage: Stage) -> None:
    assert sabotaged(Saboteur(stage, kill), job(1)).outcome is Outcome.OK


@pytest.mark.slow
@pytest.mark.parametrize("stage", [Stage.COMPILE, Stage.REPLAY])
def test_a_worker_that_was_stopped_for_longer_than_a_limit_is_asked_again(stage: Stage) -> None:
    hurried = job(2, compile_timeout_s=4.0, replay_timeout_s=4.0)
    assert sabotaged(Saboteur(stage, stop_for(7.0)), hurried).outcome is Outcome.OK


@pytest.mark.slow
def test_a_worker_that_stays_stopped_is_given_up_long_before_its_time() -> None:
    start = time.monotonic()
    verdict = sabotaged(Saboteur(Stage.REPLAY, lambda pid: os.kill(pid, signal.SIGSTOP)), job(3))
    assert verdict.outcome is Outcome.OK
    assert time.monotonic() - start < 60


@pytest.mark.slow
def test_a_compiler_that_is_stopped_is_no_candidate_that_takes_too_long_to_compile() -> None:
    def stop_compilers(pid: int) -> None:
        threading.Thread(target=stop_children_that_compile, args=[pid]).start()

    assert sabotaged(Saboteur(Stage.COMPILE, stop_compilers), job(4, compile_timeout_s=5.0)).outcome is Outcome.OK


def stop_children_that_compile(pid: int) -> None:
    """Stops whatever a worker forks in its first seconds of compiling; they are killed at the time limit."""
    before = set(offspring_of(pid))
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        for child in set(offspring_of(pid)) - before:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)


@pytest.mark.slow
def test_a_compiler_whose_worker_is_killed_does_not_go_on() -> None:
    compilers: list[int] = []

    def stop_compilers_then_kill(pid: int) -> None:
        before, deadline = set(offspring_of(pid)), time.monotonic() + 10
        while not (set(offspring_of(pid)) - before) and time.monotonic() < deadline:
            time.sleep(0.01)
        compilers.extend(set(offspring_of(pid)) - before)
        kill(pid)

    saboteur = Saboteur(
        Stage.COMPILE, lambda pid: threading.Thread(target=stop_compilers_then_kill, args=[pid]).start()
    )
    assert sabotaged(saboteur, job(5)).outcome is Outcome.OK
    assert compilers
    assert not [pid for pid in compilers if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process less time than others")
@pytest.mark.timeout(300)  # a worker without a processor is slow in everything
def test_a_worker_that_others_leave_no_processor_is_not_late() -> None:
    core = min(os.sched_getaffinity(0))

    def starve(pid: int) -> None:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
            os.setpriority(os.PRIO_PROCESS, int(task.name), 19)
        with suppress(OSError):  # where sessions, not processes, share a core
            Path(f"/proc/{pid}/autogroup").write_text("19")

    hog = subprocess.Popen([sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"])
    try:
        with StagedEvaluator(sandbox="process", on_stage=(saboteur := Saboteur(Stage.REPLAY, starve, 2))) as staged:
            saboteur.staged = staged
            with pytest.raises(WorkerLost, match="had no processor"):
                staged.evaluate(job(6, replay_timeout_s=3.0))
    finally:
        hog.kill()
        hog.wait()


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 48 MiB on which workers have their folders."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a disk that can be filled takes root's rights")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [Stage.TRACE, Stage.COMPILE, Stage.REPLAY])
def test_a_disk_that_is_full_costs_an_honest_candidate_no_verdict(small_disk: Path, stage: Stage) -> None:
    def fill(pid: int) -> None:
        with suppress(OSError), Path(small_disk, "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(65536)):
                pass

    with StagedEvaluator(sandbox="process", on_stage=(saboteur := Saboteur(stage, fill))) as staged:
        saboteur.staged = staged
        answer = staged.evaluate(job(7))
        if isinstance(answer, Finished):
            assert answer.report.outcome is Outcome.OK, answer.report.diagnostics
        else:
            assert isinstance(answer, Refused)
            assert answer.why is Refusal.INFRASTRUCTURE
            assert stage is not Stage.REPLAY
        (small_disk / "ballast").unlink()
        assert report(staged.evaluate(job(7))).outcome is Outcome.OK

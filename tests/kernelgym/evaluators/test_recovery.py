"""Kernels that spoil a GPU cost those that come after them nothing: another process takes over.

On a simulated GPU, with real worker processes. The hostile kernels behave at the check cases, which the executor runs
before a GPU is asked, and leave their memory at the size that is paid for.
"""

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.process import WorkerProcess
from kernelgym.problems import problem_from_file
from sandboxes.contracts import EvalConfig, Outcome, Report, Stage, Submission
from sandboxes.isolation.offspring import is_alive, offspring_of

pytestmark = pytest.mark.slow

CONFIG: Final = EvalConfig(device="cuda", trace_timeout_s=60, replay_timeout_s=10, measure_timeout_s=0.05)
ROUNDS: Final = 12
INCIDENT_WORKER: Final = "tests.kernelgym.evaluators.incident_worker"
IMPATIENT: Final = CONFIG.model_copy(update={"replay_timeout_s": 3.0})
BENCH: Final = 4096

REFERENCE: Final = f"""
import torch
from torch import nn

class Model(nn.Module):
    def forward(self, x):
        return x * 2.0

def get_inputs():
    return [torch.randn({BENCH})]

def get_init_inputs():
    return []
"""

CANDIDATE: Final = """
import torch
import triton
import triton.language as tl
from torch import nn

@triton.jit
def double(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    HOSTILE
    tl.store(out_ptr + offsets, x * 2.0, mask=mask)  # NUMBER

class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        double[(triton.cdiv(x.numel(), 256),)](x, out, x.numel(), BLOCK=256)
        return out
"""

ILLEGAL: Final = f"offsets = tl.where(n >= {BENCH}, offsets + 2000000000, offsets)"
ENDLESS: Final = f"""
    while n >= {BENCH}:
        x += 1.0
        n = tl.where(tl.max(x) > 1e30, n, n)
"""


def candidate(hostile: str = "", number: int = 0) -> Submission:
    return Submission(source=CANDIDATE.replace("HOSTILE", hostile).replace("NUMBER", str(number)))


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEvaluator]:
    with LocalEvaluator(gpu="simulated") as local:
        yield local


@pytest.fixture
def evaluate(local: LocalEvaluator, tmp_path: Path) -> "Evaluate":
    path = tmp_path / "double.py"
    path.write_text(REFERENCE)
    return Evaluate(local, path)


class Evaluate:
    def __init__(self, local: LocalEvaluator, path: Path) -> None:
        self.worker: WorkerProcess = local._gpu_workers[0]
        self._local = local
        self._problem = problem_from_file(path)

    def __call__(self, submission: Submission, config: EvalConfig = CONFIG) -> Report:
        return self._local.evaluate(submission, self._problem, config)

    def await_spare(self) -> None:
        deadline_s = time.monotonic() + 60
        while not self.worker._spare.ready:
            assert time.monotonic() < deadline_s, "there is a spare at last"
            time.sleep(0.05)

    def recovery_s(self) -> float:
        """Returns how long it takes until another process can be given work."""
        began_s = time.monotonic()
        self.worker._start()
        return time.monotonic() - began_s


def test_closing_leaves_no_process_behind_not_even_spares_and_what_they_are_forked_from(tmp_path: Path) -> None:
    """The first test here: the others share an evaluator, whose processes come and go."""
    path = tmp_path / "double.py"
    path.write_text(REFERENCE)
    others = set(offspring_of(os.getpid()))
    with LocalEvaluator(gpu="simulated") as local:
        evaluate = Evaluate(local, path)
        assert evaluate(candidate()).outcome is Outcome.OK
        evaluate.await_spare()
        below = set(offspring_of(os.getpid())) - others
    deadline_s = time.monotonic() + 10
    while (left := {pid for pid in below if is_alive(pid)}) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert below
    assert not left


def test_honest_and_illegal_kernels_in_turns_get_their_verdicts_and_recovery_is_quick(
    evaluate: Evaluate,
) -> None:
    """Thirty evaluations; `tests/gpu` has two hundred."""
    recoveries_s, processes = [], set()
    for number in range(ROUNDS):
        honest = evaluate(candidate(number=number))
        assert honest.outcome is Outcome.OK, honest
        assert honest.profile is not None
        assert honest.profile.measurement is not None
        assert honest.profile.measurement.simulated
        processes.add(evaluate.worker._process)
        for again in range(1 + number % 2):  # every other time two in quick succession
            hostile = evaluate(candidate(ILLEGAL, 2 * number + again))
            assert hostile.outcome is Outcome.MEMORY_ERROR, hostile
            (said,) = hostile.diagnostics
            assert "out_ptr" in said.message
            assert said.line is not None
            recoveries_s.append(evaluate.recovery_s())
    assert statistics.median(recoveries_s) < 1.0, recoveries_s
    assert len(processes) == ROUNDS, "each had a process that no other had spoiled"


def test_a_kernel_that_does_not_end_is_a_timeout_after_the_time_for_runs_and_is_not_tried_again(
    evaluate: Evaluate,
) -> None:
    assert evaluate(candidate()).outcome is Outcome.OK
    evaluate.await_spare()
    began_s = time.monotonic()
    report = evaluate(candidate(ENDLESS), IMPATIENT)
    assert report.outcome is Outcome.TIMEOUT, report
    assert report.diagnostics[0].stage is Stage.REPLAY
    assert time.monotonic() - began_s < IMPATIENT.replay_timeout_s + 7
    assert evaluate.recovery_s() < 1.0
    assert evaluate(candidate(number=1)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("gpu", "outcome"),
    [("out of memory@1", Outcome.LAUNCH_ERROR), ("lost@1", Outcome.INFRASTRUCTURE), ("lost@1:", Outcome.OK)],
)
def test_memory_that_runs_out_is_told_and_a_gpu_that_is_lost_is_asked_once_more(
    gpu: str, outcome: Outcome, tmp_path: Path
) -> None:
    path = tmp_path / "double.py"
    path.write_text(REFERENCE)
    name = gpu + str(tmp_path / "repaired") if gpu.endswith(":") else gpu
    with LocalEvaluator(gpu=name, worker_module=INCIDENT_WORKER) as local:
        assert local.evaluate(candidate(), problem_from_file(path), CONFIG).outcome is outcome

"""The real evaluator behind real workers: what breaks changes no verdict."""

import os
import signal
from pathlib import Path

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.evaluators.messages import Finished, Job
from kernelgym.evaluators.process import WORKER_MODULE
from kernelgym.problems import get_problem
from sandboxes.contracts import EvalConfig, Submission
from tests.kernelgym.serving.faults.service import Service, alive, until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]


def solution(name: str) -> Submission:
    folder = Path(__file__).resolve().parents[4] / "kernelgym/problems/core/solutions"
    return Submission(source=(folder / name / "correct.py").read_text(encoding="utf-8"))


def test_a_verdict_survives_the_end_of_a_process_of_an_evaluator_and_of_the_whole_worker(service: Service) -> None:
    job = Job(
        submission=solution("causal_attention"),
        reference=get_problem("core/causal_attention").reference,
        config=EvalConfig(seed=7),
    )
    with LocalEvaluator() as evaluator:
        expected = evaluator.evaluate(job.submission, get_problem("core/causal_attention"), job.config)
    host = service.worker(worker_module=WORKER_MODULE)
    id = service.submit(job)
    os.kill(service.busy_with(id, "trace", 90.0).pid, signal.SIGKILL)
    service.busy_with(id, "replay", 90.0)
    everything = host.everything()
    host.process.kill()
    until(lambda: not [pid for pid in everything if alive(pid)], 5.0, "no process is left")
    service.worker(worker_module=WORKER_MODULE, ready=False)
    answer = service.answer(id, 120.0)
    assert isinstance(answer, Finished)
    assert answer.report.outcome is expected.outcome
    assert answer.report.speedup == expected.speedup
    assert answer.report.cases == expected.cases
    assert service.counters()["computed"] == 1

"""A CPU worker and one with a simulated GPU, behind one Redis: what is measured, what never gets there."""

from collections.abc import Iterator

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators.messages import Finished, Job
from kernelgym.evaluators.process import WORKER_MODULE
from kernelgym.problems import get_problem
from kernelgym.serving import identity
from kernelgym.serving.engines.hosted import HostedEngine
from kernelgym.serving.jobs import Order
from kernelgym.serving.routing import Station, queue_of
from sandboxes.contracts import EvalConfig, Outcome, Stage, Submission
from tests.kernelgym.serving.faults.service import STARTS_IN_S, Service, until
from tests.kernelgym.serving.faults.test_real_evaluator import solution

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

EARLY = "import torch\n\n\nclass ModelNew(torch.nn.Module):\n    def forward(self, a, b):\n        return a / 0\n"


@pytest.fixture
def engine(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedEngine]:
    """Orders from a service that measures on a simulated GPU."""
    monkeypatch.setenv("KERNELGYM_GPU", "simulated")
    _forget()
    service.worker(worker_module=WORKER_MODULE, stations=["trace"], ready=False)
    service.worker(worker_module=WORKER_MODULE, gpu="simulated", target="h200", ready=False)
    until(lambda: len(service.workers()) == 2, 2 * STARTS_IN_S, "both have beaten")
    opened = HostedEngine(service.redis.url)
    yield opened
    opened.close()
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    identity.judge_versions.cache_clear()
    identity.fingerprint.cache_clear()


def order(source: str) -> Order:
    task = Job(
        submission=Submission(source=source),
        reference=get_problem("core/add_relu").reference,
        config=EvalConfig(device="cuda", target="h200", measure_timeout_s=0.1),
    )
    return Order(task=task, request_id="test")


def test_what_a_cpu_traced_a_gpu_measures_and_what_fails_early_never_gets_there(
    engine: HostedEngine, service: Service
) -> None:
    engine.check(EvalConfig(device="cuda", target="h200"))
    with pytest.raises(BadUsage, match="--gpu 0 --target h100"):
        engine.check(EvalConfig(device="cuda", target="h100"))
    right, wrong = engine.submit([order(solution("add_relu").source), order(EARLY)], "test")
    measured, failed = service.answer(right.id, 120.0), service.answer(wrong.id, 60.0)
    assert isinstance(measured, Finished)
    assert measured.report.outcome is Outcome.OK
    assert measured.report.profile is not None
    assert measured.report.profile.measurement is not None
    assert measured.report.profile.measurement.simulated
    assert isinstance(failed, Finished)
    assert failed.report.outcome not in (Outcome.OK, Outcome.INFRASTRUCTURE)
    assert not failed.report.timings_s.keys() & {Stage.REPLAY, Stage.PROFILE}
    measuring = queue_of(Station.MEASURE, "h200")
    done = {queue: worker.done for worker in service.workers() for queue in worker.queues}

    def counted() -> bool:
        done.update({queue: worker.done for worker in service.workers() for queue in worker.queues})
        return sum(done.values()) >= 3

    until(counted, 15.0, lambda: f"two are traced, and one is measured: {done}")
    assert done[measuring] == 1

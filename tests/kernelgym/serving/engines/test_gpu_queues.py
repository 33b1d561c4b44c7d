"""Who orders a measurement that nobody can do is told so soon; a worker that restarts loses nobody's order."""

import pytest

from kernelgym.evaluators.messages import Finished, Job
from kernelgym.problems import get_problem
from kernelgym.serving.engines.gpu_queues import CERTAIN_S, FORGOTTEN_S, TRUST_S, GpuQueues
from kernelgym.serving.errors import NoSuchStation
from kernelgym.serving.jobs import Order, WorkerView
from kernelgym.serving.ledger.memory_ledger import MemoryLedger
from kernelgym.serving.ledger.protocol import SERVED_S
from kernelgym.serving.routing import Station, queue_of
from sandboxes.contracts import EvalConfig, Outcome, Submission
from tests.reports import failed_report


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def order(target: str, device: str = "cuda") -> Order:
    task = Job(
        submission=Submission(source="x = 1"), reference=get_problem("core/add_relu").reference,
        config=EvalConfig(device=device, target=target),
    )  # fmt: skip
    return Order(task=task, request_id="r")


def gpu_worker(target: str) -> WorkerView:
    return WorkerView(id="w", host="h", pid=1, queues=(queue_of(Station.MEASURE, target),), versions={})


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gpus(ledger: MemoryLedger, clock: Clock) -> GpuQueues:
    return GpuQueues(ledger, lambda queue: f"nobody serves {queue.partition('@')[0]}", clock)


def retry_after_s(gpus: GpuQueues, *orders: Order) -> float | None:
    with pytest.raises(NoSuchStation, match=r"nobody serves measure\.h100") as caught:
        gpus.check(orders)
    return caught.value.retry_after_s


def test_a_gpu_of_which_nobody_has_heard_is_certain_after_three_beats(gpus: GpuQueues, clock: Clock) -> None:
    gpus.check([order("h100", device="cpu")])
    assert retry_after_s(gpus, order("h100"))
    clock.now += CERTAIN_S
    assert retry_after_s(gpus, order("h100")) is None
    clock.now += FORGOTTEN_S
    assert retry_after_s(gpus, order("h100"))


def test_only_a_worker_with_that_gpu_helps(gpus: GpuQueues, ledger: MemoryLedger) -> None:
    ledger.beat(gpu_worker("h200"))
    gpus.check([order("h200")])
    assert retry_after_s(gpus, order("h200"), order("h100"))
    ledger.beat(gpu_worker("h100"))
    gpus.check([order("h200"), order("h100")])


def test_a_worker_that_restarts_loses_no_order_and_neither_does_a_store_that_is_emptied(clock: Clock) -> None:
    before, flushed = MemoryLedger(), MemoryLedger()
    before.beat(gpu_worker("h100"))
    before.leave("w")
    GpuQueues(before, str, clock).check([order("h100")])
    gpus = GpuQueues(before, lambda queue: f"nobody serves {queue}", clock)
    gpus.check([order("h100")])
    gpus._ledger = flushed
    for seconds in (TRUST_S, SERVED_S - TRUST_S - 1.0):
        clock.now += seconds
        gpus.check([order("h100")])
    clock.now += 1.0
    assert retry_after_s(gpus, order("h100"))


def test_what_is_known_needs_no_gpu(gpus: GpuQueues, ledger: MemoryLedger) -> None:
    wanted = order("h100")
    view, _ = ledger.submit(wanted, "me")
    assert retry_after_s(gpus, wanted)
    ledger.settle(view.id, None, Finished(report=failed_report(Outcome.INCORRECT)), {})
    gpus.check([wanted])


def test_workers_whose_drivers_differ_measure_nothing_together(
    gpus: GpuQueues, ledger: MemoryLedger, clock: Clock
) -> None:
    one, other = (
        gpu_worker("h200").model_copy(update={"id": name, "gpu": f"NVIDIA H200, driver {name}"}) for name in "ab"
    )
    ledger.beat(one)
    assert gpus.check([order("h200")])[0].gpu == "NVIDIA H200, driver a"
    ledger.beat(other)
    clock.now += TRUST_S
    with pytest.raises(NoSuchStation, match=r"driver a; NVIDIA H200, driver b.*must not be mixed"):
        gpus.check([order("h200")])
    gpus.check([order("h200", device="cpu")])
    ledger.leave("a")
    assert gpus.check([order("h200")])[0].gpu == "NVIDIA H200, driver b"

"""The hosted engine says what it lacks, takes all orders or none, and a store that breaks loses no request."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import Request
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Job
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.problems import get_problem
from kernelgym.serving.engines.hosted import HostedEngine, unserved
from kernelgym.serving.errors import TooBusy
from kernelgym.serving.identity import fingerprint, judge_versions
from kernelgym.serving.jobs import Order, Overview, WorkerView
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import Station, queue_of
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.serving.faults.service import Service, open_service, until
from tests.kernelgym.serving.redis_server import RedisServer

PROBLEM = get_problem("core/add_relu")


def worker(versions: dict[str, str], name: str, draining: bool = False) -> WorkerView:
    queues = tuple(queue_of(station, versions=name) for station in (Station.TRACE, Station.REPLAY))
    return WorkerView(id=name, host="h", pid=1, queues=queues, versions=versions, draining=draining)


def overview(*workers: WorkerView) -> Overview:
    return Overview(
        engine="celery", versions=judge_versions(), queues=(), workers=workers, counters={}, remembered=0, recent=()
    )


def test_queues_that_nobody_serves_are_named_with_what_to_do() -> None:
    needed = {queue_of(Station.TRACE), queue_of(Station.REPLAY)}
    ours = worker(judge_versions(), fingerprint())
    assert unserved(overview(ours), needed) is None
    assert "serves replay, trace; start one: kernelgym worker" in str(unserved(overview(), needed))
    assert "kernelgym worker" in str(unserved(overview(ours.model_copy(update={"draining": True})), needed))
    other = worker({**judge_versions(), "triton": "9.9"}, "0badcafe")
    said = str(unserved(overview(other), needed))
    assert "other versions: 0badcafe (triton 9.9 instead of" in said
    assert said.endswith("install the same on both")


def job(number: int) -> Job:
    return Job(submission=Submission(source=f"n = {number}"), reference=PROBLEM.reference, config=EvalConfig())


@pytest.fixture
def service(tmp_path: Path, new_redis: Callable[..., RedisServer]) -> Iterator[Service]:
    with open_service(tmp_path, new_redis(appendonly=True)) as opened:
        yield opened


def request(service: Service, number: int) -> Request:
    source = json.dumps({"name": f"job {number}", "log": str(service.runs)})
    return Submission(source=source), PROBLEM, EvalConfig()


@pytest.mark.broker
def test_a_redis_that_is_not_there_is_named_without_its_password() -> None:
    with closing(HostedEngine("redis://:secret@127.0.0.1:9/0", janitor=False)) as engine:
        said = str(engine.ready())
    assert "127.0.0.1:9" in said
    assert "KERNELGYM_REDIS_URL" in said
    assert "secret" not in said


@pytest.mark.broker
def test_all_orders_are_taken_or_none(redis_server: RedisServer) -> None:
    with closing(HostedEngine(redis_server.url, bounds=Bounds(max_open=5))) as engine:
        orders = [Order(task=job(number), request_id="r") for number in range(8)]
        with pytest.raises(TooBusy):
            engine.submit(orders, "me")
        assert len(engine.submit(orders[:5], "me")) == 5
        assert "start one: kernelgym worker" in str(engine.ready())


@pytest.mark.broker
@pytest.mark.slow
def test_a_gpu_that_no_worker_has_is_the_users_mistake_until_one_has_it(redis_server: RedisServer) -> None:
    candidate, measured = Submission(source="x = 1"), EvalConfig(device="cuda", target="h100")
    with QueueEvaluator(HostedEngine(redis_server.url)) as evaluator:
        said = r"no worker of version .* serves measure\.h100; start one: kernelgym worker --gpu 0 --target h100"
        with pytest.raises(BadUsage, match=said):
            evaluator.evaluate(candidate, PROBLEM, measured)
        with closing(RedisLedger(redis_server.url)) as ledger:
            queues = (queue_of(Station.MEASURE, "h100"),)
            ledger.beat(WorkerView(id="w", host="h", pid=1, queues=queues, versions=judge_versions()))
        reports = dict(evaluator.stream([(candidate, PROBLEM, measured)], deadline_s=0.5))
    assert reports[0].outcome is Outcome.INFRASTRUCTURE, "it was taken, and waited"


@pytest.mark.broker
@pytest.mark.slow
def test_a_store_that_is_flushed_and_killed_in_the_middle_costs_time_and_no_request(service: Service) -> None:
    service.worker(processes=2)
    engine = HostedEngine(service.redis.url)
    found: list[tuple[int, Report]] = []
    with QueueEvaluator(engine, manners=Manners(in_flight=16, patience_s=60.0)) as evaluator:
        assert engine.ready() is None
        requests = (request(service, number) for number in range(150))
        reading = Thread(target=lambda: found.extend(evaluator.evaluate_many(requests)))
        reading.start()
        until(lambda: len(found) > 20, 60, "some reports")
        service.redis.flush()
        until(lambda: len(found) > 60, 60, "more after the store was flushed")
        service.redis.kill()
        service.redis.start()
        reading.join(90)
    assert sorted(index for index, _ in found) == list(range(150))
    assert Outcome.INFRASTRUCTURE not in {report.outcome for _, report in found}
    for index, report in found:
        assert report.diagnostics[0].message == f"verdict of {request(service, index)[0].digest[:8]}"

"""Redis may end, forget everything, or be out of reach for a while: nothing is lost, and no verdict changes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelgym.serving.errors import LedgerUnavailable
from tests.kernelgym.serving.faults.service import Service, open_service, until
from tests.kernelgym.serving.faults.wire import Wire
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BACK_S = 10.0
"""Bound: a second before workers connect again, 3 s until a message counts as lost, two looks, and the work."""

HALTED_S = 8.0
"""Longer than a worker's lease, and than a call to Redis may take."""


def test_jobs_that_wait_or_run_while_the_broker_restarts_are_done_once(service: Service) -> None:
    service.worker(processes=2)
    ids = [service.submit(service.job(f"{number}", pause_s={"replay": 1.0})) for number in range(8)]
    service.busy_with(ids[0], "replay")
    for _ in range(3):
        service.redis.kill()
        with pytest.raises(LedgerUnavailable):
            service.view(ids[0])
        time.sleep(1.5)  # what runs ends meanwhile, and its answer has to wait
        service.redis.start()
        assert len(service.verdicts(ids[:2], BACK_S)) == 2
    assert len(service.verdicts(ids, BACK_S + 8.0)) == 8
    assert len(set(service.verdicts(ids, 1.0))) == 8
    assert service.counters()["computed"] == 8
    assert service.counters().get("retried", 0) == 0, "no worker was lost, so none is counted as lost"
    began = [line[0] for line in service.began()]
    assert began.count("replay") == 8


def test_a_broker_that_is_halted_for_longer_than_a_lease_costs_that_time_and_nobody_a_job(service: Service) -> None:
    service.worker(processes=2)
    ids = [service.submit(service.job(f"{number}", pause_s={"replay": 1.0})) for number in range(6)]
    service.busy_with(ids[0], "replay")
    before = {worker.pid for worker in service.workers()}
    service.redis.stop()
    time.sleep(HALTED_S)
    service.redis.resume()
    assert len(set(service.verdicts(ids, BACK_S + 6.0))) == 6
    assert service.counters()["computed"] == 6
    assert service.counters().get("retried", 0) == 0
    assert len(service.began()) == 12
    until(lambda: {worker.pid for worker in service.workers()} == before, 5.0, "the same processes")


def test_after_everything_was_deleted_whoever_waits_asks_again_and_is_answered(service: Service) -> None:
    service.worker(processes=2)
    jobs = [service.job(f"{number}", pause_s={"replay": 1.0}) for number in range(6)]
    ids = [service.submit(job) for job in jobs]
    first = service.verdicts(ids[:1], 10.0)
    service.busy_with(ids[2], "replay")
    service.redis.flush()
    assert [service.submit(job) for job in jobs] == ids
    words = service.verdicts(ids, BACK_S + 8.0)
    assert words[:1] == first
    assert len(set(words)) == 6
    until(lambda: len(service.workers()) == 2, 5.0, "the workers are known again")


def test_a_worker_waits_for_a_broker_that_is_not_there_yet(service: Service) -> None:
    service.redis.kill()
    host = service.worker(ready=False)
    until(lambda: "waiting for Redis" in host.log.read_text(), 20.0, "it says what it waits for")
    service.redis.start()
    assert len(service.verdicts([service.submit(service.job("first"))], 20.0)) == 1


def test_a_worker_that_is_cut_off_loses_its_job_to_another_one_and_comes_back(service: Service) -> None:
    with Wire(service.redis.port) as wire:
        service.worker(redis_url=f"redis://127.0.0.1:{wire.port}/0", name="far")
        id = service.submit(service.job("far", pause_s={"replay": 3.0}))
        service.busy_with(id, "replay")
        wire.cut()
        service.worker(name="near", ready=False)
        assert len(service.verdicts([id], 22.0)) == 1  # a start, the far janitor's term (5 s), and the lease
        began = [line for line in service.began() if line[0] == "replay"]
        assert len({line[1] for line in began}) == 2, "another process has done it"
        wire.mend()
        until(lambda: {worker.id.split("-")[0] for worker in service.workers()} == {"near", "far"}, 15.0, "it is back")
        later = [service.submit(service.job(f"later {number}", pause_s={"replay": 0.5})) for number in range(6)]
        assert len(service.verdicts(later, 15.0)) == 6
        assert service.counters()["computed"] == 7


def test_a_clock_of_redis_that_jumps_by_days_takes_no_job_from_anybody(
    tmp_path: Path, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis(appendonly=True, movable_clock=True)
    with open_service(tmp_path, redis) as service:
        service.worker(processes=2)
        ids = [service.submit(service.job(f"{n}", pause_s={"trace": 1.0, "replay": 2.0})) for n in range(4)]
        for offset in ("+1d", "-1d", "+0"):
            until(lambda: any(worker.job for worker in service.workers()), 10.0, "work goes on")
            redis.set_clock(offset)
            time.sleep(1.5)
        assert len(service.verdicts(ids, 20.0)) == 4
        assert len(service.began()) == 8
        assert service.counters().get("retried", 0) == 0

"""Redis may answer, and refuse what it is told: workers outlive that, with everything that they have loaded."""

import time
from collections.abc import Callable
from typing import Final

import pytest
import redis

from tests.kernelgym.serving.faults.service import Service, until
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = [pytest.mark.broker, pytest.mark.slow]

REFUSES_S: Final = 4.0


def fill(server: RedisServer) -> None:
    server.set_maxmemory(1)


def make_room(server: RedisServer) -> None:
    server.set_maxmemory(None)


def demote(server: RedisServer) -> None:
    with server.client() as client:
        client.replicaof("127.0.0.1", 1)


def promote(server: RedisServer) -> None:
    with server.client() as client:
        client.replicaof("NO", "ONE")


@pytest.mark.parametrize(
    ("refuse", "repent"), [pytest.param(fill, make_room, id="full"), pytest.param(demote, promote, id="read-only")]
)
def test_a_redis_that_refuses_to_write_for_a_while_ends_no_worker_and_loses_no_job(
    service: Service, refuse: Callable[[RedisServer], None], repent: Callable[[RedisServer], None]
) -> None:
    idle = service.worker(code="another", ready=False)  # has nothing to do, and waits for messages
    hosts = idle, service.worker(processes=2)
    until(lambda: len(service.workers()) == 3, 15.0, "both are there")
    before = {worker.pid for worker in service.workers()}
    ids = [service.submit(service.job(f"{number}", pause_s={"replay": 1.0})) for number in range(6)]
    service.busy_with(ids[0], "replay")
    refuse(service.redis)
    with service.redis.client() as client, pytest.raises(redis.ResponseError):
        client.set("anything", "more")
    time.sleep(REFUSES_S)  # what runs ends meanwhile
    assert [host.process.poll() for host in hosts] == [None, None], [host.words() for host in hosts]
    repent(service.redis)
    assert len(set(service.verdicts(ids, 25.0))) == 6
    assert service.counters()["computed"] == 6
    assert service.counters().get("retried", 0) == 0
    until(lambda: {worker.pid for worker in service.workers()} == before, 5.0, "the same processes, still loaded")
    assert [host.process.poll() for host in hosts] == [None, None], [host.words() for host in hosts]

"""Several servers over one Redis: any of them answers for all, and what happens when Redis is away."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

pytest.importorskip("celery", reason="needs the extra serve")

from kernelgym.evaluators.messages import Refusal, Refused
from kernelgym.serving.engines.hosted import HostedEngine
from kernelgym.serving.http.server import HttpServer
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import Station
from tests.kernelgym.serving.http.test_api import ORDER, orders
from tests.kernelgym.serving.http.test_server import until, waiting
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = pytest.mark.broker

ANSWER = Refused(why=Refusal.REFERENCE, message="by hand")


@pytest.fixture
def replicas(redis_server: RedisServer) -> Iterator[tuple[HttpServer, HttpServer]]:
    engines = [HostedEngine(redis_server.url) for _ in range(2)]
    try:
        with HttpServer(engines[0]) as one, HttpServer(engines[1]) as other:
            yield one, other
    finally:
        for engine in engines:
            engine.close()


def work(redis: RedisServer, id: str) -> None:
    """Answers a job as a worker does."""
    ledger = RedisLedger(redis.url)
    claim = ledger.claim(id, Station.TRACE, "by-hand")
    assert claim is not None
    assert ledger.settle(id, claim.token, ANSWER, {})
    ledger.close()


def test_a_job_ordered_here_is_waited_for_there(
    replicas: tuple[HttpServer, HttpServer], redis_server: RedisServer
) -> None:
    one, other = replicas
    jobs = httpx.post(f"{one.url}/v1/jobs/batch", json=orders(20)).json()["jobs"]
    ids = [job["id"] for job in jobs]
    threading.Thread(target=lambda: [work(redis_server, id) for id in ids]).start()
    with httpx.stream("POST", f"{other.url}/v1/jobs/stream", json={"ids": ids}, timeout=30) as stream:
        text = "".join(stream.iter_text())
    assert text.count("event: job\n") == 20
    assert text.endswith("event: end\ndata: {}\n\n")
    key = {"idempotency-key": "k"}
    assert httpx.post(f"{one.url}/v1/jobs/batch", json=orders(2), headers=key).status_code == 202
    assert httpx.post(f"{other.url}/v1/jobs/batch", json=orders(3), headers=key).status_code == 409


def test_a_server_without_workers_is_not_ready_and_says_what_to_start(replicas: tuple[HttpServer, HttpServer]) -> None:
    answered = httpx.get(f"{replicas[0].url}/health/ready", timeout=30)
    assert answered.status_code == 503
    assert "kernelgym worker" in answered.json()["message"]


def test_a_redis_that_is_away_is_told_and_waited_for(new_redis: Callable[..., RedisServer]) -> None:
    redis = new_redis(appendonly=True)
    engine = HostedEngine(redis.url)
    try:
        with HttpServer(engine) as server, httpx.Client(base_url=server.url, timeout=60) as client:
            id = client.post("/v1/jobs", json=ORDER).json()["id"]
            answers: list[httpx.Response] = []
            url = f"{server.url}/v1/jobs/{id}"
            asking = threading.Thread(
                target=lambda: answers.append(httpx.get(url, params={"wait_s": 30}, timeout=60))
            )  # fmt: skip
            asking.start()
            until(lambda: waiting(server, "poll") == 1)
            redis.kill()
            refused = client.post("/v1/jobs", json=ORDER)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert client.get("/health/live").status_code == 200
            redis.restart()
            work(redis, id)
            asking.join(30)
            assert answers[0].status_code == 200
            assert answers[0].json()["answer"]["message"] == "by hand"
    finally:
        engine.close()

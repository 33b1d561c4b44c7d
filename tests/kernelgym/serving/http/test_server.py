"""The server on a socket: many who wait, those who vanish, those who mean no good, and the end."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kernelgym.errors import BadUsage
from kernelgym.serving.http import body, connection, streaming
from kernelgym.serving.http.server import MAX_HEAD_BYTES, HttpServer
from kernelgym.serving.http.tokens import Caller, Scope, TokenFile, digest_of, entry
from kernelgym.serving.http.wire import ErrorCode, ErrorOut
from kernelgym.serving.jobs import JobState
from tests.kernelgym.serving.http.test_api import ORDER, orders
from tests.kernelgym.serving.redis_server import RedisServer
from tests.kernelgym.serving.scripted_engine import ScriptedEngine

pytestmark = pytest.mark.slow

WAITING = 1000


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def server(engine: ScriptedEngine) -> Iterator[HttpServer]:
    with HttpServer(engine) as server:
        yield server


def until(condition: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(server: HttpServer, kind: str) -> float:
    line = f'kernelgym_http_waiting{{kind="{kind}"}} '
    text = httpx.get(f"{server.url}/metrics").text
    return float(text.partition(line)[2].partition("\n")[0])


def connect(server: HttpServer, sent: bytes = b"", timeout_s: float = 10.0) -> socket.socket:
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port), timeout=timeout_s)
    connection.sendall(sent)
    return connection


def everything(connection: socket.socket) -> bytes:
    """Returns what comes until the server closes; what it does not read any more may take its last words along."""
    found = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return found


def test_a_thousand_long_polls_cost_two_threads_and_each_is_told_at_once(
    server: HttpServer, engine: ScriptedEngine
) -> None:
    others = set(threading.enumerate())
    jobs = httpx.post(f"{server.url}/v1/jobs/batch", json=orders(WAITING)).json()["jobs"]
    ids = [job["id"] for job in jobs]
    told: dict[str, float] = {}
    ended: dict[str, float] = {}

    async def poll(id: str) -> None:
        url = httpx.URL(server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET /v1/jobs/{id}?wait_s=60 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        told[id] = time.perf_counter()
        writer.close()

    def finish() -> None:
        until(lambda: waiting(server, "poll") == WAITING, 60)
        waiters = [thread for thread in set(threading.enumerate()) - others if "kernelgym-waiter" in thread.name]
        assert len(waiters) <= 2
        for id in ids:
            ended[id] = time.perf_counter()
            engine.finish(id)
            time.sleep(0.002)

    async def play() -> None:
        await asyncio.gather(asyncio.to_thread(finish), *map(poll, ids))

    asyncio.run(play())
    delays = sorted(told[id] - ended[id] for id in ids)
    assert delays[WAITING // 2] < 0.25
    assert delays[-1] < 2


def test_a_stream_whose_client_vanishes_leaves_nothing(server: HttpServer) -> None:
    id = httpx.post(f"{server.url}/v1/jobs", json=ORDER).json()["id"]
    for _ in range(20):
        with httpx.stream("POST", f"{server.url}/v1/jobs/stream", json={"ids": [id]}) as stream:
            next(stream.iter_raw())
    until(lambda: waiting(server, "stream") == 0)


def test_a_silent_stream_stays_awake(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.05)
    id = httpx.post(f"{server.url}/v1/jobs", json=ORDER).json()["id"]
    with httpx.stream("POST", f"{server.url}/v1/jobs/stream", json={"ids": [id]}) as stream:
        lines = stream.iter_lines()
        comments = [line for line, _ in zip(lines, range(10), strict=False) if line.startswith(": ")]
    assert len(comments) >= 5


def test_the_end_lets_those_go_who_wait(engine: ScriptedEngine) -> None:
    with HttpServer(engine) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        id = client.post("/v1/jobs", json=ORDER).json()["id"]
        answers: list[httpx.Response] = []
        asking = [
            threading.Thread(target=lambda: answers.append(httpx.get(f"{server.url}/v1/jobs/{id}?wait_s=60"))),
            threading.Thread(
                target=lambda: answers.append(httpx.post(f"{server.url}/v1/jobs/stream", json={"ids": [id]}))
            ),
        ]
        for thread in asking:
            thread.start()
        until(lambda: waiting(server, "poll") == 1 and waiting(server, "stream") == 1)
        began = time.monotonic()
    for thread in asking:
        thread.join(10)
    assert time.monotonic() - began < 5
    told, streamed = sorted(answers, key=lambda answer: answer.request.method)
    assert (told.status_code, told.json()["state"]) == (202, JobState.QUEUED)
    assert "event: end" not in streamed.text
    assert not engine.closed


def test_a_server_that_ends_says_so_and_takes_no_more(server: HttpServer) -> None:
    front = server.front
    front.waiter.drain()
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        refused = client.post("/v1/jobs", json=ORDER)
        assert ErrorOut.model_validate_json(refused.content).code is ErrorCode.UNAVAILABLE
        assert client.get("/v1/jobs/" + "0" * 64, params={"wait_s": 60}).status_code == 404


def test_who_sends_a_head_byte_by_byte_is_cut_off(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    with HttpServer(engine) as server:
        slow, silent = connect(server, b"GET /health/live HTTP/1.1\r\n"), connect(server)
        began = time.monotonic()
        ended = False
        while not ended and time.monotonic() - began < 5:
            try:
                slow.sendall(b"X")
                time.sleep(0.05)
            except OSError:
                ended = True
        assert ended
        assert everything(silent) == b""
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        with httpx.Client(base_url=server.url) as client:  # a connection that is kept is not one that is slow
            client.get("/health/live")
            time.sleep(0.5)
            assert client.get("/health/live").status_code == 200
        slow.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 20_000,
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\x0bb\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so_and_cut_off(server: HttpServer, sent: bytes) -> None:
    answer = everything(connect(server, sent))
    if len(sent) > MAX_HEAD_BYTES and not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400"), answer
    assert ErrorOut.model_validate_json(body).code is ErrorCode.INVALID


def test_a_body_that_never_ends_is_not_waited_for(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PIECE_S", 0.2)
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    answer = everything(connect(server, head))
    assert answer.startswith(b"HTTP/1.1 408")


def test_two_requests_are_never_made_of_one(server: HttpServer) -> None:
    smuggled = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = (
        b"POST /v1/jobs/poll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % len(smuggled)
    )
    answer = everything(connect(server, sent + smuggled))
    assert answer.count(b"HTTP/1.1") == 1


def test_a_server_that_others_reach_takes_tokens(tmp_path: Path, engine: ScriptedEngine) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "127.0.0.2"):
        with pytest.raises(BadUsage, match="--tokens"):
            HttpServer(engine, host=host)
    path = tmp_path / "tokens.yaml"
    path.write_text("tokens:\n" + entry(_caller("me")), encoding="utf-8")
    with HttpServer(engine, host="0.0.0.0", tokens=TokenFile(path)) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/v1/problems").status_code == 401
        named = {"authorization": "Bearer kg_me", "host": "kernels.example:8000"}
        assert httpx.get(f"{url}/v1/problems", headers=named).status_code == 200


def test_an_address_that_is_taken_is_named(server: HttpServer, engine: ScriptedEngine) -> None:
    port = httpx.URL(server.url).port
    assert port is not None
    with pytest.raises(BadUsage, match=f"can't listen at 127.0.0.1:{port}: .*choose another --port"):
        HttpServer(engine, port=port)


@pytest.mark.broker
def test_several_servers_count_a_tokens_requests_together(
    tmp_path: Path, engine: ScriptedEngine, redis_server: RedisServer
) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text("tokens:\n" + entry(_caller("me", requests_per_minute=10)), encoding="utf-8")
    tokens, headers = TokenFile(path), {"authorization": "Bearer kg_me"}
    with (
        HttpServer(engine, tokens=tokens, redis_url=redis_server.url) as one,
        HttpServer(engine, tokens=tokens, redis_url=redis_server.url) as other,
    ):
        urls = [one.url, other.url] * 10
        answers = [httpx.get(f"{url}/v1/problems/core/softmax", headers=headers).status_code for url in urls]
    assert answers.count(200) == 10
    assert answers[-1] == 429


@pytest.mark.broker
def test_without_their_common_count_servers_count_for_themselves(
    tmp_path: Path, engine: ScriptedEngine, new_redis: Callable[..., RedisServer]
) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text("tokens:\n" + entry(_caller("me", requests_per_minute=3)), encoding="utf-8")
    redis = new_redis()
    with HttpServer(engine, tokens=TokenFile(path), redis_url=redis.url) as server:
        redis.kill()
        url, headers = f"{server.url}/v1/problems/core/softmax", {"authorization": "Bearer kg_me"}
        assert [httpx.get(url, headers=headers).status_code for _ in range(4)] == [200, 200, 200, 429]


def _caller(name: str, **limits: int) -> Caller:
    return Caller(name=name, sha256=digest_of(f"kg_{name}"), scopes=frozenset(Scope), **limits)


def test_answers_are_json_for_every_parser(server: HttpServer, engine: ScriptedEngine) -> None:
    order = json.dumps(ORDER | {"config": {"bench_budget_gflop": "Infinity"}})
    id = httpx.post(f"{server.url}/v1/jobs", content=order, headers={"content-type": "application/json"}).json()["id"]
    engine.finish(id)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    answer = json.loads(httpx.get(f"{server.url}/v1/jobs/{id}").text, parse_constant=refuse)
    assert answer["answer"]["report"]["config"]["bench_budget_gflop"] == "Infinity"

"""What travels through the broker is an id as JSON; a broker that takes none is an error within seconds."""

import base64
import json
import os
import signal
import time
from collections.abc import Callable, Sequence

import pytest

from kernelgym.serving.celery_app import CeleryDispatch, RedisQueues, make_app
from kernelgym.serving.dispatch import Message
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Priority
from tests.kernelgym.serving.redis_server import RedisServer

ID = "a" * 64
DONE = "d" * 64


class Counting:
    """Numbers messages."""

    def sending(self, id: str) -> int:
        return int(id != DONE)

    def sending_many(self, ids: Sequence[str]) -> list[int]:
        return [int(id != DONE) for id in ids]


def messages(*ids: str) -> list[Message]:
    return [Message(queue="trace@x", id=id, priority=Priority.BATCH, request_id="r1") for id in ids]


def test_the_app_reads_json_alone_acknowledges_late_and_stores_no_results() -> None:
    conf = make_app("redis://localhost:1/0").conf
    assert conf.accept_content == ["json"]
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result
    assert conf.result_backend is None


@pytest.mark.broker
def test_a_message_is_a_small_json_with_an_id_in_the_list_of_its_priority(redis_server: RedisServer) -> None:
    dispatch = CeleryDispatch(make_app(redis_server.url), Counting())
    dispatch("trace@1f00ba42", ID, Priority.INTERACTIVE, "r1")
    dispatch("trace@1f00ba42", ID, Priority.BATCH, "r1")
    client = redis_server.client()
    for name in ("trace@1f00ba42", "trace@1f00ba42:1"):
        raw = client.lindex(name, 0)
        message = json.loads(raw)
        assert len(raw) < 2000
        assert message["content-type"] == "application/json"
        assert message["headers"]["request_id"] == "r1"
    assert sorted(client.keys()) == [b"trace@1f00ba42", b"trace@1f00ba42:1"], "no bindings that could be lost"
    assert RedisQueues(redis_server.url)("trace@1f00ba42") == 2


@pytest.mark.broker
def test_many_messages_go_in_their_order_without_those_that_nobody_needs_any_more(redis_server: RedisServer) -> None:
    dispatch = CeleryDispatch(make_app(redis_server.url), Counting())
    ids = [f"{number:064x}" for number in range(150)]
    dispatch.send_many(messages(*ids[:10], DONE, *ids[10:]))
    dispatch.send_many([])
    dispatch("trace@x", DONE, Priority.BATCH, "r")
    raw = redis_server.client().lrange("trace@x:1", 0, -1)
    assert [json.loads(base64.b64decode(json.loads(one)["body"]))[0][0] for one in reversed(raw)] == ids


@pytest.mark.broker
@pytest.mark.slow
def test_a_broker_that_is_halted_full_or_gone_is_an_error_within_seconds(
    new_redis: Callable[..., RedisServer],
) -> None:
    server = new_redis()
    dispatch = CeleryDispatch(make_app(server.url), Counting())
    queues = RedisQueues(server.url)

    def fails() -> None:
        for ask in (
            lambda: dispatch("trace@x", ID, Priority.BATCH, "r1"),
            lambda: dispatch.send_many(messages(ID, ID)),
            lambda: queues("trace@x"),
        ):
            began_s = time.monotonic()
            with pytest.raises(LedgerUnavailable, match="the broker"):
                ask()
            assert time.monotonic() - began_s < 12.0

    dispatch("trace@x", ID, Priority.BATCH, "r1")
    os.kill(server.pid, signal.SIGSTOP)
    fails()
    os.kill(server.pid, signal.SIGCONT)
    dispatch("trace@x", ID, Priority.BATCH, "r1")
    server.kill()
    fails()
    server.start()
    client = server.client()
    client.config_set("maxmemory", "1")
    with pytest.raises(LedgerUnavailable, match="maxmemory"):
        dispatch("trace@x", ID, Priority.BATCH, "r1")
    with pytest.raises(LedgerUnavailable, match="maxmemory"):
        dispatch.send_many(messages(ID, ID))
    client.config_set("maxmemory", "0")
    dispatch("trace@x", ID, Priority.BATCH, "r1")
    dispatch.send_many(messages(ID, ID))

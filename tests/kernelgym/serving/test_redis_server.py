"""The servers that the other tests break do what they say."""

from collections.abc import Callable

import pytest
import redis

from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = pytest.mark.broker


def test_a_server_with_a_file_remembers_through_a_kill_and_one_without_forgets(
    new_redis: Callable[..., RedisServer],
) -> None:
    for appendonly, remembered in ((True, b"1"), (False, None)):
        server = new_redis(appendonly=appendonly)
        with server.client() as client:
            client.set("x", 1)
            server.restart()
            assert client.get("x") == remembered


def test_a_halted_server_answers_nothing_and_goes_on_later(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis()
    with server.client(timeout_s=0.2) as client:
        server.stop()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()


def test_a_full_server_refuses_to_write(new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis()
    with server.client() as client:
        client.set("full", b"x" * 2_000_000)
        server.set_maxmemory(1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("x", 1)
        server.set_maxmemory(None)
        client.set("y", 1)


def test_the_shared_server_is_empty(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        assert client.dbsize() == 0

"""Redis servers for the tests of serving."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.kernelgym.serving.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests of a session that break nothing; take `redis_server`, which empties it."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """An empty server that runs and has no limit; whoever kills, halts or fills one takes `new_redis`."""
    shared_redis.flush()
    return shared_redis


@pytest.fixture
def new_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts servers of this test's own: `new_redis(appendonly=True)`; arguments as of `RedisServer`."""
    with ExitStack() as servers:

        def start(**options: Any) -> RedisServer:
            folder = tmp_path / f"redis-{len(list(tmp_path.iterdir()))}"
            return servers.enter_context(RedisServer(folder, **options))

        yield start

"""A service that tests may break."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernelgym.serving.faults.service import Service, open_service
from tests.kernelgym.serving.redis_server import RedisServer


@pytest.fixture
def service(tmp_path: Path, new_redis: Callable[..., RedisServer]) -> Iterator[Service]:
    """A service without workers, on a Redis that keeps its data when it is killed."""
    with open_service(tmp_path, new_redis(appendonly=True)) as opened:
        yield opened

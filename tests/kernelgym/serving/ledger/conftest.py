"""Both ledgers, each with bounds of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.memory_ledger import MemoryLedger
from kernelgym.serving.ledger.redis_ledger import RedisLedger

AnyLedger = MemoryLedger | RedisLedger
OpenLedger = Callable[..., AnyLedger]


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=pytest.mark.broker)])
def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenLedger]:
    """Opens ledgers of one kind on the same store; with keyword arguments of `Bounds`."""
    with ExitStack() as opened:

        def open_one(**limits: float) -> AnyLedger:
            bounds = Bounds(**limits)  # type: ignore[arg-type]
            ledger: AnyLedger
            if request.param == "redis":
                ledger = RedisLedger(request.getfixturevalue("redis_server").url, bounds=bounds)
            else:
                ledger = MemoryLedger(tmp_path / "answers.sqlite" if request.param == "file" else None, bounds=bounds)
            opened.callback(ledger.close)
            return ledger

        if request.param == "redis":
            request.getfixturevalue("redis_server")
        yield open_one


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> AnyLedger:
    """A ledger with the bounds that are usual."""
    return open_ledger()

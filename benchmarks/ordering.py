"""How long a step of a training takes to be ordered: 768 new candidates at once, from `submit` to the last message.

A private Redis on this machine, nobody who works. An order is a small correct solution, with the problem it is for.
"""

import statistics
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.evaluation import renamed
from benchmarks.hosted.redis_server import RedisServer
from kernelgym.evaluators.messages import Job
from kernelgym.problems import get_problem, list_solutions
from kernelgym.serving.engines.hosted import HostedEngine
from kernelgym.serving.jobs import Order
from sandboxes.contracts import EvalConfig

ORDERS: Final = 768
ROUNDS: Final = 5
PROBLEM: Final = "core/add_relu"

_serial = count()


def run() -> dict[str, object]:
    """Returns the milliseconds of each round, and their median."""
    with tempfile.TemporaryDirectory(prefix="kernelgym-ordering-") as folder:
        redis = RedisServer(Path(folder))
        engine = HostedEngine(redis.url, janitor=False)
        try:
            engine.submit(_orders(8), "benchmark")  # connections and scripts
            rounds_ms = [_submitted_ms(engine) for _ in range(ROUNDS)]
            with redis.client() as client:
                messages = sum(client.llen(name) for name in client.keys("trace*"))
        finally:
            engine.close()
            redis.stop()
    return {
        "orders": ORDERS, "messages": messages, "rounds_ms": [round(value_ms, 1) for value_ms in rounds_ms],
        "median_ms": round(statistics.median(rounds_ms), 1),
    }  # fmt: skip


def _submitted_ms(engine: HostedEngine) -> float:
    orders = _orders(ORDERS)
    begin = time.perf_counter()
    engine.submit(orders, "benchmark")
    return 1000 * (time.perf_counter() - begin)


def _orders(number: int) -> list[Order]:
    reference = get_problem(PROBLEM).reference
    solution = next(one for one in list_solutions() if (one.problem_id, one.name) == (PROBLEM, "correct"))
    return [
        Order(task=Job(submission=renamed(solution), reference=reference, config=EvalConfig()), request_id=f"r{serial}")
        for serial in (next(_serial) for _ in range(number))
    ]

"""How long it takes to make a kernel ready to run: `python -m benchmarks.planning` prints JSON.

For the TTIR of every kernel of the parser's fixtures, as the newest Triton writes it: milliseconds from the text to the
module, and from the module to the plan, without any cache, on the process's own clock, so that others do not count.
"""

import json
import statistics
import time
from collections.abc import Callable

from sandboxes.ttir import parse
from sandboxes.ttir.engine.preparation import prepare
from tests.sandboxes.ttir.loaders import LATEST, fixture_names, fixture_text

REPEATS = 7


def run() -> dict[str, object]:
    """Returns medians per kernel and the slowest one's sum, in milliseconds."""
    kernels = {name: _measured(fixture_text(name)) for name in fixture_names()}
    return {
        "triton": LATEST,
        "repeats": REPEATS,
        "slowest_ms": max(times["parse_ms"] + times["prepare_ms"] for times in kernels.values()),
        "kernels": kernels,
    }


def _measured(text: str) -> dict[str, float]:
    module = parse.__wrapped__(text)
    return {
        "characters": len(text),
        "parse_ms": _median_ms(lambda: parse.__wrapped__(text)),
        "prepare_ms": _median_ms(lambda: prepare(module)),
    }


def _median_ms(function: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        function()
        times.append(time.process_time() - started)
    return round(1e3 * statistics.median(times), 2)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

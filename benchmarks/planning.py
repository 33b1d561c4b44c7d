"""How long it takes to make a kernel ready to run: `python -m benchmarks.planning` prints JSON.

For the TTIR of every kernel of the parser's fixtures, as the newest Triton writes it, and of the backward of causal
attention: milliseconds from the text to the module, and from the module to the plan, without any cache, on the clock
of the process and the best of some repetitions, because whatever else runs on the machine only adds.
"""

import json
import time
from collections.abc import Callable

from sandboxes.ttir import parse
from sandboxes.ttir.engine.preparation import prepare
from tests.real_kernels.tutorials.attention import backward_kernel
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.loaders import LATEST, fixture_names, fixture_text

REPEATS = 7
BACKWARD = "attention_backward"


def run() -> dict[str, object]:
    """Returns the best of some repetitions per kernel and the slowest one's sum, in milliseconds."""
    kernels = {name: _measured(fixture_text(name)) for name in fixture_names()}
    kernels[BACKWARD] = _measured(_backward())
    return {
        "triton": LATEST,
        "repeats": REPEATS,
        "slowest_ms": max(times["parse_ms"] + times["prepare_ms"] for times in kernels.values()),
        "kernels": kernels,
    }


def _backward() -> str:
    signature = ("*fp16", "*fp16", "*fp16", "fp32", "*fp16", "*fp32", "*fp32", "*fp32", "*fp32", "*fp32", "i32")
    return ttir_of(backward_kernel, signature, BLOCK_1=32, BLOCK_2=64, D=64, CAUSAL=True)


def _measured(text: str) -> dict[str, float]:
    module = parse.__wrapped__(text)
    return {
        "characters": len(text),
        "parse_ms": _best_ms(lambda: parse.__wrapped__(text)),
        "prepare_ms": _best_ms(lambda: prepare(module)),
    }


def _best_ms(function: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        function()
        times.append(time.process_time() - started)
    return round(1e3 * min(times), 2)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

"""How long it takes to find out what a wave of programs accesses: `python -m benchmarks.observing` prints JSON.

Launches at full size, whose arguments are addresses without memory; the first time with planning, then the best of
some repetitions, on the clock of the wall and on one core.
"""

import json
import time

import torch

from sandboxes.ttir.addresses.observing import observe
from tests.sandboxes.ttir.addresses.full_size import FULL_SIZES, FullSize

REPEATS = 5


def run() -> dict[str, object]:
    """Returns milliseconds and accesses per launch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {"repeats": REPEATS, "launches": {name: _measured(launch()) for name, launch in FULL_SIZES.items()}}
    finally:
        torch.set_num_threads(threads)


def _measured(launch: FullSize) -> dict[str, float]:
    module, args = launch.module(), launch.args()
    times = []
    for seed in range(1 + REPEATS):
        started = time.perf_counter()
        log = observe(module, launch.grid, args, launch.wave(), hollow=True, seed=seed)
        times.append(1e3 * (time.perf_counter() - started))
    return {
        "programs": log.programs.numel(),
        "accesses": len(log.accesses),
        "first_ms": round(times[0], 1),
        "best_ms": round(min(times[1:]), 1),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

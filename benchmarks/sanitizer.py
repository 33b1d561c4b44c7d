"""What the sanitizer costs: every kernel of the executor's benchmark with and without it, in turns, in one process.

`python -m benchmarks.sanitizer` prints the table of docs/executor.md, `--json` the numbers. Times are of the processor,
one thread, because a busy machine would otherwise be what is measured. `unwritten` is the worst case, in which the
output comes from `torch.empty` and a later launch might load it, so that every store is noted.
"""

import argparse
import json
import math
import statistics
import time
from typing import Any

import torch

from benchmarks._allocator import like_a_worker
from benchmarks.machine import machine
from benchmarks.sharing import sharing
from benchmarks.workloads import Workload, workloads
from sandboxes.ttir import ExecutionOptions, Module, Unwritten, accesses, execute, parse
from tests.sandboxes.ttir.frontend import ttir_of

REPEATS = 15
KINDS = ("plain", "races", "unwritten")


def run(repeats: int = REPEATS) -> dict[str, Any]:
    """Returns per kernel the median time without the sanitizer in seconds, and with it relative to that."""
    torch.set_num_threads(1)
    like_a_worker()
    rows = []
    for load in [*workloads(), *sharing()]:
        module = parse(ttir_of(load.kernel, load.signature, **load.constexprs))
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for repeat in range(repeats):
            first = repeat % len(KINDS)  # who runs after whom matters: memory that was just freed is still mapped
            for kind in KINDS[first:] + KINDS[:first]:
                times[kind].append(_time(load, module, kind))
        median = {kind: statistics.median(times[kind]) for kind in KINDS}
        ratios = {kind: median[kind] / median["plain"] for kind in KINDS[1:]}
        rows.append({"name": load.name, "plain_s": median["plain"], **ratios})
    means = {kind: math.exp(statistics.fmean(math.log(row[kind]) for row in rows)) for kind in KINDS[1:]}
    return {"kernels": rows, "geometric_mean": means, "threads": 1, "repeats": repeats}


def _time(load: Workload, module: Module, kind: str) -> float:
    """Runs a kernel; returns the seconds of processor time that took."""
    load.reset()
    options = ExecutionOptions()
    if kind != "plain":
        unwritten = Unwritten()
        name = module.kernel.parameters[load.output].name
        facts = accesses(module)[name]
        if kind == "unwritten" and not (facts.updates or facts.reads):
            unwritten.allocated(load.args[load.output])
        options = ExecutionOptions(unwritten=unwritten)
    started = time.process_time()
    execute(module, load.grid, load.args, options=options)
    return time.process_time() - started


def _table(result: dict[str, Any]) -> str:
    lines = ["| kernel | plain | races | races and unwritten memory |", "|---|---:|---:|---:|"]
    for row in result["kernels"]:
        plain = f"{1e3 * row['plain_s']:.1f} ms"
        lines.append(f"| {row['name']} | {plain} | {row['races']:.2f}x | {row['unwritten']:.2f}x |")
    mean = result["geometric_mean"]
    return "\n".join([*lines, f"| geometric mean | | {mean['races']:.2f}x | {mean['unwritten']:.2f}x |"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each kernel in each way")
    options = parser.parse_args()
    result = run(options.repeats)
    print(json.dumps({**result, "machine": machine()}, indent=2) if options.json else _table(result))


if __name__ == "__main__":
    main()

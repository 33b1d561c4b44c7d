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

import torch

from benchmarks.machine import machine
from benchmarks.workloads import Workload, workloads
from sandboxes.ttir import ExecutionOptions, Module, Unwritten, accesses, execute, parse
from tests.sandboxes.ttir.frontend import ttir_of

REPEATS = 15
KINDS = ("plain", "races", "unwritten")


def run(repeats: int) -> list[dict[str, float | str]]:
    """Returns per kernel the median time without the sanitizer in seconds, and with it relative to that."""
    torch.set_num_threads(1)
    rows: list[dict[str, float | str]] = []
    for load in workloads():
        module = parse(ttir_of(load.kernel, load.signature, **load.constexprs))
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for repeat in range(repeats):
            first = repeat % len(KINDS)  # who runs after whom matters: memory that was just freed is still mapped
            for kind in KINDS[first:] + KINDS[:first]:
                times[kind].append(_time(load, module, kind))
        median = {kind: statistics.median(times[kind]) for kind in KINDS}
        ratios = {kind: median[kind] / median["plain"] for kind in KINDS[1:]}
        rows.append({"name": load.name, "plain_s": median["plain"], **ratios})
    return rows


def _time(load: Workload, module: Module, kind: str) -> float:
    """Runs a kernel; returns the seconds of processor time that took."""
    load.reset()
    options = ExecutionOptions()
    if kind != "plain":
        unwritten = Unwritten()
        name = module.kernel.parameters[load.output].name
        if kind == "unwritten" and not accesses(module)[name].updates:
            unwritten.allocated(load.args[load.output])
        options = ExecutionOptions(sanitizer=unwritten)
    started = time.process_time()
    execute(module, load.grid, load.args, options=options)
    return time.process_time() - started


def _table(rows: list[dict[str, float | str]]) -> str:
    lines = ["| kernel | plain | races | races and unwritten memory |", "|---|---:|---:|---:|"]
    for row in rows:
        cells = f"{1e3 * float(row['plain_s']):.1f} ms | {row['races']:.2f}x | {row['unwritten']:.2f}x"
        lines.append(f"| {row['name']} | {cells} |")
    means = [math.exp(statistics.fmean(math.log(float(row[kind])) for row in rows)) for kind in KINDS[1:]]
    return "\n".join([*lines, f"| geometric mean | | {means[0]:.2f}x | {means[1]:.2f}x |"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each kernel in each way")
    options = parser.parse_args()
    rows = run(options.repeats)
    print(json.dumps({"kernels": rows, "machine": machine()}, indent=2) if options.json else _table(rows))


if __name__ == "__main__":
    main()

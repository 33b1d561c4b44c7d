"""The TTIR executor beside Triton's own interpreter (`TRITON_INTERPRET=1`): same kernels, same data, same run.

`python benchmarks/executor.py` prints a table, `--json` the numbers. The interpreter needs its environment variable
before Triton is imported, so each engine has a process of its own; they take turns, kernel by kernel, so that a busy
moment of the machine hits both.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from benchmarks.machine import machine
from benchmarks.workloads import Workload, workloads
from kernelgym.evaluators.started import KEEPS_FREED_MEMORY

ROOT = Path(__file__).resolve().parents[1]
REPEATS = {"executor": 7, "interpreter": 3}


def run() -> dict[str, Any]:
    """Times both engines, one thread each; returns medians in seconds, ratios, peak memory in MiB."""
    engines = {name: _Engine(name) for name in REPEATS}
    kernels = []
    for position, load in enumerate(workloads()):
        print(f"  {load.name}", file=sys.stderr)
        times = {name: engine.ask(position) for name, engine in engines.items()}
        ours, theirs = times["executor"], times["interpreter"]
        kernels.append(
            {
                "name": load.name,
                "speedup": theirs["median_s"] / ours["median_s"],
                "executor_s": ours["median_s"],
                "interpreter_s": theirs["median_s"],
                "executor_max_error": ours["max_error"],
                "interpreter_max_error": theirs["max_error"],
            }
        )
    peaks = {name: engine.close() for name, engine in engines.items()}
    return {
        "kernels": kernels,
        "geometric_mean_speedup": math.exp(statistics.fmean(math.log(kernel["speedup"]) for kernel in kernels)),
        "lowest_speedup": min(kernel["speedup"] for kernel in kernels),
        "peak_rss_mib": peaks,
        "threads": 1,
        "repeats": REPEATS,
    }


class _Engine:
    """A process that answers a workload's number with its times."""

    def __init__(self, name: str) -> None:
        environment = {
            **os.environ,
            "TRITON_INTERPRET": "1" if name == "interpreter" else "0",
            "OMP_NUM_THREADS": "1",  # workers run one thread each, and a busy machine makes barriers the benchmark
            **KEEPS_FREED_MEMORY,  # as workers do
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.executor", "--engine", name]
        self._process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, position: int) -> dict[str, float]:
        """Returns `median_s` and `max_error` of one workload."""
        return cast(dict[str, float], self._exchange(str(position)))

    def close(self) -> float:
        """Ends the process; returns its peak resident set in MiB."""
        peak = self._exchange("peak")
        self._process.communicate()
        return cast(float, peak)

    def _exchange(self, line: str) -> object:
        to, back = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        print(line, file=to, flush=True)
        answer = back.readline()
        if not answer:
            sys.exit(f"error: the engine's process ended with {self._process.wait()} at request {line}")
        return json.loads(answer)


def _serve(name: str) -> None:
    """The engine's side: one line in, one line out."""
    loads = workloads()
    prepare = _executor if name == "executor" else _interpreter
    for line in sys.stdin:
        if line.strip() == "peak":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
            continue
        load = loads[int(line)]
        launch = prepare(load)
        times = []
        for _ in range(REPEATS[name]):
            load.reset()
            started = time.perf_counter()
            launch()
            times.append(time.perf_counter() - started)
        print(json.dumps({"median_s": statistics.median(times), "max_error": load.error()}), flush=True)


def _executor(load: Workload) -> Callable[[], object]:
    from sandboxes.ttir import execute, parse  # noqa: PLC0415  (the interpreter's process must not pay for it)
    from tests.sandboxes.ttir.frontend import ttir_of  # noqa: PLC0415

    module = parse(ttir_of(load.kernel, load.signature, **load.constexprs))
    return lambda: execute(module, load.grid, load.args)


def _interpreter(load: Workload) -> Callable[[], object]:
    return lambda: load.kernel[load.grid](*load.args, **load.constexprs)


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'kernel':42} {'executor':>10} {'interpreter':>12} {'ratio':>7}"]
    for kernel in result["kernels"]:
        lines.append(
            f"{kernel['name']:42} {1e3 * kernel['executor_s']:7.1f} ms {1e3 * kernel['interpreter_s']:9.0f} ms "
            f"{kernel['speedup']:6.0f}x"
        )
    lines.append(f"geometric mean {result['geometric_mean_speedup']:.0f}x, lowest {result['lowest_speedup']:.0f}x")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--engine", choices=list(REPEATS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        _serve(options.engine)
        return
    result = run()
    print(json.dumps({**result, "machine": machine()}, indent=2) if options.json else _table(result))


if __name__ == "__main__":
    main()

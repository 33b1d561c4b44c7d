"""What executions really hold: `python -m tests.sandboxes.ttir.peak_memory BYTES` prints MiB per kernel as JSON.

A process of its own, because the peak of a resident set is a process's.
"""

import ctypes
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.workloads import workloads
from sandboxes.ttir import ExecutionOptions, Module, execute, parse
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.limit_kernels import long_rows, sorted_rows, tiles

F32, F16 = "*fp32", "*fp16"


def _cases() -> list[tuple[str, Module, tuple[int, int, int], list[Any]]]:
    """Kernels with their arguments: the benchmark's, and some that hold much."""
    cases = []
    for load in workloads():
        load.reset()
        cases.append((load.name, parse(ttir_of(load.kernel, load.signature, **load.constexprs)), load.grid, load.args))
    a, b = torch.randn(1024, 256).half(), torch.randn(256, 2048).half()
    text = ttir_of(tiles, (F16, F16, F32, *["i32"] * 3), BM=128, BN=256, BK=64)
    cases.append(("tiles", parse(text), (8, 8, 1), [a, b, torch.zeros(1024, 2048), 1024, 2048, 256]))
    rows = torch.randn(64, 2**16)
    cases.append(
        (
            "long rows",
            parse(ttir_of(long_rows, (F32, F32, "i32"), BLOCK=2**16)),
            (64, 1, 1),
            [rows, rows.clone(), 2**16],
        )
    )
    cases.append(("sort", parse(ttir_of(sorted_rows, (F32, F32), BLOCK=2**12)), (512, 1, 1), [rows, rows.clone()]))
    return cases


def peak_of(action: Callable[[], object]) -> int:
    """Bytes that this process holds at most while something runs, beyond what it holds before."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    action()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """A line of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def main() -> None:
    """Runs every case once."""
    torch.set_num_threads(1)
    options = ExecutionOptions(memory_bytes=int(sys.argv[1]), chunk_elements=2**40)  # the budget alone decides
    peaks = {}
    for name, module, grid, args in _cases():
        execute(module, (0, 1, 1), args)  # the plan is made once and stays
        peaks[name] = peak_of(partial(execute, module, grid, args, options=options)) / 2**20
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()

"""The TTIR executor beside Triton's own interpreter (``TRITON_INTERPRET=1``), same kernels, same run.

``python -m benchmarks.executor`` prints JSON. The interpreter needs its environment variable before Triton is
imported, so it runs in a subprocess of this same file.
"""

import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import triton

from tests.sandboxes.ttir import kernels

F32 = "*fp32"


@dataclass(frozen=True)
class Workload:
    """A launch at bench size, with what is needed to compile it."""

    kernel: str
    signature: tuple[str, ...]
    constexprs: dict[str, int]
    grid: tuple[int, int, int]
    args: list[Any]
    output: int
    expected: torch.Tensor


def workloads() -> dict[str, Workload]:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    n = 1 << 20
    x, y = random(n), random(n)
    rows, w, b = random(1024, 1000), random(1000), random(1000)
    left, right = random(1024, 1024), random(1024, 1024)
    q, k, v = random(8, 512, 64), random(8, 512, 64), random(8, 512, 64)
    logits, target = random(512, 4000), torch.arange(512) * 7
    functional = torch.nn.functional
    mm = [left, right, torch.zeros(1024, 1024), 1024, 1024, 1024, 1024, 1, 1024, 1, 1024, 1]
    tiles = {"BM": 64, "BN": 64, "BK": 32}
    attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    normed = functional.layer_norm(rows, (1000,), w, b)
    losses = functional.cross_entropy(logits, target, reduction="none")
    return {
        "vector add 2^20": Workload(
            "add_relu", (F32, F32, F32, "i32"), {"BLOCK": 1024}, (1024, 1, 1),
            [x, y, torch.zeros(n), n], 2, (x + y).relu(),
        ),
        "softmax 1024x1000": Workload(
            "softmax", (F32, F32, "i32"), {"BLOCK": 1024}, (1024, 1, 1),
            [rows, torch.zeros(1024, 1000), 1000], 1, rows.softmax(1),
        ),
        "layernorm 1024x1000": Workload(
            "layernorm", (F32, F32, F32, F32, "i32", "fp32"), {"BLOCK": 1024}, (1024, 1, 1),
            [rows, w, b, torch.zeros(1024, 1000), 1000, 1e-5], 3, normed,
        ),
        "matmul 1024^3": Workload(
            "matmul", (F32, F32, F32, *["i32"] * 9), tiles, (16, 16, 1), mm, 2, left @ right,
        ),
        "causal attention 8x512x64": Workload(
            "attention", (F32, F32, F32, F32, "i32", "fp32"), {"BM": 64, "BN": 32, "D": 64}, (8, 8, 1),
            [q, k, v, torch.zeros_like(q), 512, 0.125], 3, attended,
        ),
        "cross entropy 512x4000": Workload(
            "cross_entropy", (F32, "*i64", F32, "i32"), {"BLOCK": 1024}, (512, 1, 1),
            [logits, target, torch.zeros(512), 4000], 2, losses,
        ),
    }  # fmt: skip


def _seconds(launch: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        launch()
        times.append(time.perf_counter() - started)
    return times


def _executor_times(repeats: int) -> dict[str, dict[str, float]]:
    from sandboxes.ttir import execute, parse  # noqa: PLC0415  (the interpreter's process must not pay for it)
    from tests.sandboxes.ttir.frontend import ttir_of  # noqa: PLC0415

    results = {}
    for name, load in workloads().items():
        text = ttir_of(getattr(kernels, load.kernel), load.signature, **load.constexprs)
        module = parse(text)
        times = _seconds(lambda m=module, w=load: execute(m, w.grid, w.args), repeats)  # type: ignore[misc]
        error = float((load.args[load.output] - load.expected).abs().max())
        results[name] = {"median_s": statistics.median(times), "min_s": min(times), "max_error": error}
    return results


def _interpreter_times(repeats: int) -> dict[str, dict[str, float]]:
    results = {}
    for name, load in workloads().items():
        kernel = getattr(kernels, load.kernel)
        times = _seconds(lambda k=kernel, w=load: k[w.grid](*w.args, **w.constexprs), repeats)  # type: ignore[misc]
        error = float((load.args[load.output] - load.expected).abs().max())
        results[name] = {"median_s": statistics.median(times), "min_s": min(times), "max_error": error}
    return results


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(mode: str) -> Any:
    environment = {
        **os.environ,
        "TRITON_INTERPRET": "1" if mode == "interpreter" else "0",
        "OMP_NUM_THREADS": "1",  # workers run one thread each, and a busy machine makes barriers the benchmark
    }
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.executor", mode]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def run(*, repeats: int = 7, interpreter_repeats: int = 3) -> dict[str, Any]:
    """Times both sides and returns medians in seconds, speedups, peak memory, machine and versions."""
    os.environ["KERNELGYM_BENCH_REPEATS"] = f"{repeats},{interpreter_repeats}"
    ours, theirs = _child("executor"), _child("interpreter")
    speedups = {k: theirs["kernels"][k]["median_s"] / ours["kernels"][k]["median_s"] for k in ours["kernels"]}
    return {
        "executor": ours,
        "interpreter": theirs,
        "speedup": speedups,
        "geometric_mean_speedup": math.exp(statistics.fmean(math.log(s) for s in speedups.values())),
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": 1,
            "load": os.getloadavg(),
        },
        "versions": {"torch": torch.__version__, "triton": triton.__version__, "python": platform.python_version()},
    }


def main() -> None:
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    ours, theirs = (int(n) for n in os.environ.get("KERNELGYM_BENCH_REPEATS", "7,3").split(","))
    if mode == "executor":
        print(json.dumps({"kernels": _executor_times(ours), "peak_rss_mib": _peak_mib()}))
    elif mode == "interpreter":
        print(json.dumps({"kernels": _interpreter_times(theirs), "peak_rss_mib": _peak_mib()}))
    else:
        print(json.dumps(run(), indent=2))


if __name__ == "__main__":
    main()

"""How long the hardware model needs for one launch at the sizes of KernelBench, against its budget of half a second.

Covered: looking at the addresses of sampled waves, the compiled layouts guessed, and pricing. Memory is hollow: only
addresses exist. Not covered: compiling, and executing what is judged. Each launch is new to every cache.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any, Final

import torch

from benchmarks import kernels as own
from sandboxes.contracts import Resources, Variant
from sandboxes.devices.hollow import hollow_storage
from sandboxes.devices.launching import storage_sizes
from sandboxes.hardware.executed import work_of_counters
from sandboxes.hardware.gathering.launch import facts_of
from sandboxes.hardware.pricing import price_launch
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import NotExamined, examine
from sandboxes.ttir import parse
from tests.sandboxes.ttir import kernels as shared
from tests.sandboxes.ttir.frontend import ttir_of

REPEATS: Final = 3
BUDGET_S: Final = 0.5
SLACK: Final = 1.1
"""Time is looked at between steps; a step is not interrupted."""
F32, F16 = "*fp32", "*fp16"
TYPES: Final = {F32: torch.float32, F16: torch.float16, "*i64": torch.int64, "*i32": torch.int32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A launch at full size."""

    name: str
    kernel: Any
    signature: tuple[str, ...]
    constexprs: dict[str, int]
    grid: tuple[int, int, int]
    arguments: tuple[Any, ...]
    """Elements of a tensor for a pointer, otherwise the value."""
    shared_bytes: int = 0


def cases() -> list[Case]:
    """Returns launches as KernelBench's problems need them."""
    n, rows, columns = 8192, 16_384, 262_144
    tiles = (n // 128) ** 2
    pixels = 128 * 128 * 128
    return [
        Case(
            name="matmul 8192^3", kernel=shared.matmul_grouped, signature=(F16, F16, F32, F16, *["i32"] * 9),
            constexprs={"BM": 128, "BN": 128, "BK": 64, "GROUP": 8}, grid=(tiles, 1, 1),
            arguments=(n * n, n * n, n, n * n, n, n, n, n, 1, n, 1, n, 1), shared_bytes=98_304,
        ),
        Case(
            name="softmax 16384 x 262144", kernel=shared.softmax, signature=(F32, F32, "i32"),
            constexprs={"BLOCK": columns}, grid=(rows, 1, 1), arguments=(rows * columns, rows * columns, columns),
        ),
        Case(
            name="add 16384 x 65536", kernel=shared.add_relu, signature=(F32, F32, F32, "i32"),
            constexprs={"BLOCK": 1024}, grid=(2**20, 1, 1), arguments=(2**30, 2**30, 2**30, 2**30),
        ),
        Case(
            name="layer norm 65536 x 4096", kernel=shared.layernorm,
            signature=(F32, F32, F32, F32, "i32", "fp32"), constexprs={"BLOCK": 4096}, grid=(65_536, 1, 1),
            arguments=(65_536 * 4096, 4096, 4096, 65_536 * 4096, 4096, 1e-5),
        ),
        Case(
            name="attention 512 x 4096 x 64", kernel=shared.attention, signature=(F32, F32, F32, F32, "i32", "fp32"),
            constexprs={"BM": 64, "BN": 32, "D": 64}, grid=(64, 512, 1),
            arguments=(*[512 * 4096 * 64] * 4, 4096, 0.125), shared_bytes=49_152,
        ),
        Case(
            name="convolution 128 x 64 x 128 x 128", kernel=own.convolution,
            signature=(F32, F32, F32, "i32", "i32", "i32"),
            constexprs={"C": 64, "K": 128, "R": 3, "BM": 64, "BN": 64, "BK": 32}, grid=(pixels // 64, 2, 1),
            arguments=(pixels * 64, 128 * 64 * 9, pixels * 128, pixels, 128, 128), shared_bytes=49_152,
        ),
        Case(
            name="transpose 16384 x 16384", kernel=own.transpose, signature=(F32, F32, "i32", "i32"),
            constexprs={"BM": 64, "BN": 64}, grid=(256, 256, 1), arguments=(2**28, 2**28, 16_384, 16_384),
        ),
        Case(
            name="histogram of 2^28", kernel=own.histogram, signature=("*i32", "*i32", "i32"),
            constexprs={"BLOCK": 1024}, grid=(2**18, 1, 1), arguments=(2**28, 256, 2**28),
        ),
        Case(
            name="cross entropy 65536 x 32768", kernel=shared.cross_entropy, signature=(F32, "*i64", F32, "i32"),
            constexprs={"BLOCK": 32_768}, grid=(65_536, 1, 1), arguments=(65_536 * 32_768, 65_536, 65_536, 32_768),
        ),
    ]  # fmt: skip


def run() -> dict[str, object]:
    """Returns, for each launch, the median and largest seconds, and what was looked at."""
    found = {case.name: timed(case) for case in cases()}
    slowest = max(float(result["largest_s"]) for result in found.values())
    return {
        "launches": found,
        "budget_s": BUDGET_S,
        "slowest_s": round(slowest, 3),
        "within_budget": slowest <= SLACK * BUDGET_S,
    }


def timed(case: Case) -> dict[str, Any]:
    """Returns how long it takes to look at a launch and to price it."""
    target = get_target("h200")
    text = ttir_of(case.kernel, case.signature, **case.constexprs)
    kinds = iter(case.signature)
    args = [_tensor(value, kind) if (kind := next(kinds)).startswith("*") else value for value in case.arguments]
    need = Resources(
        registers=128,
        spill_bytes=0,
        shared_bytes=case.shared_bytes,
        threads=128,
        occupancy=0.25,
        limited_by="registers",
    )
    variant = Variant(config="", ttir=text, grid=case.grid, args=(), num_warps=4, num_stages=3)
    seconds, price, seen = [], None, None
    for seed in range(REPEATS):
        module = parse(text)
        begin = time.perf_counter()
        try:
            seen = examine(module, case.grid, args, None, need, target, seed=seed, hollow=True)
        except NotExamined as error:
            return {"largest_s": time.perf_counter() - begin, "not_examined": str(error)}
        work = work_of_counters(seen.counters, sizes=storage_sizes(module, args))
        facts = facts_of(module, work, seen.counters, 1.0, variant, need, target, None, seen)
        price = price_launch(target, facts)
        seconds.append(time.perf_counter() - begin)
    assert price is not None
    assert seen is not None
    return {
        "median_s": round(statistics.median(seconds), 3),
        "largest_s": round(max(seconds), 3),
        "programs": case.grid[0] * case.grid[1] * case.grid[2],
        "share_looked_at": seen.sampled,
        "cache_simulated": seen.cached,
        "modelled_us": round(price.time_us, 1),
        "modelled_bound": price.bound.value,
    }


def _tensor(elements: int, kind: str) -> torch.Tensor:
    typed = torch.empty(0, dtype=TYPES[kind])
    return typed.set_(hollow_storage(elements * typed.element_size()), 0, (elements,), (1,))

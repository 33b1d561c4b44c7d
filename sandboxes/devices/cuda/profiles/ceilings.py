"""What a GPU really reaches: the bandwidths and rates that rooflines are relative to.

A data sheet tells what nobody gets: no copy moves more than some 92 % of the bandwidth on paper, and a product under a
power limit runs at the clocks it is left with. So the GPU at hand is asked: reading and writing much more than the L2
cache holds, reading and writing what stays in it, and large matrix products in each format; the best of several. It
takes a second or two and is kept for this very GPU, its driver and our versions.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Final, Self

import torch

from sandboxes.contracts import Precision, Target
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts, Mark, Prepared
from sandboxes.shelf import Keeper, Kind

FORM: Final = 1
"""Of what is kept; another one is not read."""

LARGE: Final = 8
"""Sizes of the L2 cache that are read, and as many written, so that next to nothing of it stays there."""
SMALL: Final = 0.2
"""Share of the L2 cache that is read, and written; no more, since some GPUs keep every line twice."""
SMALL_REPEATS: Final = 64
"""Passes in a row: the first of them finds the cache cold."""
PRODUCT: Final = {"fp16": 8192, "bf16": 8192, "tf32": 8192, "fp32": 4096, "fp64": 2048}
"""Rows and columns of the square matrices that are multiplied: milliseconds at most on a large GPU."""
DTYPES: Final = {
    "fp16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32, "fp32": torch.float32, "fp64": torch.float64,
}  # fmt: skip
WARMUPS: Final = 3
SAMPLES: Final = 9

LEAST: Final = 0.3
MOST: Final = 1.1
"""Shares of the data sheet between which a ceiling is believed; what is outside is told, and not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What one GPU was measured to reach."""

    dram_gb_per_s: float | None = None
    """Device memory, reads and writes together, 1e9 bytes per second; None if it was not measured, or not believed."""
    l2_gb_per_s: float | None = None
    """L2 cache, likewise."""
    tflops: dict[str, float] = field(default_factory=dict)
    """1e12 operations per second by kind, as `Target.tflops`."""
    doubts: tuple[str, ...] = ()
    """What was measured and not believed, or could not be measured, in words."""

    def applied(self, target: Target) -> Target:
        """Returns the GPU as data, with what was measured in place of the data sheet's."""
        return target.model_copy(
            update={
                "dram_gb_per_s": self.dram_gb_per_s or target.dram_gb_per_s,
                "l2_gb_per_s": self.l2_gb_per_s or target.l2_gb_per_s,
                "tflops": {**target.tflops, **self.tflops},
            }
        )

    def numbers(self) -> dict[str, float]:
        """Returns what was measured by name: `dram_gb_per_s`, `l2_gb_per_s`, and kinds of operations."""
        bandwidths = {"dram_gb_per_s": self.dram_gb_per_s, "l2_gb_per_s": self.l2_gb_per_s}
        return {name: value for name, value in {**bandwidths, **self.tflops}.items() if value is not None}

    @classmethod
    def believed(cls, numbers: dict[str, float], target: Target, failures: tuple[str, ...] = ()) -> Self:
        """Keeps what agrees with the data sheet, and puts the rest into words."""
        doubts = list(failures)
        kept: dict[str, float] = {}
        for name, value in numbers.items():
            paper = {"dram_gb_per_s": target.dram_gb_per_s, "l2_gb_per_s": target.l2_gb_per_s}.get(
                name, target.tflops.get(name)
            )
            if paper is None:
                continue
            share = value / paper
            if LEAST <= share <= MOST:
                kept[name] = value
            else:
                doubts.append(f"{name}: {value:.4g} measured, {share:.0%} of the {paper:g} of {target.title}")
        dram, l2 = kept.pop("dram_gb_per_s", None), kept.pop("l2_gb_per_s", None)
        return cls(dram_gb_per_s=dram, l2_gb_per_s=l2, tflops=kept, doubts=tuple(doubts))


def ceilings_of(gpu: Gpu, target: Target, shelf: Keeper | None = None, *, again: bool = False) -> Ceilings:
    """Returns what this GPU reaches, measured now or read from the shelf; `kernelgym doctor --calibrate` can call it.

    Args:
        gpu: Which is asked; nothing else may run on it.
        target: The GPU as data; what disagrees with it is not used.
        shelf: Where it is kept; None measures anew.
        again: Measure also what is kept.

    Raises:
        GpuError: The GPU failed in a way that leaves no context; running out of memory is a doubt, no error.
        GpuLost: The GPU failed.
    """
    key = _key(gpu.facts)
    kept = None if shelf is None or again else _read(shelf.get(Kind.TIMING, key))
    if kept is not None:
        numbers, failures = kept
        return Ceilings.believed(numbers, target, failures)
    numbers, failures = _measured(gpu)
    if shelf is not None and not failures:  # memory may be there next time
        shelf.put(Kind.TIMING, key, json.dumps({"form": FORM, "numbers": numbers, "failures": failures}).encode())
    return Ceilings.believed(numbers, target, failures)


def _measured(gpu: Gpu) -> tuple[dict[str, float], tuple[str, ...]]:
    """Measures everything; what there is no memory for is named."""
    if gpu.facts.simulated:
        return {}, ("not measured: a simulated GPU reaches what its data sheet says",)
    numbers: dict[str, float] = {}
    failures: list[str] = []
    for name, measure in _probes(gpu):
        try:
            with gpu.faults():
                value = measure()
            if value is None:
                failures.append(f"{name}: not measured, the profiler sees no kernels")
            else:
                numbers[name] = value
        except GpuError as error:
            if error.fault is not GpuFault.OUT_OF_MEMORY:
                raise
            failures.append(f"{name}: not measured, {error.detail}")
    return numbers, tuple(failures)


def _probes(gpu: Gpu) -> Iterator[tuple[str, Callable[[], float | None]]]:
    yield "dram_gb_per_s", partial(_device_memory, gpu)
    yield "l2_gb_per_s", partial(_cache, gpu)
    for kind, size in PRODUCT.items():
        yield kind, partial(_product, gpu, kind, size)


def _device_memory(gpu: Gpu) -> float:
    """Returns the 1e9 bytes per second of reading and writing far more than the cache holds."""
    source, sink = _pair(gpu, LARGE * gpu.facts.l2_bytes)
    return 2 * source.nbytes / (best_us(gpu.prepare(lambda: torch.neg(source, out=sink))) * 1e3)


def _cache(gpu: Gpu) -> float | None:
    """Returns the 1e9 bytes per second of reading and writing what the cache holds; None without a profiler.

    A pass takes a few microseconds, and the gap to the next one counts: so it is the device's word that is taken.
    """
    source, sink = _pair(gpu, int(SMALL * gpu.facts.l2_bytes))

    def work(mark: Mark) -> None:
        with mark(0):
            for _ in range(SMALL_REPEATS):
                torch.neg(source, out=sink)

    passes = sorted(event.duration_us for event in gpu.observe(work) if event.kind == "kernel" and event.node == 0)
    return 2 * source.nbytes / (max(_typical_best(passes), 1e-3) * 1e3) if passes else None


def _pair(gpu: Gpu, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns something to read and somewhere to write, `size` bytes each, rounded down."""
    source, sink = (gpu.memory(size - size % 512).view(torch.float32) for _ in range(2))
    return source.fill_(1.0), sink


def _product(gpu: Gpu, kind: str, size: int) -> float:
    """Returns the 1e12 operations per second of multiplying two square matrices."""
    dtype = DTYPES[kind]
    shape = (size, size)
    # Zeros would be too fast: a chip that has nothing to switch draws less power, and keeps higher clocks.
    first, second = (torch.rand(shape, device=gpu.device).sub_(0.5).to(dtype) for _ in range(2))
    product = torch.empty(shape, dtype=dtype, device=gpu.device)
    with gpu.precision(Precision.TF32 if kind == "tf32" else Precision.FP32):
        prepared = gpu.prepare(lambda: torch.mm(first, second, out=product))
        return 2 * size**3 / (best_us(prepared) * 1e6)


def best_us(prepared: Prepared) -> float:
    """Returns the time of the fastest third: a ceiling is what is reached, not what is usual."""
    for _ in range(WARMUPS):
        prepared.run()
    return max(_typical_best(sorted(prepared.time().device_us for _ in range(SAMPLES))), 1e-3)


def _typical_best(samples: list[float]) -> float:
    """Returns the median of the fastest third of sorted samples."""
    return median(samples[: max(len(samples) // 3, 1)])


def _key(facts: GpuFacts) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(facts.versions.items()))
    return f"ceilings {FORM}: {facts.uuid}, {facts.title}, {facts.multiprocessors} SM, {versions}"


def _read(raw: bytes | None) -> tuple[dict[str, float], tuple[str, ...]] | None:
    """Returns what was kept; None if it is not there, or not what we keep."""
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        if found["form"] != FORM:
            return None
        numbers = {str(name): float(value) for name, value in found["numbers"].items()}
        failures = tuple(str(words) for words in found["failures"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return (numbers, failures) if all(map(math.isfinite, numbers.values())) else None

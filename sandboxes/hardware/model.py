"""The hardware model: how long a node takes on a target that is not there.

Version 0, an analytical model with one roofline per node. A launch runs in waves, as many programs at a time as the
multiprocessors hold (`occupancy`). In each wave these things overlap, none perfectly, so their times are combined with
the p-norm, which is at least their largest:

- device memory: distinct bytes over the bandwidth;
- L2: all requested bytes, and the traffic of spills, over its bandwidth;
- arithmetic: per pipe (tensor cores, FP32, FP64, special functions), on the busiest multiprocessor; a grid smaller
  than the GPU has only its share, and too few warps per multiprocessor can't keep the pipes busy;
- latency (Little's law): a program holds a limited number of bytes in flight, so it needs at least
  bytes / in-flight round trips;
- starting blocks.

A launch takes at least as long as its busiest program alone: other programs can't wait for it elsewhere.

Every launch pays the overhead between two dependent kernels. ATen operators are priced as well-tuned library kernels:
the same rates, without waves.

Reading a number back (`Tensor.item`) also costs `WAIT_US`: the host waits until the GPU is done, and the GPU until the
host launches what comes next.

Not modelled: what the L2 cache keeps from one node to the next, uncoalesced accesses and bank conflicts, divergence,
the shape of the tiles fed to tensor cores, clock throttling, overlap of independent kernels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, prod

from sandboxes.contracts import Bound, Resources, Target
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.work import Work

OVERLAP = 4.0
"""Exponent of the p-norm: two equally long activities take 1.19 times as long as one."""

DRAM_LATENCY_US = 0.65
L2_LATENCY_US = 0.2
"""Round trips under light load; microbenchmarks of A100 and H100 agree within a third."""

INTEGER_SHARE = 0.5
"""FP32 operations that an integer operation of TTIR costs: integers run at a quarter of a peak that counts a fused
multiply-add as two, but most of them are addresses and masks that the compiler shares between vector elements."""

BLOCK_START_US = 0.07
"""Time a multiprocessor needs to start a block: the whole GPU starts one or two per nanosecond."""

IN_FLIGHT_SHARE = 0.5
"""Share of a thread's registers that can wait for loads."""

WAIT_US = 15.0
"""Time that is lost while the host waits for a number, an estimate: copying a few bytes into pageable memory takes
about 8 microseconds, waking the host and launching the next kernel, outside of any CUDA graph, about as long."""

SPILL_PASSES = 8
"""How often spilled bytes are stored or loaded again: spills sit in loops."""

TENSOR_KINDS = ("tf32", "fp16", "bf16", "fp8", "int8")
PIPES = {"tensor": TENSOR_KINDS, "fp32": ("fp32",), "fp64": ("fp64",), "special": ("special",)}
BUSY_WARPS = {"tensor": 4, "fp32": 8, "fp64": 8, "special": 8}
"""Warps per multiprocessor that keep a pipe busy: one per scheduler, two where instructions wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Shares of the vendor's peaks that good kernels reach."""

    dram: float
    l2: float
    pipes: dict[str, float]


TRITON = Efficiency(dram=0.92, l2=0.9, pipes={"tensor": 0.78, "fp32": 0.7, "fp64": 0.7, "special": 0.7})
"""STREAM-like kernels reach 0.90 to 0.93 of the data sheet. With the p-norm, a bf16 GEMM of 8192 comes out at 630
TFLOP/s on H200 with tiles of 128x256 and 530 with 128x128, as published Triton GEMMs do on Hopper. FP32 peaks assume
fused multiply-adds only."""
LIBRARY = Efficiency(dram=0.9, l2=0.9, pipes={"tensor": 0.75, "fp32": 0.8, "fp64": 0.8, "special": 0.7})
"""cuBLAS, cuDNN and PyTorch's own kernels: slightly better at products, slightly worse at streaming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a node costs."""

    time_us: float
    bound: Bound
    roofline_us: float
    """Least time for the same distinct bytes and operations at the vendor's peaks."""
    roofline_fraction: float
    """`roofline_us` over `time_us`, 0 to 1."""
    parts_us: dict[str, float]
    """Time of each activity if it ran alone: `dram`, `l2`, `compute`, `latency`, `start`, `overhead`."""


def price_launch(
    target: Target, work: Work, resources: Resources, grid: tuple[int, int, int], num_stages: int = 2
) -> Price:
    """Prices one Triton launch.

    Args:
        target: The GPU.
        work: Of the whole launch; programs are taken to be alike, but for the busiest.
        resources: Of the compiled kernel.
        grid: Number of programs per axis; an empty grid launches nothing.
        num_stages: Below 2 a program's loads wait for its arithmetic, and only other programs on the same
            multiprocessor fill the gap.
    """
    programs = prod(grid)
    if programs == 0 or work.launches == 0:
        return _free()
    resident = occupancy(target, resources.registers, resources.shared_bytes, resources.threads)
    blocks = max(resident.blocks, 1)
    slots = blocks * target.multiprocessors
    power = OVERLAP if num_stages > 1 else 1 + (OVERLAP - 1) * (1 - 1 / blocks)
    full, rest = divmod(programs, slots)
    total = dict.fromkeys(("dram", "l2", "compute", "latency", "start"), 0.0)
    time_us = 0.0
    for count, size in ((full, slots), (1, rest)):
        if count and size:
            parts = _wave(target, work, resources, programs, size)
            time_us += count * _norm(list(parts.values()), power)
            total = {name: value + count * parts[name] for name, value in total.items()}
    alone = _wave(target, _busiest(work), resources, programs, 1)
    if (longest := _norm(list(alone.values()), power)) > time_us:
        time_us, total = longest, alone
    return _price(target, work, time_us, total)


def _busiest(work: Work) -> Work:
    """Returns the work of a launch whose programs are all as busy as the busiest."""
    return replace(
        work,
        read_bytes=round(work.read_bytes * work.uneven_bytes),
        written_bytes=round(work.written_bytes * work.uneven_bytes),
        requested_bytes=round(work.requested_bytes * work.uneven_bytes),
        flops={kind: round(count * work.uneven_operations) for kind, count in work.flops.items()},
        integer_ops=round(work.integer_ops * work.uneven_operations),
    )


def price_aten(target: Target, work: Work) -> Price:
    """Prices one ATen operator as a tuned library kernel (or several, see `Work.launches`)."""
    if work.launches == 0:
        return _free()
    pipes = {
        pipe: seconds * 1e6 / LIBRARY.pipes[pipe] for pipe, seconds in _pipe_seconds(target, work.flops, 1).items()
    }
    parts = {
        "dram": work.dram_bytes / (target.dram_gb_per_s * 1e3 * LIBRARY.dram),
        "l2": work.requested_bytes / (target.l2_gb_per_s * 1e3 * LIBRARY.l2),
        "compute": _norm(list(pipes.values())),
        "latency": work.launches * DRAM_LATENCY_US,
        "start": work.launches * BLOCK_START_US,
    }
    return _price(target, work, _norm(list(parts.values())), parts)


def roofline_us(target: Target, work: Work) -> float:
    """Returns the least time for these distinct bytes and operations at the vendor's peaks, in microseconds."""
    compute = max(_pipe_seconds(target, work.flops, 1).values()) * 1e6
    return max(work.dram_bytes / (target.dram_gb_per_s * 1e3), compute)


def _wave(target: Target, work: Work, resources: Resources, programs: int, size: int) -> dict[str, float]:
    """Returns how long each activity of a wave of `size` out of `programs` programs takes, in microseconds."""
    share = size / programs
    stacked = ceil(size / target.multiprocessors)
    warps = stacked * resources.threads / target.warp_size
    spilled = 2 * SPILL_PASSES * resources.spill_bytes * resources.threads
    requested = max(work.requested_bytes, work.dram_bytes) / programs + spilled
    issued = {**work.flops, "fp32": work.flops.get("fp32", 0) + int(INTEGER_SHARE * work.integer_ops)}
    pipes = {
        pipe: seconds * 1e6 / (TRITON.pipes[pipe] * min(1.0, warps / BUSY_WARPS[pipe]))
        for pipe, seconds in _pipe_seconds(target, issued, target.multiprocessors).items()
    }
    in_flight = max(resources.shared_bytes, int(resources.threads * resources.registers * 4 * IN_FLIGHT_SHARE), 1)
    return {
        "dram": share * work.dram_bytes / (target.dram_gb_per_s * 1e3 * TRITON.dram),
        "l2": size * requested / (target.l2_gb_per_s * 1e3 * TRITON.l2),
        "compute": stacked / programs * _norm(list(pipes.values())),
        "latency": max(
            DRAM_LATENCY_US * max(1.0, work.read_bytes / programs / in_flight),
            L2_LATENCY_US * max(1.0, requested / in_flight),
        ),
        "start": stacked * BLOCK_START_US,
    }


def _pipe_seconds(target: Target, flops: Mapping[str, int], parts: int) -> dict[str, float]:
    """Returns, per pipe, the seconds that one of `parts` equal parts of the GPU needs at peak rate.

    Raises:
        ValueError: The target's peak rate of a kind is not known.
    """
    seconds = {}
    for pipe, kinds in PIPES.items():
        used = [kind for kind in kinds if flops.get(kind)]
        if missing := [kind for kind in used if not target.tflops.get(kind)]:
            raise ValueError(f"Target `{target.name}` says no peak rate for `{missing[0]}`; add it to `tflops`.")
        seconds[pipe] = parts * sum(flops[kind] / (target.tflops[kind] * 1e12) for kind in used)
    return seconds


def _norm(values: list[float], power: float = OVERLAP) -> float:
    """Returns the p-norm: the largest value, or a bit more if others come close."""
    largest = max(values)
    if largest == 0.0:
        return 0.0
    return float(largest * sum((value / largest) ** power for value in values) ** (1 / power))


def _price(target: Target, work: Work, time_us: float, parts: dict[str, float]) -> Price:
    overhead = work.launches * target.launch_overhead_us + work.waits * WAIT_US
    total = time_us + overhead
    least = roofline_us(target, work)
    return Price(
        time_us=total,
        bound=_bound(parts, overhead),
        roofline_us=least,
        roofline_fraction=min(1.0, least / total),
        parts_us={**parts, "overhead": overhead},
    )


def _bound(parts: dict[str, float], overhead: float) -> Bound:
    groups = {
        Bound.DRAM: parts["dram"],
        Bound.L2: parts["l2"],
        Bound.COMPUTE: parts["compute"],
        Bound.LATENCY: max(parts["latency"], parts["start"]),
        Bound.LAUNCH: overhead,
    }
    return max(groups, key=lambda bound: groups[bound])


def _free() -> Price:
    return Price(time_us=0.0, bound=Bound.LAUNCH, roofline_us=0.0, roofline_fraction=1.0, parts_us={})

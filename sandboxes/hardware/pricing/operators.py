"""How long PyTorch's own operators take: tuned library kernels, each class of them as good as it was seen to be.

A routine (`sandboxes.hardware.routine`) reaches a share of the bandwidth of memory that depends on its class and its
shape, and products what their tiles allow (`products`). The price must neither flatter nor slander PyTorch: everybody
is paid by it. What is known, in shares of the data sheet's bandwidth, launch included:

- Softmax of 4096 rows of float32 on an A100 80GB (2039 GB/s): 1121 GB/s at rows of 1024, 616 at 1152 (another kernel),
  960 at 2048, 1164 at 2944, 1446 at 12672 (outputs of Triton's tutorial 02 as published); on an H100 1721 at 1024,
  625 at 1152, 885 at 1792.
- Layer norm of 4096 rows on an A100: 936 GB/s at 4096, 950 at 8192 (github.com/allenai/OLMo, issue 258); 715 GB/s for
  2048 x 2048 (github.com/ecmwf/WeatherGenerator, issue 1546).
- `t().contiguous()` of 32768 x 8192 bytes on an H100: 1.98 ms, 271 GB/s or 0.08 of the bandwidth, one sector per
  element (github.com/pytorch/pytorch, issue 113560); elements of four bytes move four times as much with it.
- `topk` of 100 in 8192 rows of 128000 float32 on an H20: 19.4 ms (github.com/pytorch/pytorch, pull request 164459).
- KernelBench's times of its level 1 on an H100 SXM, eager, cold cache (github.com/ScalingIntelligence/KernelBench,
  results/timing/H100_Modal/baseline_time_torch.json at 423217d), from which follows: elementwise operators, copies,
  reductions, scans and FP32 products are within 10 % of what this module said before it was compared; a row of softmax
  that does not fit into shared memory is loaded three times; a row of layer norm is the work of 128 threads, 16 bytes
  each, however long it is; a block that collects the statistics of a channel loads 11 GB/s; pools and depthwise
  convolutions are bound by instructions, about 36 for each element of a window (six pools agree within a quarter);
  convolutions in TF32 pay for changing the layout, and those of three channels run in FP32. Transposed convolutions
  with strides or dilation take up to ten times as long as said here.
- STREAM-like kernels: 0.86 to 0.92 on an A100 (github.com/ekondis/mixbench, issue 18).

Whatever is not in this list is an estimate, and so are all bands.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

from sandboxes.contracts import Bound, Target
from sandboxes.hardware.causality import seen_pairs, visited_keys
from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.price import FREE_PRICE, Price, norm
from sandboxes.hardware.pricing.products import (
    ATTENTION_COLUMNS,
    ATTENTION_ROWS,
    ATTENTION_SHARE,
    CONVOLUTION,
    FILL_US,
    OTHER_ATTENTION_SHARE,
    WIDE_ATTENTION,
    plans,
)
from sandboxes.hardware.pricing.roofline import PIPES, TENSOR_KINDS, pipes_us, roofline_us
from sandboxes.hardware.routine import PLAIN, Product, Routine, RoutineKind
from sandboxes.hardware.traffic.caching import USABLE
from sandboxes.hardware.work import Work

STREAMING: Final = {
    RoutineKind.POINTWISE: 1.0, RoutineKind.FILL: 1.0, RoutineKind.COPY: 0.95, RoutineKind.REDUCTION: 0.9,
    RoutineKind.RANDOM: 0.85, RoutineKind.NORMALISATION: 0.61, RoutineKind.BATCH_NORMALISATION: 0.75,
    RoutineKind.GATHER: 0.8, RoutineKind.SCATTER: 0.5, RoutineKind.SORT: 0.28, RoutineKind.SCAN: 0.6,
    RoutineKind.POOLING: 0.9, RoutineKind.SAMPLING: 0.65, RoutineKind.FFT: 0.7, RoutineKind.DEPTHWISE: 0.28,
    RoutineKind.ATTENTION: 0.9,
}  # fmt: skip
"""Bandwidth that a class reaches, over that of simple kernels (`Constants.library_dram_share`)."""

SHORT_ROWS: Final = 1024
SHORT_SOFTMAX: Final = 0.72
"""Softmax of rows that a warp keeps in registers."""
LONG_SOFTMAX: Final = (0.84, 1200)
"""Softmax of longer rows, a block each, in shared memory: the share that it tends to, and the length at which half of
it is reached."""

TRANSPOSING_PER_BYTE: Final = 0.08 / 0.9
MOST_TRANSPOSING: Final = 0.65
"""Copies that can't coalesce both sides: bandwidth by byte of an element, and at most."""

THIN: Final = 16
THIN_SHARE: Final = 1.0
"""Products with so few rows or columns read one factor once and are bound by that: bandwidth of such kernels."""

SHARED_SOFTMAX_BYTES: Final = 48 * 1024
"""Rows of softmax that a block keeps in shared memory: what every block gets without asking for more."""
SOFTMAX_BLOCKS: Final = 2
"""Of 1024 threads on a multiprocessor: longer rows are loaded three times, from the L2 cache if it holds all of those
that blocks work on."""

DEPTHWISE_FMA: Final = 0.05
"""Of the peak: a dozen instructions for each multiply-add."""
POOLING_FMA: Final = 1 / 72
"""Of a peak that counts two operations per multiply-add: 36 instructions for each element of a window, most of them
64-bit indices."""
THIN_FMA: Final = 0.5

BLOCK_BYTES_PER_US: Final = 60_000.0
"""What one block of 512 to 1024 threads loads and stores; a multiprocessor gets at most 64 bytes per clock from L2."""
STATISTICS_BYTES_PER_US: Final = 11_000.0
"""What one block loads that collects the mean and variance of a channel, 512 threads with four bytes at a time."""
LAYER_NORM_BYTES: Final = 2048
"""Of a row, that one block loads at a time: 128 threads, 16 bytes each; once for the statistics, once to apply them."""
LAYER_NORM_BLOCKS: Final = 16
"""That a multiprocessor holds."""

SECTOR_BYTES: Final = 32

BANDS: Final = {
    RoutineKind.POINTWISE: 1.15, RoutineKind.FILL: 1.2, RoutineKind.COPY: 1.2, RoutineKind.REDUCTION: 1.25,
    RoutineKind.SOFTMAX: 1.3, RoutineKind.NORMALISATION: 1.35, RoutineKind.PRODUCT: 1.25, RoutineKind.ATTENTION: 1.4,
    RoutineKind.CONVOLUTION: 1.5, RoutineKind.BATCH_NORMALISATION: 1.5, RoutineKind.TRANSPOSING: 1.5,
}  # fmt: skip
"""Factor by which the truth may be off on either side."""
OTHER_BAND: Final = 1.7
START_BAND_US: Final = 1.0
"""What starting and waiting may be off, by kernel."""


def price_aten(
    target: Target,
    work: Work,
    constants: Constants = DEFAULT,
    *,
    routine: Routine = PLAIN,
    cached_bytes: float = 0.0,
) -> Price:
    """Prices one ATen operator as a tuned library kernel (or several, see `Work.launches`).

    Args:
        target: The GPU.
        work: What it moves and computes.
        constants: Of the model.
        routine: What kind of kernel it is.
        cached_bytes: Of what it reads, what nodes before have left in the L2 cache.

    Raises:
        ValueError: The target's peak rate of a kind of arithmetic is not known.
    """
    if work.launches == 0:
        return FREE_PRICE
    if routine.product is not None and routine.kind in (RoutineKind.PRODUCT, RoutineKind.CONVOLUTION):
        parts = _product(target, work, routine, cached_bytes, constants)
    elif routine.product is not None and routine.kind is RoutineKind.ATTENTION:
        parts = _attention(target, work, routine, cached_bytes, constants)
    else:
        parts = _streaming(target, work, routine, cached_bytes, constants)
    parts[Part.START] = parts.get(Part.START, 0.0) + work.launches * constants.block_start_us
    overhead = work.launches * target.launch_overhead_us + work.waits * constants.wait_us
    around = routine.around_bytes / _dram(target, constants)
    total = together(parts, constants) + around + overhead
    parts[Part.OVERHEAD] = overhead
    parts[Part.DRAM] += around
    least = roofline_us(target, work)
    off = BANDS.get(routine.kind, OTHER_BAND)
    slack = START_BAND_US * work.launches
    return Price(
        time_us=total,
        bound=_bound(parts),
        roofline_us=least,
        roofline_fraction=min(1.0, least / total),
        parts_us=parts,
        band=(max(total - slack, total / 2) / off, total * off + slack),
    )


def together(parts: Mapping[Part, float], constants: Constants) -> float:
    """Returns how long activities take together: all overlap but starting; pipes of arithmetic are one activity."""
    compute = norm(tuple(taken for part, taken in parts.items() if part in PIPES), constants.overlap)
    rest = tuple(taken for part, taken in parts.items() if part not in PIPES and part is not Part.START)
    return norm((*rest, compute), constants.overlap) + parts.get(Part.START, 0.0)


def bandwidth_share(routine: Routine) -> float:
    """Returns the bandwidth that a routine reaches, over that of simple kernels."""
    if routine.kind is RoutineKind.SOFTMAX:
        if routine.row <= SHORT_ROWS:
            return SHORT_SOFTMAX
        if routine.row * routine.element_bytes > SHARED_SOFTMAX_BYTES:
            return 1.0
        most, half = LONG_SOFTMAX
        return most * routine.row / (routine.row + half)
    if routine.kind is RoutineKind.TRANSPOSING:
        return min(TRANSPOSING_PER_BYTE * routine.element_bytes, MOST_TRANSPOSING)
    return STREAMING[routine.kind]


def _streaming(
    target: Target, work: Work, routine: Routine, cached_bytes: float, constants: Constants
) -> dict[Part, float]:
    """Returns the activities of what is bound by memory more often than not."""
    share = bandwidth_share(routine)
    moved, requested = _looked_up_bytes(target, work, routine)
    if routine.kind is RoutineKind.SOFTMAX:
        moved, requested = _softmax_bytes(target, work, routine)
    fma = {RoutineKind.DEPTHWISE: DEPTHWISE_FMA, RoutineKind.POOLING: POOLING_FMA}.get(
        routine.kind, constants.library_fma_share
    )
    shares = {
        Part.TENSOR: constants.library_tensor_share,
        Part.FP32: fma,
        Part.FP64: fma,
        Part.SPECIAL: constants.library_special_share,
    }
    flops = dict(work.flops)
    if routine.kind is RoutineKind.DEPTHWISE:  # no tensor cores: a group has too few channels
        tensor = sum(flops.pop(kind, 0) for kind in TENSOR_KINDS)
        flops["fp32"] = flops.get("fp32", 0) + tensor
    by_block = _block_us(target, moved, routine, constants)
    meeting = 0.0
    if routine.kind is RoutineKind.SCATTER:  # as if indices named all places equally often
        meeting = routine.looked_up / max(routine.table_bytes // max(routine.looked_up_bytes, 1), 1)
    return {
        Part.ATOMICS: meeting * constants.atomic_clocks / target.clock_mhz,
        Part.DRAM: max(moved - cached_bytes, 0.0) / (_dram(target, constants) * share),
        Part.L2: requested / (_l2(target, constants) * share),
        Part.LATENCY: max(work.launches * target.dram_latency_ns * constants.dram_latency_scale / 1e3, by_block),
        **{pipe: taken / shares[pipe] for pipe, taken in pipes_us(target, flops).items()},
    }


def _block_us(target: Target, moved: float, routine: Routine, constants: Constants) -> float:
    """Returns how long a block needs that works alone on its rows, all of them together."""
    if not routine.blocks:
        return 0.0
    if routine.kind is RoutineKind.BATCH_NORMALISATION:
        return routine.row * routine.element_bytes / STATISTICS_BYTES_PER_US
    if routine.kind is RoutineKind.NORMALISATION and routine.row:
        turns = ceil(routine.blocks / (target.multiprocessors * LAYER_NORM_BLOCKS))
        trips = 2 * turns * ceil(routine.row * routine.element_bytes / LAYER_NORM_BYTES)
        return trips * target.dram_latency_ns * constants.dram_latency_scale / 1e3
    return moved / routine.blocks / BLOCK_BYTES_PER_US


def _softmax_bytes(target: Target, work: Work, routine: Routine) -> tuple[float, float]:
    """Returns what device memory and the L2 cache move for softmax."""
    row_bytes = routine.row * routine.element_bytes
    requested = float(max(work.requested_bytes, work.dram_bytes))
    if row_bytes <= SHARED_SOFTMAX_BYTES:
        return float(work.dram_bytes), requested
    held = min(routine.blocks, target.multiprocessors * SOFTMAX_BLOCKS) * row_bytes
    missing = min(max(held / (USABLE * target.l2_mib * 2**20) - 1.0, 0.0), 1.0)
    return work.dram_bytes + 2.0 * work.read_bytes * missing, requested + 2.0 * work.read_bytes


def _looked_up_bytes(target: Target, work: Work, routine: Routine) -> tuple[float, float]:
    """Returns what device memory and the L2 cache move: indices name places, and each place costs whole sectors."""
    requested = max(work.requested_bytes, work.dram_bytes)
    if not routine.looked_up:
        return float(work.dram_bytes), float(requested)
    each = -(-routine.looked_up_bytes // SECTOR_BYTES) * SECTOR_BYTES
    ideal, real = float(routine.looked_up * routine.looked_up_bytes), float(routine.looked_up * each)
    kept = routine.table_bytes <= target.l2_mib * 2**20 / 2
    moved = min(real, routine.table_bytes) if kept else real
    more = max(moved - min(ideal, routine.table_bytes), 0.0)
    passes = 2 if routine.kind is RoutineKind.SCATTER else 1
    return work.dram_bytes + passes * more, requested + passes * (real - ideal)


def _product(
    target: Target, work: Work, routine: Routine, cached_bytes: float, constants: Constants
) -> dict[Part, float]:
    """Returns the activities of the cheapest way to do a product."""
    product = routine.product
    assert product is not None
    bytes_ = max(work.dram_bytes - cached_bytes, 0.0)
    thin = min(product.rows, product.columns) <= THIN
    dram_share = constants.library_dram_share * (THIN_SHARE if thin else 1.0)
    if min(product.rows, product.columns) == 1:
        pipes = pipes_us(target, {"fp64" if product.kind == "fp64" else "fp32": float(work.total_flops)})
        return {
            Part.DRAM: bytes_ / (target.dram_gb_per_s * 1e3 * dram_share),
            Part.L2: work.requested_bytes / _l2(target, constants),
            Part.START: FILL_US,
            **{pipe: taken / THIN_FMA for pipe, taken in pipes.items()},
        }
    found = [
        plan.parts_us for plan in plans(target, product, bytes_, dram_share, constants.library_l2_share)
    ]  # fmt: skip
    best = min(found, key=lambda parts: together(parts, constants))
    if routine.kind is RoutineKind.CONVOLUTION:
        return {part: taken / CONVOLUTION if part in PIPES else taken for part, taken in best.items()}
    return dict(best)


def _attention(
    target: Target, work: Work, routine: Routine, cached_bytes: float, constants: Constants
) -> dict[Part, float]:
    """Returns the activities of flash attention: blocks of queries, each with all keys it may see."""
    product = routine.product
    assert product is not None
    heads, rows = max(product.batch, 1), max(product.rows, 1)
    whole = [product.columns] * ceil(rows / ATTENTION_ROWS)
    visited = visited_keys(rows, product.columns, ATTENTION_ROWS, ATTENTION_COLUMNS) if product.causal else whole
    share = ATTENTION_SHARE.get(target.arch, OTHER_ATTENTION_SHARE)
    if product.kind in ("tf32", "fp32", "fp64"):
        share *= WIDE_ATTENTION
    more = _more_attention(target, product, heads, visited)
    pipes = {pipe: taken * more / share for pipe, taken in pipes_us(target, work.flops).items()}
    keys = heads * sum(visited) * product.depth * product.element_bytes
    return {
        Part.DRAM: max(work.dram_bytes - cached_bytes, 0.0) / _dram(target, constants),
        Part.L2: (2.0 * keys + work.dram_bytes) / _l2(target, constants),
        Part.START: FILL_US,
        **pipes,
    }


def _more_attention(target: Target, product: Product, heads: int, visited: Sequence[int]) -> float:
    """Returns how much longer attention takes than if every multiprocessor had an equal share of the arithmetic.

    Blocks are padded to whole tiles. Equal ones run in waves; unequal ones start with the longest (FlashAttention-3
    does so for causal masks, Shah et al. 2024, arXiv:2407.08608), and short ones fill the gaps.
    """
    pairs = product.rows * product.columns
    if not visited or not pairs:
        return 1.0
    blocks = heads * len(visited)
    padded = sum(visited) * ATTENTION_ROWS
    if not product.causal:
        return ceil(blocks / target.multiprocessors) * target.multiprocessors / blocks * padded / pairs
    longest = max(visited) * target.multiprocessors / (heads * sum(visited))
    return max(longest, 1.0) * padded / seen_pairs(product.rows, product.columns)


def _dram(target: Target, constants: Constants) -> float:
    return target.dram_gb_per_s * 1e3 * constants.library_dram_share


def _l2(target: Target, constants: Constants) -> float:
    return target.l2_gb_per_s * 1e3 * constants.library_l2_share


def _bound(parts: Mapping[Part, float]) -> Bound:
    """Returns what takes longest."""
    groups = {
        Bound.DRAM: parts[Part.DRAM],
        Bound.L2: parts[Part.L2],
        Bound.ATOMICS: parts.get(Part.ATOMICS, 0.0),
        Bound.COMPUTE: max((taken for part, taken in parts.items() if part in PIPES), default=0.0),
        Bound.LATENCY: max(parts.get(Part.LATENCY, 0.0), parts[Part.START]),
        Bound.LAUNCH: parts[Part.OVERHEAD],
    }
    return max(groups, key=lambda bound: groups[bound])

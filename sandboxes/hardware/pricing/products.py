"""How long libraries take for matrix products, from shapes: tiles, waves of them, split depths.

cuBLAS and cuDNN hold kernels of many tile sizes and choose by heuristics that are right most of the time. So the model
prices a dozen tiles, each with several ways to split the depth, and takes the cheapest. What differs from one target to
the next is the share of the peak that the best tile reaches on a large product:

- H100: `torch.matmul` of PyTorch 2.7 on an H100 SXM reaches 645 to 677 TFLOP/s at 2048, 760 to 789 at 4096 and 736
  to 798 at 8192 in half types, 335, 402 and 372 in TF32, 50 to 52 in FP32
  (github.com/zzc0721/torch-performance-test-data, issue 79). Others measured 716 at 8192 in bfloat16.
- A100: cuBLAS reaches 18.9 of 19.5 TFLOP/s in FP32 (github.com/Yinghan-Li/YHs_Sample, issue 4).
- Flash attention, forward, head dimension 128: FlashAttention-2 reaches 370 TFLOP/s on H100 (Shah et al. 2024,
  arXiv:2407.08608, figure 5), and `scaled_dot_product_attention` around 300 (github.com/pytorch/benchmark, pull request
  2296); 200 on A100 (Dao 2023, arXiv:2307.08691).

Factors whose rows do not begin at multiples of 16 bytes need narrow loads: bfloat16 products on an RTX 4090 fall from
156 to about 110 TFLOP/s (github.com/pytorch/pytorch, issue 181718).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt

from sandboxes.contracts import Target
from sandboxes.hardware.facts import Part
from sandboxes.hardware.routine import Product

TENSOR_KINDS = frozenset({"tf32", "fp16", "bf16", "fp8", "int8"})

TENSOR_SHARE = {"80": 0.9, "89": 0.85, "90": 0.82, "100": 0.78, "gfx942": 0.55}
"""Share of the tensor cores' peak in the loop of the best tile, by architecture: H100 as above; A100 and L40S have more
bandwidth per operation and throttle less, an estimate; B200 and MI300X estimates."""
OTHER_TENSOR_SHARE = 0.8
VECTOR_SHARE = {"80": 0.97, "90": 0.8}
"""The same for products without tensor cores (FP32, FP64)."""
OTHER_VECTOR_SHARE = 0.85

TILES = {
    (256, 128): 1.0, (128, 256): 1.0, (128, 128): 0.92, (256, 64): 0.85, (64, 256): 0.85, (128, 64): 0.8,
    (64, 128): 0.8, (64, 64): 0.65, (32, 128): 0.45, (128, 32): 0.45, (64, 32): 0.4, (32, 64): 0.4, (16, 64): 0.25,
    (64, 16): 0.25,
}  # fmt: skip
"""Rows and columns of an output tile, and which share of the best tile's rate a multiprocessor reaches with it: small
tiles use each loaded element less often and start and end more often (NVIDIA's "Matrix Multiplication Background User's
Guide", section on tile quantisation, has the same order; the numbers are estimates)."""
SPLITS = (1, 2, 4, 8, 16, 32)
"""Parts of the depth that are summed afterwards, to fill a GPU with few tiles."""
LEAST_DEPTH = 128
"""Of a part."""

MISALIGNED = 0.7
"""Share of the tensor cores' rate that remains where rows are not aligned."""
MISALIGNED_VECTOR = 0.85
"""The same without tensor cores: 45 TFLOP/s of 53 for 8205 x 2949 x 5921 in FP32 on H100 (KernelBench, see
`operators`)."""
CONVOLUTION = 0.7
"""Of a product's rate, for windows that are gathered from an image (KernelBench: 0.6 to 0.8 with 32 channels and more,
without what changing the layout takes). cuDNN in channels-last half types is near products for many channels."""
ATTENTION_SHARE = {"80": 0.65, "89": 0.6, "90": 0.37, "100": 0.25, "gfx942": 0.3}
"""Share of the peak of flash attention's forward pass; B200 (written for Ampere), L40S and MI300X are estimates."""
OTHER_ATTENTION_SHARE = 0.35
WIDE_ATTENTION = 0.6
"""Of that, with float32: the memory-efficient kernel of PyTorch; an estimate."""
ATTENTION_ROWS = 128
"""Rows of queries of a block."""
ATTENTION_COLUMNS = 128
"""Keys that it visits at a time (FlashAttention-2 at head dimension 64; 64 at 128, which wastes less: an estimate)."""

FILL_US = 1.2
"""First loads and last stores of a tile, which nothing overlaps; latencies of device memory and a barrier or two."""
NEXT_TILE_US = 0.3
"""The same for each further tile of a multiprocessor; mostly overlapped."""
REDUCE_US = 1.5
"""A second kernel that sums the parts of a split depth, without its traffic."""
SHARED_PANELS = 2
"""Neighbouring tiles that load a panel together since Hopper (multicast within a cluster of two)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to do a product."""

    tile: tuple[int, int]
    split: int
    parts_us: dict[Part, float]
    """As `Price.parts_us`, without what every launch pays."""


def plans(target: Target, product: Product, dram_bytes: float, dram_share: float, l2_share: float) -> Iterator[Plan]:
    """Yields the ways in which a library may do a product.

    Args:
        target: The GPU.
        product: Its shape.
        dram_bytes: What it has to read and write at least, without what the cache has.
        dram_share: Share of the bandwidth of device memory that libraries reach.
        l2_share: The same of the L2 cache.
    """
    splits = [split for split in SPLITS if split == 1 or product.depth >= split * LEAST_DEPTH]
    for tile, share in TILES.items():
        for split in splits:
            yield _plan(target, product, tile, share, split, dram_bytes, dram_share, l2_share)


def _plan(
    target: Target,
    product: Product,
    tile: tuple[int, int],
    share: float,
    split: int,
    dram_bytes: float,
    dram_share: float,
    l2_share: float,
) -> Plan:
    rows, columns = tile
    depth = ceil(product.depth / split)
    tiles = ceil(product.rows / rows) * ceil(product.columns / columns) * product.batch * split
    stacked = ceil(tiles / target.multiprocessors)
    tensor = product.kind in TENSOR_KINDS
    flops = 2.0 * rows * columns * _padded(depth, 16 if tensor else 1) * product.saved
    rate = per_multiprocessor(target, product) * share
    loaded = _loaded(target, tile) * depth * product.element_bytes
    summed = 2.0 * split * product.rows * product.columns * product.batch * 4 if split > 1 else 0.0
    l2_rate = target.l2_gb_per_s * 1e3 * l2_share
    dram_rate = target.dram_gb_per_s * 1e3 * dram_share
    made = float(product.rows * product.columns * product.batch * product.element_bytes)
    storing = (
        0.0 if tensor else min(made, dram_bytes) / dram_rate
    )  # pipes wait while a tile is stored (KernelBench 7, 9)
    panels = _panel_bytes(target, product, tile, tiles)
    return Plan(
        tile=tile,
        split=split,
        parts_us={
            Part.DRAM: max(dram_bytes, panels) / dram_rate,
            Part.L2: max(
                stacked * loaded * target.multiprocessors, tiles * loaded
            ) / l2_rate + summed / l2_rate,
            (Part.TENSOR if tensor else Part.FP64 if product.kind == "fp64" else Part.FP32): (
                stacked * flops / rate + storing
            ),
            Part.LATENCY: (stacked - 1) * NEXT_TILE_US,
            Part.START: FILL_US + (REDUCE_US if split > 1 else 0.0),
        },
    )  # fmt: skip


def per_multiprocessor(target: Target, product: Product) -> float:
    """Returns the operations per microsecond of one multiprocessor in the loop of the best tile.

    Raises:
        ValueError: The target's peak rate of the product's kind is not known.
    """
    peak = target.tflops.get(product.kind)
    if not peak:
        raise ValueError(f"Target `{target.name}` says no peak rate for `{product.kind}`; add it to `tflops`.")
    shares, other = (
        (TENSOR_SHARE, OTHER_TENSOR_SHARE) if product.kind in TENSOR_KINDS else (VECTOR_SHARE, OTHER_VECTOR_SHARE)
    )
    misaligned = MISALIGNED if product.kind in TENSOR_KINDS else MISALIGNED_VECTOR
    share = shares.get(target.arch, other) * (1.0 if product.aligned else misaligned)
    return peak * 1e6 * share / target.multiprocessors


def _padded(size: int, step: int) -> int:
    return -(-size // step) * step


def _loaded(target: Target, tile: tuple[int, int]) -> float:
    """Returns how many elements per step of depth a tile asks the L2 cache for."""
    rows, columns = tile
    newer = target.backend == "cuda" and int(target.arch) >= 90
    return min(rows, columns) + max(rows, columns) / (SHARED_PANELS if newer else 1)


def _panel_bytes(target: Target, product: Product, tile: tuple[int, int], tiles: int) -> float:
    """Returns what device memory moves if a wave of tiles, arranged as a square, loads its panels anew.

    Nothing if both factors stay in the cache: then they are read once.
    """
    factors = product.batch * (product.rows + product.columns) * product.depth * product.element_bytes
    if factors <= target.l2_mib * 2**20 / 2 or product.batch > 1:
        return 0.0
    waves = tiles / target.multiprocessors
    side = sqrt(target.multiprocessors * tile[0] * tile[1])
    panels = min(side, product.rows) + min(side, product.columns)
    return max(waves, 1.0) * panels * product.depth * product.element_bytes

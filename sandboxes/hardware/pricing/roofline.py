"""The least time that work takes at the vendor's peaks."""

from collections.abc import Mapping
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.facts import Part
from sandboxes.hardware.work import Work

TENSOR_KINDS: Final = ("tf32", "fp16", "bf16", "fp8", "int8")
PIPES: Final = {
    Part.TENSOR: TENSOR_KINDS,
    Part.FP32: ("fp32",),
    Part.FP64: ("fp64",),
    Part.SPECIAL: ("special",),
}
"""Which kinds of `Work.flops` a pipe computes."""


def pipes_us(target: Target, flops: Mapping[str, float]) -> dict[Part, float]:
    """Returns, per pipe, the microseconds that the whole GPU needs at peak rate.

    Raises:
        ValueError: The target's peak rate of a kind is not known.
    """
    taken: dict[Part, float] = {}
    for pipe, kinds in PIPES.items():
        used = [kind for kind in kinds if flops.get(kind)]
        if missing := [kind for kind in used if not target.tflops.get(kind)]:
            raise ValueError(f"Target `{target.name}` says no peak rate for `{missing[0]}`; add it to `tflops`.")
        taken[pipe] = sum(flops[kind] / (target.tflops[kind] * 1e6) for kind in used)
    return taken


def roofline_us(target: Target, work: Work) -> float:
    """Returns the least time for these distinct bytes and operations at the vendor's peaks, in microseconds."""
    return cached_roofline_us(target, work, 0.0)


def cached_roofline_us(target: Target, work: Work, cached_bytes: float) -> float:
    """Returns the roofline of work that finds some of what it reads in the L2 cache."""
    moved = max(work.dram_bytes - cached_bytes, 0.0)
    return max(moved / (target.dram_gb_per_s * 1e3), *pipes_us(target, work.flops).values())

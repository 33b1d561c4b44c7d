"""What arithmetic costs: which unit computes it, at which share of its peak, and how many programs keep it busy."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.facts import DotFacts, LaunchFacts, Part, Unit
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.hardware.pricing.roofline import TENSOR_KINDS, pipes_us

QUARTERS: Final = 4
"""Of a multiprocessor, each with its own scheduler and tensor core."""
GROUP_WARPS: Final = 4
"""Warps that issue a `wgmma` together."""
ELEMENT_BYTES: Final = {"tf32": 4, "fp16": 2, "bf16": 2, "fp8": 1, "int8": 1}
"""Of the operands of products."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """Of a whole launch."""

    pipes_us: Mapping[Part, float]
    """Of the whole GPU, every multiprocessor kept busy."""
    tensor_fill: float
    """Share of a multiprocessor's tensor cores that one program can keep busy; above 1 it has some to spare."""
    lines_us: Mapping[int, float]
    """Of tensor cores, by line."""


def best_unit(target: Target) -> Unit:
    """Returns the unit whose rates are the target's."""
    if target.backend == "hip":
        return Unit.MFMA
    digits = "".join(filter(str.isdigit, target.arch))
    generation = int(digits or 0) // 10
    return {9: Unit.WGMMA, 10: Unit.TCGEN05, 11: Unit.TCGEN05}.get(generation, Unit.MMA)


def unit_share(target: Target, unit: Unit, constants: Constants) -> float:
    """Returns the share of the target's peak that products by `unit` reach."""
    best = best_unit(target)
    if unit is Unit.MMA and best is Unit.WGMMA:
        return constants.mma_on_hopper
    if unit is Unit.MMA and best is Unit.TCGEN05:
        return constants.mma_on_blackwell
    return 1.0


def arithmetic(target: Target, facts: LaunchFacts, constants: Constants) -> Arithmetic:
    """Returns what the arithmetic of a launch costs.

    Products that nobody looked at run on the best unit that their warps may use; those on `Unit.FMA` on the FP32 pipe.

    Raises:
        ValueError: The target's peak rate of a kind is not known.
    """
    flops: dict[str, float] = dict(facts.work.flops)
    warps = max(facts.resources.threads / target.warp_size, 1.0)
    best = best_unit(target)
    tensor_us, filled = 0.0, 0.0
    lines: dict[int, float] = {}
    for dot in facts.dots:
        if dot.kind not in TENSOR_KINDS:
            continue
        taken = min(dot.flops, flops.get(dot.kind, 0.0))
        flops[dot.kind] = flops.get(dot.kind, 0.0) - taken
        if dot.unit is Unit.FMA:
            flops["fp32"] = flops.get("fp32", 0.0) + taken
            continue
        peak_us = pipes_us(target, {dot.kind: taken})[Part.TENSOR]
        spent = peak_us / (unit_share(target, dot.unit, constants) * _dot_share(target, dot, warps))
        lines[dot.line] = lines.get(dot.line, 0.0) + spent
        tensor_us += spent
        filled += spent * _fill(dot, warps, constants)
    flops["fp32"] = flops.get("fp32", 0.0) + constants.integer_share * facts.work.integer_ops
    pipes = pipes_us(target, flops)
    eligible = best not in (Unit.WGMMA, Unit.TCGEN05) or warps >= GROUP_WARPS
    rest = pipes[Part.TENSOR] / unit_share(target, best if eligible else Unit.MMA, constants)
    tensor_us, filled = tensor_us + rest, filled + rest * warps / QUARTERS
    shares = {Part.TENSOR: constants.tensor_share}
    return Arithmetic(
        pipes_us={
            pipe: taken / shares.get(pipe, constants.pipe_share)
            for pipe, taken in (pipes | {Part.TENSOR: tensor_us}).items()
        },
        tensor_fill=filled / tensor_us if tensor_us else 1.0,
        lines_us=lines,
    )


def _dot_share(target: Target, dot: DotFacts, warps: float) -> float:
    """Returns the share of its unit's rate that a product reaches because of its shape.

    More warps than pieces of the tile compute the same piece twice. What reads operands from shared memory waits for
    them if an instruction does too little with them: below 64 columns for `wgmma` in 16-bit types, as Luo measures.
    """
    rows, columns, depth = dot.instruction
    if rows * columns * depth <= 0:
        return 1.0
    asynchronous = dot.unit in (Unit.WGMMA, Unit.TCGEN05)
    pieces = ceil(dot.tile[0] / rows) * ceil(dot.tile[1] / columns)
    share = min(1.0, pieces / max(warps / GROUP_WARPS if asynchronous else warps, 1.0))
    if not asynchronous:
        return share
    width = ELEMENT_BYTES.get(dot.kind, 2)
    per_clock = target.tflops[dot.kind] * 1e6 / (target.multiprocessors * target.clock_mhz)
    computing = 2 * rows * columns * depth / per_clock
    reading = (rows + columns) * depth * width / target.shared_bytes_per_clock
    return share * min(1.0, computing / reading)


def _fill(dot: DotFacts, warps: float, constants: Constants) -> float:
    """Returns the share of a multiprocessor's tensor cores that one program keeps busy with a product."""
    rows, columns, _ = dot.instruction
    if dot.unit is not Unit.MMA or rows * columns <= 0:
        return warps / QUARTERS
    pieces = ceil(dot.tile[0] / rows) * ceil(dot.tile[1] / columns)
    return min(warps / QUARTERS, pieces / (QUARTERS * constants.mma_in_flight))

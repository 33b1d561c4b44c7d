"""The least time in which a GPU can do what a program was seen to do: what is faster than that was not measured.

It is a bound, not an estimate, and must never be above what an honest program takes. So it counts only what can't be
avoided and can't be hidden:

- reads of inputs and weights by the candidate's own kernels, each byte once, as far as L2 can't have kept it: before
  each run it was flushed with twice its size, but no replacement is perfect;
- what the kernels write and L2 can't hold;
- matrix products on tensor cores: other arithmetic may be merged, hoisted or left out by the compiler.

Operators of PyTorch count for nothing: libraries know algorithms with less arithmetic, and read only what they need.
Of kernels that were sampled, those count, by half, whose sampled programs were all as busy; how much the others do may
depend on data. And the GPU is given more than it can: its highest clock, and memory a little faster than on paper.
"""

from collections.abc import Mapping
from math import prod
from typing import Final

from sandboxes.contracts import Clocks, Descriptor, Launch, Target, TensorRef
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.launching import Launched
from sandboxes.hardware.pricing import TENSOR_KINDS
from sandboxes.ttir import parse

KEPT_SHARE: Final = 0.25
"""Of L2: what a flush may leave of an earlier run."""

FASTER: Final = 1.1
"""Than on paper: bandwidth, and rates at the highest clock."""

OVERCLOCKED: Final = 1.25
"""Highest clock over that of the data sheet, where NVML does not say."""

SAMPLED_SHARE: Final = 0.5
EVEN: Final = 1.01
"""Busiest sampled program over the average one up to which all do the same."""


def floor_us(
    program: Program,
    choice: Choice,
    launched: Mapping[int, Launched],
    target: Target,
    clocks: Clocks | None,
    *,
    cold: bool = True,
) -> float:
    """Returns the least time of a program on a GPU, in microseconds; 0 if nothing is known for sure.

    Args:
        program: What was timed.
        choice: Which variants.
        launched: What the CPU executor counted, by node.
        target: The GPU as data.
        clocks: Of the GPU; None if they can't be read.
        cold: L2 was flushed before each run.
    """
    read: dict[int, float] = {}
    written: dict[int, float] = {}
    tensor_s = 0.0
    for index, node in enumerate(program.trace.nodes):
        if not isinstance(node, Launch) or (counted := launched.get(index)) is None or not (share := _share(counted)):
            continue
        for kind, count in counted.work.flops.items():
            if kind in TENSOR_KINDS and target.tflops.get(kind):
                tensor_s += share * count / (target.tflops[kind] * 1e12)
        for storage, (loaded, stored) in _traffic(program, index, node, choice.get(index, 0), counted).items():
            if storage in program.flow.input_storages | program.flow.constant_storages:
                read[storage] = max(read.get(storage, 0.0), share * loaded)
            written[storage] = max(written.get(storage, 0.0), share * stored)
    l2 = target.l2_mib * 2**20
    moved = max(sum(read.values()) - (KEPT_SHARE if cold else 1.0) * l2, 0.0) + max(sum(written.values()) - l2, 0.0)
    clock = clocks.most_sm_mhz / target.clock_mhz if clocks is not None and clocks.most_sm_mhz else OVERCLOCKED
    memory_us = moved / (target.dram_gb_per_s * 1e3)
    return max(memory_us, tensor_s * 1e6 / max(clock, 1.0)) / FASTER


def _share(counted: Launched) -> float:
    """Returns how much of what was counted is sure."""
    if counted.scale == 1.0:
        return 1.0
    return SAMPLED_SHARE if max(counted.work.uneven_bytes, counted.work.uneven_operations) <= EVEN else 0.0


def _traffic(
    program: Program, index: int, node: Launch, number: int, counted: Launched
) -> dict[int, tuple[float, float]]:
    """Returns distinct bytes loaded and stored by storage, no more than its tensor has."""
    variant = node.variants[number]
    if not prod(variant.grid):
        return {}
    found: dict[int, tuple[float, float]] = {}
    counts = counted.execution.counters.arguments
    for parameter, argument in zip(parse(variant.ttir).kernel.parameters, variant.args, strict=True):
        base = argument.base if isinstance(argument, Descriptor) else argument
        if not isinstance(base, TensorRef) or (count := counts.get(parameter.name)) is None:
            continue
        storage, size = program.flow.storage[base.id], program.trace.values[base.id].bytes
        before = found.get(storage, (0.0, 0.0))
        found[storage] = (
            max(before[0], min(count.unique_bytes_loaded * counted.scale, size)),
            max(before[1], min(count.unique_bytes_stored * counted.scale, size)),
        )
    return found

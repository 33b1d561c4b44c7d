"""How much time a device loses between two kernels that depend on each other: `Target.launch_overhead_us`.

Kernels that have next to nothing to do follow each other in a CUDA graph; twice as many take longer by as many gaps,
whatever a graph costs at its start. What such a kernel itself takes is not the gap's: a trip to the L2 cache for its
load and one for its store.
"""

from collections.abc import Callable
from typing import Final

import torch

from sandboxes.contracts import Target
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.profiles.ceilings import best_us

FEW: Final = 200
MANY: Final = 400
"""Kernels in a graph."""
ELEMENTS: Final = 1024
"""What a kernel reads and writes: one block's worth."""
LEAST_US: Final = 0.2
MOST_US: Final = 20.0
"""Between which a gap is believed: below, the kernels ran beside each other; above, no graph was captured."""


def launch_gap_us(gpu: Gpu, target: Target) -> float | None:
    """Returns the microseconds between two dependent kernels; None if what is measured can't be that.

    Args:
        gpu: Which is asked; nothing else may run on it.
        target: Its data sheet: how long a trip to the L2 cache takes.

    Raises:
        GpuError: The GPU failed in a way that leaves no context.
    """
    try:
        with gpu.faults():
            values = gpu.memory(4 * ELEMENTS).view(torch.float32).fill_(1.0)
            few_us, many_us = (best_us(gpu.prepare(_chain(values, length))) for length in (FEW, MANY))
    except GpuError as error:
        if error.fault is not GpuFault.OUT_OF_MEMORY:
            raise
        return None
    gap_us = (many_us - few_us) / (MANY - FEW) - 2 * target.l2_latency_ns / 1e3
    return gap_us if LEAST_US <= gap_us <= MOST_US else None


def _chain(values: torch.Tensor, length: int) -> Callable[[], None]:
    """Returns work of many kernels, each of which needs what the one before wrote."""

    def work() -> None:
        for _ in range(length):
            torch.neg(values, out=values)

    return work

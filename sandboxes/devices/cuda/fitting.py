"""A target as the GPU at hand really is: a slice of one (MIG), or a board with fewer or more multiprocessors.

What times are compared with (floors, rooflines, what a ceiling may be) has to be this GPU's. What verdicts depend on
stays the whole target's, as on a machine without a GPU.
"""

from math import ceil
from typing import Final

from sandboxes.contracts import Target
from sandboxes.devices.cuda.gpu import GpuFacts
from sandboxes.devices.cuda.real.libcuda import is_slice

SLICES: Final = 8
"""Parts that MIG divides memory into, and its bandwidth and the L2 cache with it."""


def fitted(target: Target, facts: GpuFacts) -> Target:
    """Returns a target with the rates that a GPU of its kind has, by what the driver says of this one.

    Arithmetic goes with the number of multiprocessors. Of a slice, bandwidths go with its share of the memory, rounded
    up to whole parts, since the driver keeps some of it: a floor must not be too high. The bandwidth of a whole board
    nobody tells; it stays the target's.
    """
    share = facts.multiprocessors / target.multiprocessors
    changes: dict[str, object] = {}
    if share != 1.0:
        changes["multiprocessors"] = facts.multiprocessors
        changes["tflops"] = {kind: rate * share for kind, rate in target.tflops.items()}
    if is_slice(facts.title):
        parts = min(max(ceil(SLICES * facts.memory_bytes / (target.memory_gib * 2**30)), 1), SLICES)
        changes["memory_gib"] = facts.memory_bytes / 2**30
        changes["dram_gb_per_s"] = target.dram_gb_per_s * parts / SLICES
        changes["l2_gb_per_s"] = target.l2_gb_per_s * parts / SLICES
        changes["l2_mib"] = facts.l2_bytes / 2**20
    return target.model_copy(update=changes) if changes else target

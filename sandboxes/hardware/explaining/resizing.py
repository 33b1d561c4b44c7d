"""Other needs of a kernel, and the occupancy that follows."""

from typing import Final

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.occupancy import occupancy

STREAMING_REGISTERS: Final = 32
STREAMING_THREADS: Final = 128
"""Of a kernel that only streams: what Triton needs for pointwise kernels of 1024 elements with four warps."""


def resized(target: Target, needs: Resources, *, registers: int, shared: int, threads: int) -> Resources | None:
    """Returns the same kernel with other needs; None if the target can't run it."""
    if registers > target.registers_per_thread:
        return None
    found = occupancy(target, registers, shared, threads)
    if found.blocks == 0:
        return None
    return needs.model_copy(
        update={
            "registers": registers,
            "shared_bytes": shared,
            "threads": threads,
            "occupancy": found.fraction,
            "limited_by": found.limited_by,
        }
    )


def streaming(target: Target) -> Resources:
    """Returns what a kernel needs that only streams, at full occupancy."""
    found = occupancy(target, STREAMING_REGISTERS, 0, STREAMING_THREADS)
    return Resources(
        registers=STREAMING_REGISTERS,
        spill_bytes=0,
        shared_bytes=0,
        threads=STREAMING_THREADS,
        occupancy=found.fraction,
        limited_by=found.limited_by,
    )

"""How many blocks of a kernel a multiprocessor holds at once, and what stands in the way of more.

The arithmetic of NVIDIA's occupancy calculator for compute capability 8.0 to 10.0: registers are allocated per warp
in chunks of 256, shared memory per block in chunks of 128 bytes, and the system keeps 1 KiB of shared memory per block.
"""

from dataclasses import dataclass

from sandboxes.contracts import Target

REGISTER_CHUNK = 256
SHARED_CHUNK = 128
RESERVED_SHARED = 1024
SCHEDULERS = 4
"""Per multiprocessor; each owns a quarter of the register file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """What a multiprocessor holds of one kernel."""

    blocks: int
    """Resident blocks; 0 if not even one fits."""
    fraction: float
    """Resident warps over the most a multiprocessor holds, 0 to 1."""
    limited_by: str
    """`registers`, `shared memory`, `threads`, `blocks` or `nothing` (full)."""


def _up(value: int, chunk: int) -> int:
    return -(-value // chunk) * chunk


def occupancy(target: Target, registers: int, shared_bytes: int, threads: int) -> Occupancy:
    """Returns how many blocks fit on one multiprocessor of `target`.

    Args:
        target: The GPU.
        registers: 32-bit registers per thread.
        shared_bytes: Shared memory per block, without what the system reserves.
        threads: Threads per block.
    """
    warps = -(-max(threads, 1) // target.warp_size)
    most_warps = target.threads_per_multiprocessor // target.warp_size
    per_warp = _up(max(registers, 1) * target.warp_size, REGISTER_CHUNK)
    register_warps = target.registers_per_multiprocessor // SCHEDULERS // per_warp * SCHEDULERS
    if registers > target.registers_per_thread:
        register_warps = 0
    shared = _up(shared_bytes + RESERVED_SHARED, SHARED_CHUNK)
    fits = {
        "registers": register_warps // warps,
        "shared memory": 0 if shared_bytes > target.shared_per_block else target.shared_per_multiprocessor // shared,
        "threads": 0 if threads > target.threads_per_block else most_warps // warps,
        "blocks": target.blocks_per_multiprocessor,
    }
    blocks = min(fits.values())
    fraction = blocks * warps / most_warps
    limit = "nothing" if fraction == 1.0 else min(fits, key=lambda name: fits[name])
    return Occupancy(blocks=blocks, fraction=fraction, limited_by=limit)

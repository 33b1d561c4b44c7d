"""How many blocks of a kernel a multiprocessor holds at once, and what stands in the way of more.

NVIDIA: the arithmetic of its occupancy calculator for compute capability 8.0 to 10.0. Registers are allocated per warp
in chunks of 256, shared memory per block in chunks of 128 bytes, and the system keeps 1 KiB of shared memory per block.

AMD's CDNA3: 512 vector registers per lane of a SIMD unit, of both kinds together, allocated to each lane of a wave in
chunks of 8; LDS in chunks of 512 bytes; at most 16 blocks of more than one wave, since each of these needs a barrier
(LLVM, `AMDGPUBaseInfo.cpp`: `getVGPRAllocGranule`, `getMaxWorkGroupsPerCU`; ISA guide of CDNA3, `LDS_SIZE`).
"""

from dataclasses import dataclass

from sandboxes.contracts import Target

SCHEDULERS = 4
"""Per multiprocessor; each owns a quarter of the register file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """In which pieces a multiprocessor gives away what it has."""

    register_chunk: int
    """Registers of a warp."""
    shared_chunk: int
    """Bytes of a block."""
    reserved_shared: int
    """Bytes per block that the system keeps."""
    blocks_with_barriers: int
    """Blocks of more than one warp."""


ALLOCATIONS = {
    "cuda": Allocation(register_chunk=256, shared_chunk=128, reserved_shared=1024, blocks_with_barriers=1 << 20),
    "hip": Allocation(register_chunk=8 * 64, shared_chunk=512, reserved_shared=0, blocks_with_barriers=16),
}
"""By backend."""


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
        registers: 32-bit registers per thread; on AMD vector registers of both kinds.
        shared_bytes: Shared memory per block, without what the system reserves.
        threads: Threads per block.
    """
    pieces = ALLOCATIONS[target.backend]
    warps = -(-max(threads, 1) // target.warp_size)
    most_warps = target.threads_per_multiprocessor // target.warp_size
    per_warp = _up(max(registers, 1) * target.warp_size, pieces.register_chunk)
    register_warps = target.registers_per_multiprocessor // SCHEDULERS // per_warp * SCHEDULERS
    if registers > target.registers_per_thread:
        register_warps = 0
    shared = max(1, _up(shared_bytes + pieces.reserved_shared, pieces.shared_chunk))
    fits = {
        "registers": register_warps // warps,
        "shared memory": 0 if shared_bytes > target.shared_per_block else target.shared_per_multiprocessor // shared,
        "threads": 0 if threads > target.threads_per_block else most_warps // warps,
        "blocks": min(target.blocks_per_multiprocessor, pieces.blocks_with_barriers if warps > 1 else 1 << 20),
    }
    blocks = min(fits.values())
    fraction = blocks * warps / most_warps
    limit = "nothing" if fraction == 1.0 else min(fits, key=lambda name: fits[name])
    return Occupancy(blocks=blocks, fraction=fraction, limited_by=limit)

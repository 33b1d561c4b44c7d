"""A GPU as data: what is compiled for and what the hardware model knows."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from sandboxes.contracts.base import Contract

Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]

ARCHES: Final = {"cuda": r"[1-9][0-9]{1,2}", "hip": r"gfx[0-9a-f]{3,5}"}
"""Form of `Target.arch` by backend."""


class Target(Contract):
    """One GPU model; rates are the vendor's, at boost clock and without sparsity.

    Where each number comes from is said next to it: see `sandboxes.hardware.targets`.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9]{2,16}$")]
    """Short name, e.g. `h200`."""
    title: str
    """The product's name, e.g. `NVIDIA H200 SXM`; what `torch.cuda.get_device_name` answers."""
    backend: Literal["cuda", "hip"]
    arch: Annotated[str, Field(max_length=16)]
    """Compute capability times ten (`90`) or the gfx name (`gfx942`)."""
    warp_size: PositiveInt
    multiprocessors: PositiveInt
    clock_mhz: Positive
    """Boost clock of the multiprocessors."""
    memory_gib: Positive
    dram_gb_per_s: Positive
    """Bandwidth of the device memory, 1e9 bytes per second."""
    l2_mib: Positive
    l2_gb_per_s: Positive
    """Bandwidth of the L2 cache, 1e9 bytes per second: what reads reach, since few vendors say what they could."""
    l2_partitions: PositiveInt
    """Parts that each keep what the multiprocessors near them read: a line that all read may be in every part."""
    l2_slices: PositiveInt
    """Units of the L2 cache that work independently of each other; an address belongs to one of them."""
    l2_atomics_per_clock: Positive
    """Atomic additions of 32 bits to different addresses, by all slices together; to one address, one per clock."""
    l3_mib: Annotated[float, Field(ge=0)] = 0.0
    """Size of a cache between L2 and device memory, such as AMD's Infinity Cache; 0: there is none."""
    l3_gb_per_s: Annotated[float, Field(ge=0)] = 0.0
    """Its bandwidth."""
    l3_latency_ns: Annotated[float, Field(ge=0)] = 0.0
    """As `dram_latency_ns`."""
    dram_latency_ns: Positive
    """Time from a load to its value if device memory has it, without any other traffic; under load it is longer."""
    l2_latency_ns: Positive
    """Likewise, if the L2 cache has it."""
    shared_latency_ns: Positive
    """Likewise, of shared memory."""
    l1_kib: Positive
    """Largest L1 cache of a multiprocessor; on NVIDIA's, what blocks use as shared memory is taken from it."""
    l1_bytes_per_clock: Positive
    """Of loads that hit the L1 cache, per multiprocessor."""
    shared_bytes_per_clock: Positive
    """Of shared memory without bank conflicts, per multiprocessor."""
    schedulers: PositiveInt
    """Of a multiprocessor; each issues an instruction of one warp per clock."""
    tflops: dict[str, float]
    """Dense peak rates, 1e12 operations per second, by kind: `fp32`, `fp64`, `tf32`, `fp16`, `bf16`, `fp8`, `int8`,
    `special` (exp, log, rsqrt, ...)."""
    registers_per_multiprocessor: PositiveInt
    """32-bit registers."""
    registers_per_thread: PositiveInt
    threads_per_multiprocessor: PositiveInt
    threads_per_block: PositiveInt
    blocks_per_multiprocessor: PositiveInt
    shared_per_multiprocessor: PositiveInt
    """Bytes."""
    shared_per_block: PositiveInt
    """Bytes a block can opt in to."""
    launch_overhead_us: Positive
    """Device time between two dependent kernels, microseconds."""

    @model_validator(mode="after")
    def _check_arch(self) -> Self:
        """Compilers take either form for their own backend only."""
        if not re.fullmatch(ARCHES[self.backend], self.arch):
            form = "a compute capability times ten, such as 90" if self.backend == "cuda" else "a name such as gfx942"
            raise ValueError(f"of the backend {self.backend} it is {form}")
        return self

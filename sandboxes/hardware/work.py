"""What a kernel does, in numbers that do not depend on a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FLOP_KINDS = ("fp32", "fp64", "tf32", "fp16", "bf16", "fp8", "int8", "special")
"""Keys of `Work.flops` and `Target.tflops`. `tf32`, `fp16`, `bf16`, `fp8` and `int8` are matrix products on tensor
cores; arithmetic outside of them is `fp32`, whatever its type, or `fp64`; `special` is exp, log, rsqrt, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Traffic and arithmetic of one node of a trace, over all programs."""

    read_bytes: int = 0
    """Distinct bytes read, each counted once."""
    written_bytes: int = 0
    """Distinct bytes written, each counted once."""
    requested_bytes: int = 0
    """Bytes of all loads, stores and atomics, repeated accesses included: what the L2 cache has to serve."""
    flops: Mapping[str, int] = field(default_factory=dict)
    """Operations by kind; see `FLOP_KINDS`."""
    integer_ops: int = 0
    """Integer arithmetic in the text of the kernel, addresses and masks mostly; no part of `flops` or the roofline."""
    launches: int = 1
    """Kernels that do it; 0 for views and other metadata."""
    waits: int = 0
    """How often the host waits for the result before it goes on."""
    uneven_bytes: float = 1.0
    """Traffic of a launch's busiest program over that of an average one."""
    uneven_operations: float = 1.0
    """Arithmetic of a launch's busiest program over that of an average one."""

    def __post_init__(self) -> None:
        unknown = set(self.flops) - set(FLOP_KINDS)
        if unknown:
            raise ValueError(f"Unknown kind of operation `{min(unknown)}`; known: {', '.join(FLOP_KINDS)}.")
        counts = (
            self.read_bytes,
            self.written_bytes,
            self.requested_bytes,
            self.integer_ops,
            self.launches,
            self.waits,
        )
        if min(*counts, *self.flops.values()) < 0:
            raise ValueError(f"Work can't be negative: {self}.")

    @property
    def dram_bytes(self) -> int:
        """Bytes moved from and to device memory."""
        return self.read_bytes + self.written_bytes

    @property
    def total_flops(self) -> int:
        """Operations of all kinds."""
        return sum(self.flops.values())


FREE = Work(launches=0)
"""No kernel at all."""

"""What goes wrong on a GPU: classes that are made where the error is seen, from its number, never from its words.

GpuError                    a kernel did it, or the GPU failed; `fault` says which
SandboxesError
├── NoGpu (RuntimeError)    this machine has no GPU that can be used; the message says what to do
├── GpuLost (RuntimeError)  the GPU or its driver failed, and not because of a kernel
└── TimesDisagree (RuntimeError)  it can't be told how long something took
"""

from enum import StrEnum

from sandboxes.errors import SandboxesError


class GpuFault(StrEnum):
    """What the driver says."""

    ILLEGAL_ACCESS = "illegal access"
    """A kernel touched an address that is nobody's (CUDA_ERROR_ILLEGAL_ADDRESS)."""
    MISALIGNED = "misaligned access"
    """An access was not a multiple of its size (CUDA_ERROR_MISALIGNED_ADDRESS)."""
    GUARD = "guard overwritten"
    """A kernel wrote beyond its tensors, where nobody else's memory is; seen afterwards, the context is sound."""
    ASSERTION = "device assertion"
    """`tl.device_assert` failed (CUDA_ERROR_ASSERT)."""
    TRAP = "trap"
    """An illegal instruction, a hardware stack error or an unspecified launch failure."""
    OUT_OF_MEMORY = "out of memory"
    """There is not enough device memory; the context is sound."""
    NO_ROOM = "no room for timing"
    """It runs, but not beside the reference, which timing needs: our need of memory, not a kernel's."""
    OUT_OF_RESOURCES = "out of resources"
    """A launch needs more than a multiprocessor has; the context is sound."""
    HANG = "hang"
    """It does not end; the process has to."""
    LOST = "lost"
    """The GPU fell off the bus, has memory errors, or the driver failed: not a kernel's doing."""

    @property
    def spoils(self) -> bool:
        """True if the process can't use the GPU any more."""
        return self not in (GpuFault.GUARD, GpuFault.OUT_OF_MEMORY, GpuFault.NO_ROOM, GpuFault.OUT_OF_RESOURCES)


class GpuError(Exception):
    """Work on the GPU failed.

    Args:
        fault: What it was.
        detail: In words: the driver's name of the error, and which tensor or kernel is meant, if that is known.
        node: Index of the node of the trace that did it, if that is known.
    """

    def __init__(self, fault: GpuFault, detail: str, node: int | None = None) -> None:
        super().__init__(fault, detail, node)
        self.fault = fault
        self.detail = detail
        self.node = node

    def __str__(self) -> str:
        return f"{self.fault}: {self.detail}"


class NoGpu(SandboxesError, RuntimeError):
    """There is no GPU here that can do what was asked for; the message says why, and what to do."""


class GpuLost(SandboxesError, RuntimeError):
    """The GPU or its driver failed; nothing is said about the candidate."""


class TimesDisagree(SandboxesError, RuntimeError):
    """Events, profiler and host tell different times, also when asked again: our instrument's fault."""

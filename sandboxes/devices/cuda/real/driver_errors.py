"""What the driver's error numbers mean: the one place where a number becomes a class of fault."""

from typing import Final

from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost

FAULTS: Final = {
    2: GpuFault.OUT_OF_MEMORY,
    700: GpuFault.ILLEGAL_ACCESS,
    701: GpuFault.OUT_OF_RESOURCES,
    702: GpuFault.HANG,  # where a display's watchdog ends kernels
    710: GpuFault.ASSERTION,
    714: GpuFault.TRAP,  # hardware stack error
    715: GpuFault.TRAP,  # illegal instruction
    716: GpuFault.MISALIGNED,
    717: GpuFault.ILLEGAL_ACCESS,  # an address of the wrong space
    718: GpuFault.TRAP,  # invalid program counter
    719: GpuFault.TRAP,  # unspecified launch failure
    720: GpuFault.OUT_OF_RESOURCES,  # more blocks than can be resident at once
    721: GpuFault.TRAP,  # tensor memory was not given back
    912: GpuFault.OUT_OF_RESOURCES,  # cluster size
}
"""`CUresult` by what a kernel may have done; CUDA's runtime uses the same numbers. Any other is no kernel's doing:
memory errors (214, 220, 226), a device that is gone or taken (46, 100), a driver that is broken (802, 803, 999)."""

CAPTURE: Final = range(900, 909)
"""The driver refuses to record what it was asked to do: work that is no CUDA graph, no fault."""


def failure(number: int, detail: str) -> GpuError | GpuLost:
    """Returns the exception for an error number of the driver.

    Args:
        number: `CUresult`, not 0.
        detail: In words, for people.
    """
    fault = FAULTS.get(number)
    if fault is not None:
        return GpuError(fault, detail)
    return GpuLost(f"the GPU or its driver failed: {detail}; see `nvidia-smi` and the kernel's log (dmesg, Xid)")

"""What is asked of a GPU: the only part that a machine without one can't run.

Everything above (guards, the order of timing, statistics, recovery) sees this protocol, and runs unchanged on
`SimulatedGpu`. Work is asynchronous as CUDA's is: an error may be raised by any later call, at the latest by
`synchronize`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch

from sandboxes.contracts import Clocks, Precision, Target, Variant

SIMULATED: Final = "simulated"
"""What `open_gpu` takes for a GPU that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFacts:
    """What a GPU is."""

    title: str
    """As the driver names it, e.g. `NVIDIA H200`; that of a simulated one says so."""
    uuid: str
    """`GPU-...`, or `MIG-...` of a slice."""
    arch: str
    """Compute capability times ten, as `Target.arch`: `90`."""
    multiprocessors: int
    memory_bytes: int
    l2_bytes: int
    versions: dict[str, str]
    """`driver`, `cuda`, `torch`, `triton`: what measured times depend on."""
    simulated: bool = False
    """Its times are made up: never shown as measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timed run."""

    device_us: float
    """Between two events that the device itself records, directly before and after the work."""
    host_us: float
    """Until the host knows that all of it has ended, on any stream; never less than `device_us`, but for rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """One thing that the device did, as its profiler (CUPTI) saw it."""

    name: str
    kind: str
    """`kernel`, `memcpy` or `memset`."""
    start_us: float
    duration_us: float
    node: int | None
    """Node of the trace that launched it, by correlation id; None for what belongs to none."""


class Prepared(Protocol):
    """Work that can be done again and again, always on the same addresses."""

    captured: bool
    """True for a CUDA graph. False for what can't be one, since the host has to look at numbers on the way."""

    def run(self) -> None:
        """Does it once, without waiting for it."""
        ...

    def time(self) -> Sample:
        """Does it once on a cold L2 cache and waits: flushes (twice the size of L2, persisting lines reset), then runs.

        Events are inside the graph where there is one, so that no host is between them and the work.
        """
        ...


Mark = Callable[[int], AbstractContextManager[None]]
"""What is launched inside `mark(index)` belongs to that node."""


class Gpu(Protocol):
    """One GPU, as this process may use it.

    Raises (all methods):
        GpuError: A kernel failed, or memory ran out.
        GpuLost: The GPU itself failed.
    """

    @property
    def facts(self) -> GpuFacts:
        """What it is."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its tensors live: `cuda:0`; `cpu` for a simulated one."""
        ...

    def memory(self, size: int) -> torch.Tensor:
        """Returns `size` bytes of device memory, uint8, aligned to 512 bytes, with contents left to chance."""
        ...

    def load(self, variant: Variant, target: Target) -> Any:
        """Returns a kernel that can be launched; compiled from its TTIR, which Triton's cache makes quick.

        Raises:
            CompileFailure: As `compile_variant`.
        """
        ...

    def launch(self, kernel: Any, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        """Launches a kernel that `load` returned.

        Args:
            kernel: What to launch.
            grid: Programs along x, y, z; nothing is launched if one of them is 0.
            args: Tensors, numbers and `sandboxes.ttir.DescriptorArgument`s, in the order of the TTIR's parameters.
        """
        ...

    def synchronize(self) -> None:
        """Waits until all work has ended."""
        ...

    def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Prepared:
        """Records work as a CUDA graph; work that can't be recorded is kept as it is (`Prepared.captured`).

        It is called once or twice before, outside of the graph, so that libraries make their handles and choose
        algorithms, and then for the recording: the tensors that this last call makes are those that `Prepared.run`
        fills.

        Args:
            work: What to do, always the same. The `precision` around this call holds for all runs.
            capture: False keeps it as it is in any case: what launching piece by piece costs.
        """
        ...

    def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
        """Does work once under the profiler, and returns what the device did, in order of time.

        It may be nothing, or belong to no node, where there is no profiler or it may not look.
        """
        ...

    def faults(self) -> AbstractContextManager[None]:
        """Inside it what torch raises because of the GPU becomes `GpuError` or `GpuLost`: for ATen calls."""
        ...

    def precision(self, precision: Precision) -> AbstractContextManager[None]:
        """Inside it float32 matrix products and convolutions of torch follow the policy."""
        ...

    def clocks(self) -> Clocks | None:
        """Returns clocks, temperature and what throttles, read (never changed) through NVML; None without it."""
        ...

    def release(self) -> None:
        """Gives memory that nobody uses any more back to the driver, for other processes that use the GPU."""
        ...

    def close(self) -> None:
        """Gives its memory back."""
        ...

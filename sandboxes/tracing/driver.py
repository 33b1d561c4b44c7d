"""Triton's plug-in point for GPUs, implemented by a GPU that only takes notes.

Triton asks its active driver what to compile for and how to launch. This driver names the target that is evaluated
for, lets the compiler stop at TTIR (the machine code is made later, by trusted code), and hands every launch to a
`LaunchLog`. Nothing of Triton's JIT is replaced.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, Protocol, SupportsIndex

import torch
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.runtime import driver

from sandboxes.contracts import Target
from sandboxes.tracing.untraceable import Untraceable

PIPELINE = "kernelgym-ttir"
"""Enters Triton's cache keys, since our pipeline stops early."""

ASSUMED_REGISTERS = 32
ASSUMED_SHARED_BYTES = 1024
"""What a kernel says it needs when the candidate asks: machine code is made later, by trusted code, so nobody knows
yet. Neither is zero, because occupancy arithmetic (Triton's fused softmax tutorial) divides by them; both are small
enough never to limit a launch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLaunch:
    """A launch as Triton passes it to its driver."""

    kernel: str
    ttir: str
    grid: tuple[int, int, int]
    args: tuple[object, ...]
    """Runtime arguments in the order of the TTIR function's parameters."""
    num_warps: int
    num_stages: int
    num_ctas: int
    maxnreg: int | None


class LaunchLog(Protocol):
    """Takes note of launches."""

    def launched(self, launch: RecordedLaunch) -> None:
        """Called once for every launch, in order."""


class _Utils:
    """The part of a driver that loads binaries and describes the device."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def load_binary(self, name: str, kernel: bytes, shared: int, device: int) -> tuple[object, str, int, int, int]:
        """Returns (module, function, registers, spills, threads); our "binary" is the TTIR, and so is the function."""
        del shared, device
        return name, kernel.decode(), ASSUMED_REGISTERS, 0, self._target.threads_per_block

    def unload_module(self, module: object) -> None:
        """Nothing was loaded."""

    def get_device_properties(self, device: int) -> dict[str, int]:
        """Answers what Triton and tutorials' persistent kernels ask for."""
        del device
        return {
            "max_shared_mem": self._target.shared_per_block,
            "max_num_regs": self._target.registers_per_multiprocessor,
            "multiprocessor_count": self._target.multiprocessors,
            "warpSize": self._target.warp_size,
            "sm_clock_rate": int(self._target.clock_mhz * 1000),
            "mem_clock_rate": 0,
            "mem_bus_width": 0,
        }


class RecordingDriver(DriverBase):  # type: ignore[misc] # Triton ships no types
    """A `DriverBase` whose launches go to a log."""

    def __init__(self, target: Target, log: LaunchLog) -> None:
        super().__init__()
        self._target = target
        self._log = log
        self.utils = _Utils(target)
        self.launcher_cls: Callable[[Any, Any], Callable[..., None]] = self._launcher

    def _launcher(self, source: Any, metadata: Any) -> Callable[..., None]:
        """Returns what Triton calls to launch the kernel that `source` describes."""
        signature = list(source.signature.values())
        maxnreg = getattr(metadata, "maxnreg", None)

        def launch(
            x: SupportsIndex, y: SupportsIndex, z: SupportsIndex, stream: int, function: str, *rest: object
        ) -> None:
            args = rest[4:]  # before them: kernel metadata, launch metadata, enter hook, exit hook
            self._log.launched(
                RecordedLaunch(
                    kernel=source.fn.__name__,
                    ttir=function,
                    grid=(index(x), index(y), index(z)),  # a float grid is refused, as by Triton's own launcher
                    args=tuple(_runtime_arguments(signature, args)),
                    num_warps=metadata.num_warps,
                    num_stages=metadata.num_stages,
                    num_ctas=metadata.num_ctas,
                    maxnreg=maxnreg,
                )
            )

        return launch

    @classmethod
    def is_active(cls) -> bool:
        """True: it needs no GPU."""
        return True

    def map_python_to_cpp_type(self, ty: str) -> str:
        """Returns the type as it is: no C++ launcher is built."""
        return ty

    def get_current_target(self) -> GPUTarget:
        """The GPU that is evaluated for."""
        arch = int(self._target.arch) if self._target.backend == "cuda" else self._target.arch
        return GPUTarget(self._target.backend, arch, self._target.warp_size)

    def get_current_device(self) -> int:
        """Always device 0."""
        return 0

    def set_current_device(self, device: int) -> None:
        """There is only one."""

    def get_current_stream(self, device: int) -> int:
        """Always the default stream."""
        return 0

    def get_active_torch_device(self) -> torch.device:
        """The fake CUDA device."""
        return torch.device("cuda", 0)

    def get_device_interface(self) -> Any:
        """The virtual `torch.cuda`."""
        return torch.cuda

    def get_empty_cache_for_benchmark(self) -> Any:
        """Refuses: only `triton.testing.do_bench` asks for it."""
        raise Untraceable("a benchmark can't be traced", "There is no clock in the sandbox; use `@triton.autotune`.")

    def get_benchmarker(self) -> Callable[..., list[float]]:
        """Every kernel takes one millisecond: nothing is measured next to untrusted code."""
        return lambda kernel_call, quantiles=(0.5,), **_: [1.0 for _ in quantiles]


def _runtime_arguments(signature: Sequence[object], args: Sequence[object]) -> list[object]:
    """Returns the arguments that are parameters of the compiled kernel: constants are gone, tuples are flat."""
    flat: list[object] = []
    for type_, value in zip(signature, args, strict=True):
        if isinstance(type_, tuple):
            flat.extend(_runtime_arguments(type_, value))  # type: ignore[arg-type] # a tuple for a tuple
        elif type_ != "constexpr":
            flat.append(value)
    return flat


def _stop_at_ttir(
    *call: Any,
) -> tuple[str, str] | None:
    """Triton's stages hook: keeps the `ttir` stage and passes its text off as the binary.

    Called without arguments it returns the (key, hash) that enters Triton's cache keys.
    """
    if not call:
        return PIPELINE, PIPELINE
    backend, stages = call[0], call[1]
    if "ttir" not in stages:
        raise Untraceable("a Gluon kernel can't be traced", "Write it with `triton.language`.")
    to_ttir = stages["ttir"]
    stages.clear()
    stages["ttir"] = to_ttir

    def finish(module: object, metadata: dict[str, object]) -> bytes:
        defaults: Mapping[str, object] = {
            "name": "kernel",
            "shared": ASSUMED_SHARED_BYTES,
            "tmem_size": 0,
            "global_scratch_size": 0,
            "global_scratch_align": 1,
            "profile_scratch_size": 0,
            "profile_scratch_align": 1,
        }
        metadata.update({key: value for key, value in defaults.items() if key not in metadata})
        return str(module).encode()

    stages[backend.binary_ext] = finish
    return None


def install(target: Target, log: LaunchLog) -> None:
    """Makes a `RecordingDriver` Triton's active driver in this process."""
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9's default, said aloud so that it does not warn
    knobs.compilation.store_binary_only = True  # the "binary" is all we read back
    knobs.runtime.add_stages_inspection_hook = _stop_at_ttir
    driver.set_active(RecordingDriver(target, log))

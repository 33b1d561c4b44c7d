"""A `torch.cuda` that answers for the target GPU on a machine that has none.

This module is the complete list of what is replaced inside the sandbox process beyond Triton's plug-in points:

1. c10's CUDA device guard: the C++ side of slicing, `.contiguous()` or `.to("cuda")` asks it, and a CPU build of torch
   has none. Torch itself installs one that does nothing where CUDA is built in but no GPU is there
   (`_install_device_guard`).
2. `FakeTensor.data_ptr`: Triton specialises on an argument's alignment, and the fakes' own pointers are all null.
3. The functions of `torch.cuda` listed in `_answers`; streams, events and graphs raise `Untraceable`. Those of
   `torch.cuda.nvtx` listed in `NVTX`, which need a library that a CPU build lacks, do nothing.
4. `threading.Thread.start` and `_thread.start_new_thread`, because work in other threads is not recorded.
5. `triton.runtime.autotuner.Autotuner.run` (see `autotuning`).
6. `Tensor.item`, `tolist`, `__float__` and `__int__`, which read numbers that are not there (see `reading`).
7. `torch.version.hip` and `torch.version.cuda`, for a target of AMD's: as in torch built for ROCm.
8. `init_gpu_context` of torch's fake tensors, which touches the GPU that `torch.cuda` says is there.

It is applied once, in the zygote, and never in a process that holds anything of value.
"""

import _thread
import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NoReturn

import torch
import torch._dynamo  # FakeTensorMode needs it, and it must be imported before torch.cuda pretends to be there
import triton
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor

from sandboxes.contracts import Target
from sandboxes.tracing import reading
from sandboxes.tracing.autotuning import run_all_configurations
from sandboxes.tracing.recorder import Recorder
from sandboxes.tracing.untraceable import Untraceable

CUDA = 1
"""Position in c10::DeviceType, and so in c10's registry of device guards."""
HIP_VERSION = "6.4.0"
"""What `torch.version.hip` says for a target of AMD's: code asks whether there is one, hardly ever which."""
CUDA_VERSION = torch.version.cuda
"""As this build of torch says."""
GUARD_METHODS = 64
"""More than a device guard has."""


class Stage:
    """What the replaced functions need to know; one per process."""

    recorder: Recorder | None = None
    """The recording that is under way."""
    target: Target | None = None
    """The GPU to answer for."""


def install(target: Target) -> None:
    """Applies everything above; calling it again changes the target only."""
    first = Stage.target is None
    Stage.target = target
    torch.version.hip = HIP_VERSION if target.backend == "hip" else None
    torch.version.cuda = None if target.backend == "hip" else CUDA_VERSION
    for name, answer in _answers(target).items():
        setattr(torch.cuda, name, answer)
    for name, answer in NVTX.items():
        setattr(torch.cuda.nvtx, name, answer)
    if first:
        _install_device_guard()
        fake_tensor.init_gpu_context = _nothing  # type: ignore[assignment] # torch caches its own
        FakeTensor.data_ptr = _data_ptr  # type: ignore[method-assign,assignment]
        threading.Thread.start = _no_threads  # type: ignore[method-assign]
        _thread.start_new_thread = _no_threads
        triton.runtime.autotuner.Autotuner.run = _tune
        for name, read in READING.items():
            setattr(torch.Tensor, name, read)
        FakeTensor.tolist = reading.to_list  # type: ignore[method-assign,assignment]


def _install_device_guard() -> None:
    """Lets torch install its guard that does nothing: it does so if the present guard counts no devices.

    A CPU build has no present guard, and a real GPU's must not be asked, so one is made up in c10's registry (an array
    of pointers to C++ objects): every method of it returns 0. It is asked once and then replaced.
    """
    library = ctypes.CDLL(f"{torch.__path__[0]}/lib/libc10.so")
    registry = (ctypes.c_void_p * (CUDA + 1)).in_dll(library, "_ZN3c104impl26device_guard_impl_registryE")
    zero = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)
    methods = (ctypes.c_void_p * GUARD_METHODS)(*[ctypes.cast(zero, ctypes.c_void_p)] * GUARD_METHODS)
    guard = ctypes.c_void_p(ctypes.addressof(methods))
    registry[CUDA] = ctypes.addressof(guard)
    torch._C._ensureCUDADeviceGuardSet()


def _data_ptr(tensor: FakeTensor) -> int:
    """A made-up address: distinct per storage, 256-byte aligned at its start like the CUDA allocator's."""
    base: int = tensor.untyped_storage()._cdata * 16
    return base + int(tensor.storage_offset()) * tensor.element_size()


def _no_threads(*_: Any, **__: Any) -> NoReturn:
    raise Untraceable("threads can't be traced", "Launch the kernels from `forward` itself.")


def _tune(tuner: Any, *args: Any, **kwargs: Any) -> None:
    if Stage.recorder is None:
        raise Untraceable("a kernel is launched outside `forward`", "Launch kernels in `forward` only.")
    run_all_configurations(tuner, Stage.recorder, args, kwargs)


def _refuse(what: str, hint: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise Untraceable(f"{what} can't be traced", hint)

    return refuse


def _refused(name: str, what: str, hint: str) -> type:
    """Returns a class that can stand in annotations, in `isinstance` and as a base, but has no instances."""
    return type(name, (), {"__new__": _refuse(what, hint)})


class _Device(nullcontext[None]):
    """Stands in for `torch.cuda.device` and `device_of`, which are classes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()


def _context(*_: Any, **__: Any) -> AbstractContextManager[None]:
    return nullcontext()


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


@contextmanager
def _nvtx_range(*_: Any, **__: Any) -> Iterator[None]:
    """Stands in for `torch.cuda.nvtx.range`, which is a context and a decorator."""
    yield


READING: dict[str, Callable[..., Any]] = {
    "item": reading.item,
    "tolist": reading.to_list,
    "__float__": reading.as_float,
    "__int__": reading.as_int,
}
"""What replaces each method of `torch.Tensor`."""

NVTX: dict[str, Callable[..., Any]] = {
    "range": _nvtx_range,
    "range_push": _constant(0),
    "range_pop": _constant(0),
    "range_start": _constant(0),
    "range_end": _nothing,
    "mark": _nothing,
}
"""What replaces each function of `torch.cuda.nvtx`."""


def _properties(target: Target) -> SimpleNamespace:
    """What `torch.cuda.get_device_properties` returns."""
    major, minor = _capability(target)
    own = {"gcnArchName": f"{target.arch}:sramecc+:xnack-"} if target.backend == "hip" else {}
    return SimpleNamespace(
        **own,
        name=target.title,
        major=major,
        minor=minor,
        multi_processor_count=target.multiprocessors,
        total_memory=int(target.memory_gib * 2**30),
        warp_size=target.warp_size,
        max_threads_per_multi_processor=target.threads_per_multiprocessor,
        max_threads_per_block=target.threads_per_block,
        regs_per_multiprocessor=target.registers_per_multiprocessor,
        shared_memory_per_block=48 * 1024 if target.backend == "cuda" else target.shared_per_block,
        shared_memory_per_block_optin=target.shared_per_block,
        shared_memory_per_multiprocessor=target.shared_per_multiprocessor,
        L2_cache_size=int(target.l2_mib * 2**20),
        is_integrated=False,
        is_multi_gpu_board=False,
    )


def _capability(target: Target) -> tuple[int, int]:
    """A compute capability; torch for ROCm takes the first two digits of the gfx name."""
    digits = target.arch if target.backend == "cuda" else target.arch.removeprefix("gfx")[:2]
    return divmod(int(digits), 10) if digits.isdigit() else (0, 0)


def _answers(target: Target) -> dict[str, Any]:
    """What replaces each attribute of `torch.cuda`."""
    one_stream = "Everything runs on the current stream; one graph is replayed and timed as a whole."
    stream_class = _refused("Stream", "a new CUDA stream", one_stream)
    stream: Any = object.__new__(stream_class)
    vars(stream).update(
        cuda_stream=0, device=torch.device("cuda", 0), synchronize=_nothing, wait_stream=_nothing, query=lambda: True
    )
    return {
        "is_available": _constant(True),
        "is_initialized": _constant(True),
        "_is_compiled": _constant(True),
        "_lazy_init": _nothing,
        "init": _nothing,
        "device_count": _constant(1),
        "current_device": _constant(0),
        "set_device": _nothing,
        "device": _Device,
        "device_of": _Device,
        "_exchange_device": _constant(0),
        "_maybe_exchange_device": _constant(0),
        "get_device_name": _constant(target.title),
        "get_device_capability": _constant(_capability(target)),
        "get_device_properties": _constant(_properties(target)),
        "get_arch_list": _constant([f"sm_{target.arch}" if target.backend == "cuda" else target.arch]),
        "is_bf16_supported": _constant(True),
        "synchronize": _nothing,
        "empty_cache": _nothing,
        "ipc_collect": _nothing,
        "manual_seed": _nothing,
        "manual_seed_all": _nothing,
        "memory_allocated": _constant(0),
        "memory_reserved": _constant(0),
        "max_memory_allocated": _constant(0),
        "reset_peak_memory_stats": _nothing,
        "mem_get_info": _constant((int(target.memory_gib * 2**30),) * 2),
        "current_stream": _constant(stream),
        "default_stream": _constant(stream),
        "stream": _context,
        "Stream": stream_class,
        "ExternalStream": _refused("ExternalStream", "a foreign CUDA stream", one_stream),
        "Event": _refused("Event", "a CUDA event", "There is no clock in the sandbox; timing is done by the profiler."),
        "CUDAGraph": _refused(
            "CUDAGraph", "a CUDA graph", "The whole forward is captured and replayed as a graph anyway."
        ),
        "graph": _refused("graph", "a CUDA graph", "The whole forward is captured and replayed as a graph anyway."),
    }

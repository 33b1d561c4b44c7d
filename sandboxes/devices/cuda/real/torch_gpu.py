"""The real GPU, through torch and Triton: nothing but well-known calls, so that all that needs care is above it.

Graphs hold their own events (`external=True`), so that a time is between two moments of the device with nothing of the
host in between. Before it is recorded, work runs once with torch's own check for calls that wait for the device: a
recording that fails half-way would leave torch's random numbers and memory pools in disorder.
"""

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import torch
from triton.runtime.errors import OutOfResources

from sandboxes.compilation import triton_kernel
from sandboxes.contracts import Clocks, Precision, Target, Variant
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.gpu import DeviceEvent, GpuFacts, Mark, Prepared, Sample
from sandboxes.devices.cuda.real.driver_errors import CAPTURE, failure
from sandboxes.devices.cuda.real.kernels import TritonKernel
from sandboxes.devices.cuda.real.libcuda import DriverError, driver
from sandboxes.devices.cuda.real.nvml import Nvml
from sandboxes.devices.cuda.real.profiler import profiled_events, timing_event

NO_SUCH_LIMIT: Final = (215, 801)
"""What the driver says where L2 can't be set aside: old GPUs, slices."""
NO_CONTEXT: Final = (3, 201)
"""What the driver says in a thread, or a process, that has not used a GPU."""
REFUSED: Final = (RuntimeError, ValueError)
"""How work that has succeeded before says that torch has refused a call this time; a replay's own is a `ValueError`."""


class Uncapturable(Exception):
    """Work waits for the device, so it is no CUDA graph."""


class TorchGpu:
    """Implements `Gpu`: the first visible GPU, with a context in this process.

    Args:
        facts: From `find_gpu`.
    """

    def __init__(self, facts: GpuFacts) -> None:
        self._nvml = Nvml(facts.uuid)
        version = self._nvml.driver_version
        more = {"driver": version} if version else {}
        self._facts = GpuFacts(
            title=facts.title,
            uuid=facts.uuid,
            arch=facts.arch,
            multiprocessors=facts.multiprocessors,
            memory_bytes=facts.memory_bytes,
            l2_bytes=facts.l2_bytes,
            versions={**facts.versions, **more},
        )
        self._device = torch.device("cuda", 0)
        self._driver = driver()
        with self.faults():
            torch.cuda.set_device(self._device)
            self._side: Any = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            self._flushed = torch.empty(2 * facts.l2_bytes, dtype=torch.uint8, device=self._device)
        self._resets_l2 = self._forbid_persisting()
        self._precision = Precision.FP32
        self._refuses_to_wait = False

    @property
    def facts(self) -> GpuFacts:
        """What it is."""
        return self._facts

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self._device

    @property
    def policy(self) -> Precision:
        """Of float32 products, now."""
        return self._precision

    def memory(self, size: int) -> torch.Tensor:
        """Returns a block of torch's allocator, which aligns to 512 bytes."""
        with self.faults():
            return torch.empty(size, dtype=torch.uint8, device=self._device)

    def load(self, variant: Variant, target: Target) -> TritonKernel:
        """Compiles a kernel, or finds it in Triton's cache, and loads it."""
        compiled = triton_kernel(variant, target)
        with self.faults():
            try:
                return TritonKernel(compiled)
            except (RuntimeError, AssertionError) as error:
                # what was compiled for this GPU, and needs no more than it has, can always be loaded
                self._raise_number(self._asked())
                raise GpuLost(f"`{compiled.metadata.name}` can't be loaded: {error}") from error

    def launch(self, kernel: TritonKernel, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        """Launches through Triton's launcher on torch's current stream."""
        try:
            kernel.launch(grid, args)
        except OutOfResources as error:
            raise GpuError(GpuFault.OUT_OF_RESOURCES, str(error)) from None
        except torch.OutOfMemoryError as error:
            raise GpuError(GpuFault.OUT_OF_MEMORY, str(error)) from None
        except (RuntimeError, AssertionError, ValueError, OverflowError) as error:
            # the launcher has words only; the driver has the number, and 0 means that it refused this launch alone
            self._raise_number(self._asked())
            raise GpuError(GpuFault.OUT_OF_RESOURCES, f"`{kernel.name}` can't be launched: {error}") from None

    def synchronize(self) -> None:
        """Waits for all streams."""
        if self._refuses_to_wait:
            raise Uncapturable
        with self.faults():
            torch.cuda.synchronize(self._device)

    def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Prepared:
        """Warms up on a side stream, checks whether work waits for the device, and records it if not."""
        with self.faults():
            self._on_the_side(work)
            if not capture:
                return TorchLaunches(self, work)
            try:
                self._refuses_to_wait = True
                self._on_the_side(lambda: _without_waiting(work))
                return self._recorded(work)
            except Uncapturable:
                return TorchLaunches(self, work)
            finally:
                self._refuses_to_wait = False

    def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
        """Does work under torch's profiler; nothing is seen where that may not look.

        Events around each node would see something there, but mostly gaps: the host takes longer to launch a small
        kernel than the device to run it. A profile then says that its parts are modelled.
        """
        self.synchronize()
        with self.faults():
            return profiled_events(work)

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """Inside it what torch raises because of the GPU becomes `GpuError` or `GpuLost`."""
        try:
            yield
        except (GpuError, GpuLost):
            raise
        except torch.OutOfMemoryError as error:
            raise GpuError(GpuFault.OUT_OF_MEMORY, str(error)) from None
        except OutOfResources as error:
            raise GpuError(GpuFault.OUT_OF_RESOURCES, str(error)) from None
        except torch.AcceleratorError as error:
            self._raise_number(getattr(error, "error_code", None) or self._asked())
            raise GpuLost(f"the GPU failed, and its driver says nothing: {error}") from None
        except RuntimeError:
            # cuBLAS, cuDNN and Triton have words only; the driver has the number: 0 if it is not the GPU's doing
            self._raise_number(self._asked())
            raise

    @contextlib.contextmanager
    def precision(self, precision: Precision) -> Iterator[None]:
        """Sets torch's switches of float32 products, and puts them back."""
        # not `fp32_precision`: torch.compile looks at these two, and torch refuses to tell them while that one is set
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, self._precision
        tf32 = precision is Precision.TF32
        try:
            torch.set_float32_matmul_precision("high" if tf32 else "highest")
            torch.backends.cudnn.allow_tf32 = tf32
            self._precision = precision
            yield
        finally:
            torch.set_float32_matmul_precision(before[0])
            torch.backends.cudnn.allow_tf32, self._precision = before[1:]

    def clocks(self) -> Clocks | None:
        """Returns clocks and temperature, if NVML is there."""
        return self._nvml.clocks()

    def release(self) -> None:
        """Empties torch's cache: what one process keeps there is missing in another."""
        gc.collect()  # work that is launched piece by piece, and its place, know each other
        with self.faults():
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Gives its memory back to the driver."""
        self._flushed = torch.empty(0, dtype=torch.uint8)
        self.release()

    def flush(self) -> None:
        """Writes twice the size of L2, and makes persisting lines like others; waits for it."""
        with self.faults():
            self._flushed.zero_()
            torch.cuda.synchronize(self._device)
        if self._resets_l2:
            try:
                self._driver.reset_persisting_l2()
            except DriverError as error:
                raise failure(error.number, error.detail) from None

    def _forbid_persisting(self) -> bool:
        """Sets nothing of L2 aside for persisting lines; returns whether this GPU has such lines at all."""
        try:
            self._driver.allow_no_persisting_l2()
        except DriverError as error:
            if error.number in NO_SUCH_LIMIT:
                return False
            raise failure(error.number, error.detail) from None
        return True

    def _on_the_side(self, work: Callable[[], object]) -> None:
        """Does work on the stream that records, and waits for it, also for the half that came before a failure."""
        self._side.wait_stream(torch.cuda.current_stream(self._device))
        try:
            with torch.cuda.stream(self._side):
                work()
        finally:
            torch.cuda.current_stream(self._device).wait_stream(self._side)
            torch.cuda.synchronize(self._device)

    def _recorded(self, work: Callable[[], object]) -> "TorchGraph":
        """Records work between two events.

        Raises:
            Uncapturable: The driver refuses it, which the check before has missed.
        """
        graph: Any = torch.cuda.CUDAGraph()
        start, end = timing_event(external=True), timing_event(external=True)
        try:
            with torch.cuda.stream(self._side), _no_collection():
                graph.capture_begin(capture_error_mode="thread_local")
                try:
                    start.record(self._side)
                    work()
                    end.record(self._side)
                finally:
                    graph.capture_end()
        except (GpuError, GpuLost, torch.OutOfMemoryError):
            self._recover()
            raise
        except (*REFUSED, Uncapturable) as error:
            self._recover()
            raise Uncapturable from error
        torch.cuda.synchronize(self._device)
        return TorchGraph(self, graph, start, end)

    def _recover(self) -> None:
        """Puts torch in order after a recording that failed; raises the fault if the GPU failed."""
        for generator in torch.cuda.default_generators:  # they believe that they are still being recorded
            generator.graphsafe_set_state(generator.clone_state())
        number = self._asked()
        if number not in CAPTURE:
            self._raise_number(number)

    def _asked(self) -> int:
        """Returns what the driver says has gone wrong, 0 for nothing; a thread without a context has done nothing."""
        number = self._driver.synchronize()
        return 0 if number in NO_CONTEXT else number

    def _raise_number(self, number: int) -> None:
        """Raises what an error number of the driver means, if it is one."""
        if number in CAPTURE:
            raise Uncapturable
        if number:
            raise failure(number, self._driver.describe(number)) from None


class TorchGraph:
    """Implements `Prepared`: a CUDA graph with its events inside."""

    captured = True

    def __init__(self, gpu: TorchGpu, graph: Any, start: Any, end: Any) -> None:
        self._gpu = gpu
        self._graph = graph
        self._start = start
        self._end = end

    def run(self) -> None:
        """Launches the graph."""
        with self._gpu.faults():
            self._graph.replay()

    def time(self) -> Sample:
        """Flushes, launches the graph, waits."""
        self._gpu.flush()
        with self._gpu.faults():
            began_ns = time.perf_counter_ns()
            self._graph.replay()
            torch.cuda.synchronize(self._gpu.device)
            ended_ns = time.perf_counter_ns()
            device_us = self._start.elapsed_time(self._end) * 1e3
        return Sample(device_us=device_us, host_us=(ended_ns - began_ns) / 1e3)


class TorchLaunches:
    """Implements `Prepared`: work that the host launches piece by piece, under the policy that it was prepared with."""

    captured = False

    def __init__(self, gpu: TorchGpu, work: Callable[[], object]) -> None:
        self._gpu = gpu
        self._work = work
        self._policy = gpu.policy
        self._start = timing_event()
        self._end = timing_event()

    def run(self) -> None:
        """Does it once more, Python and all."""
        with self._gpu.faults(), self._gpu.precision(self._policy):
            self._work()

    def time(self) -> Sample:
        """Flushes, does it once more between two events, waits."""
        self._gpu.flush()
        with self._gpu.faults(), self._gpu.precision(self._policy):
            began_ns = time.perf_counter_ns()
            self._start.record()
            self._work()
            self._end.record()
            torch.cuda.synchronize(self._gpu.device)
            ended_ns = time.perf_counter_ns()
            device_us = self._start.elapsed_time(self._end) * 1e3
        return Sample(device_us=device_us, host_us=(ended_ns - began_ns) / 1e3)


def _without_waiting(work: Callable[[], object]) -> None:
    """Does work that has succeeded before, with torch's check for calls that wait for the device.

    Raises:
        Uncapturable: One does.
    """
    before = torch.cuda.get_sync_debug_mode()
    try:
        _check_waiting(2)
        work()
    except (GpuError, GpuLost, torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except REFUSED as error:
        raise Uncapturable from error
    finally:
        _check_waiting(before)


def _check_waiting(mode: int) -> None:
    """Sets torch's debug mode, which warns that it does not see everything yet."""
    with warnings.catch_warnings(action="ignore"):
        torch.cuda.set_sync_debug_mode(mode)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Inside it no cycles are collected: unloading a kernel while a graph is recorded would spoil the recording."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

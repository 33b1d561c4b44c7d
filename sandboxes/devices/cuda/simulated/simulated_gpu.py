"""A GPU that is not there: kernels run on the CPU executor, times come from the hardware model and a noise process.

For those who develop without a GPU (`KERNELGYM_GPU=simulated`), and for tests of everything above `Gpu`. It behaves as
a GPU does where that matters: a kernel that leaves its tensor but not the block of memory around it reads and writes
its neighbours in silence; one that leaves the block spoils the context for good; errors come to light with a later
call; a recorded graph repeats kernels on the same addresses and runs no Python; a kernel that never ends never ends.

Its times are no measurements, and whatever shows them says so. A launch takes what the model says of its totals alone
(`sandboxes.hardware.pricing.plain`): perfectly coalesced, nobody looks at addresses or compiled code. They differ from
the prices of the device `cpu`, and are no second opinion on them.
"""

import contextlib
import mmap
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Final, NoReturn

import torch
from torch.utils._python_dispatch import _disable_current_modes

from sandboxes.compilation import CompiledKernel, compile_variant
from sandboxes.contracts import Clocks, Precision, Target, Variant
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.gpu import DeviceEvent, GpuFacts, Mark, Prepared, Sample
from sandboxes.devices.cuda.simulated.arguments import cost_key, misaligned, sizes
from sandboxes.devices.cuda.simulated.clock import Noise, SimulatedClock
from sandboxes.devices.cuda.simulated.facts import MEMORY_BYTES, simulated_facts
from sandboxes.devices.cuda.simulated.prepared import SimulatedGraph, SimulatedLaunches
from sandboxes.devices.cuda.simulated.work import Step, WatchingCalls, aten_step, needs_host
from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.pricing import DEFAULT, plain, price_launch
from sandboxes.hardware.targets import TARGETS
from sandboxes.precision import MatmulPrecision
from sandboxes.ttir import (
    DescriptorArgument,
    DeviceAssertion,
    ExecutionOptions,
    ExecutionTimeout,
    InvalidAddress,
    MemoryFault,
    Module,
    execute,
    parse,
)

HOST_LAUNCH_US: Final = 5.0
"""What the host needs to launch one kernel: the device waits for it if kernels are shorter."""
EXECUTION: Final = ExecutionOptions(max_operations=200_000_000, max_seconds=600.0)
"""When a kernel counts as one that never ends."""
COUNTED: Final = replace(EXECUTION, count=True)
MOST_SECONDS_ASLEEP: Final = 3600.0

NAMES: Final = {
    GpuFault.ILLEGAL_ACCESS: "CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered",
    GpuFault.MISALIGNED: "CUDA_ERROR_MISALIGNED_ADDRESS (716): misaligned address",
    GpuFault.ASSERTION: "CUDA_ERROR_ASSERT (710): device-side assert triggered",
    GpuFault.TRAP: "CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure",
    GpuFault.OUT_OF_MEMORY: "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory",
    GpuFault.OUT_OF_RESOURCES: "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701): too many resources requested for launch",
    GpuFault.LOST: "CUDA_ERROR_SYSTEM_NOT_READY (802): system not yet initialized",
}
"""In the driver's words, which say no more than they do on a real GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that goes wrong without a kernel's doing, to try what becomes of it."""

    after_launches: int
    """Launches, of graphs too, that still work."""
    fault: GpuFault


@dataclass(slots=True, eq=False)
class SimulatedKernel:
    """A kernel as it was loaded: its program, and what it needs of the hardware."""

    module: Module
    compiled: CompiledKernel
    num_stages: int
    costs_us: dict[tuple[Any, ...], float] = field(default_factory=dict)
    """By what it was launched with; its counting is slow."""


class SimulatedGpu:
    """Implements `Gpu` without one.

    Args:
        target: What it resembles; its times are those of the hardware model.
        noise: What disturbs them.
        seed: Of the disturbances.
        memory_bytes: Above it memory runs out.
        incidents: What goes wrong, and when.
    """

    def __init__(
        self,
        target: Target | None = None,
        *,
        noise: Noise | None = None,
        seed: int = 0,
        memory_bytes: int = MEMORY_BYTES,
        incidents: Sequence[Incident] = (),
    ) -> None:
        self._target = target or next(iter(TARGETS.values()))
        self._memory_bytes = memory_bytes
        self._clock = SimulatedClock(noise or Noise(), seed)
        self._incidents = sorted(incidents, key=lambda incident: incident.after_launches)
        self._launches = 0
        self._used = 0
        self._blocks: dict[int, weakref.ref[mmap.mmap]] = {}
        self._failed: GpuError | GpuLost | None = None
        self._hangs = False
        self._precision = Precision.FP32
        self._node: int | None = None
        self._steps: list[Step] | None = None
        self._captures = False
        self._waits = 0

    @property
    def facts(self) -> GpuFacts:
        """What it would be."""
        return simulated_facts(self._target, self._memory_bytes)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return torch.device("cpu")

    @property
    def target(self) -> Target:
        """What it resembles."""
        return self._target

    def memory(self, size: int) -> torch.Tensor:
        """Returns a block of memory with a storage of its own: what is not in it is nobody's."""
        self._check()
        if self._used + size > self._memory_bytes:
            free = self._memory_bytes - self._used
            detail = f"{NAMES[GpuFault.OUT_OF_MEMORY]}; {size} bytes were asked for, {free} are free"
            raise GpuError(GpuFault.OUT_OF_MEMORY, detail)
        if size == 0:
            return torch.empty(0, dtype=torch.uint8)
        block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._used += size
        tensor = torch.frombuffer(block, dtype=torch.uint8)
        self._blocks[tensor.data_ptr()] = weakref.ref(block)
        weakref.finalize(block, self._returned, tensor.data_ptr(), size)
        return tensor

    def load(self, variant: Variant, target: Target) -> SimulatedKernel:
        """Compiles the kernel as for a real GPU, and keeps its program."""
        self._check()
        compiled = compile_variant(variant, target)
        return SimulatedKernel(module=parse(variant.ttir), compiled=compiled, num_stages=variant.num_stages)

    def launch(self, kernel: SimulatedKernel, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        """Executes the kernel on the CPU, or notes that the graph does."""
        self._check()
        if prod(grid) == 0:
            return
        with _disable_current_modes():
            args = [self._in_block(argument) for argument in args]

        def again() -> None:
            self._execute(kernel, grid, args)

        key = cost_key(grid, args)
        if not self._captures or key not in kernel.costs_us:
            again()
        if self._steps is not None:
            cost_us = kernel.costs_us.get(key, 0.0)
            step = Step(name=kernel.module.kernel.name, kind="kernel", node=self._node, cost_us=cost_us, again=again)
            self._steps.append(step)

    def synchronize(self) -> None:
        """Raises what has gone wrong since; does not return if something hangs."""
        if self._steps is not None:  # inside of work: no CUDA graph
            self._waits += 1
        if self._hangs:
            _sleep_for_ever()
        self._check()

    def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Prepared:
        """Records work by its ATen calls and launches."""
        self._check()
        with self._recording() as steps:
            work()
        self._clock.run([step.cost_us for step in steps])
        self.synchronize()
        if not capture or self._waits:
            return SimulatedLaunches(self, work)
        with self._recording(captures=True) as steps:
            work()
        self.synchronize()
        return SimulatedGraph(self, steps)

    def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
        """Does work and tells what it consists of, with a made-up time for each."""
        self._check()
        with self._recording() as steps:
            work(self._marked)
        self.synchronize()
        events, start_us = [], self._clock.now_us
        for step, taken_us in zip(steps, self._clock.run([step.cost_us for step in steps]), strict=True):
            events.append(
                DeviceEvent(name=step.name, kind=step.kind, start_us=start_us, duration_us=taken_us, node=step.node)
            )
            start_us += max(taken_us, HOST_LAUNCH_US)
        return events

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """Inside it ATen calls, too, raise what has gone wrong before."""
        with WatchingCalls(self._check, lambda *_: None):
            yield

    @contextlib.contextmanager
    def precision(self, precision: Precision) -> Iterator[None]:
        """Rounds the factors of float32 products as TF32 does, under that policy."""
        before, self._precision = self._precision, precision
        try:
            with MatmulPrecision(precision):
                yield
        finally:
            self._precision = before

    def clocks(self) -> Clocks:
        """Returns made-up clocks that fit the made-up times."""
        throttling = self._clock.throttling
        return Clocks(
            sm_mhz=self._target.clock_mhz / max(self._clock.slowness, 1.0),
            memory_mhz=0.0,
            most_sm_mhz=self._target.clock_mhz,
            temperature_c=50.0,
            power_w=0.0,
            throttled=(throttling.reason,) if throttling else (),
        )

    def release(self) -> None:
        """Nothing is held but by those who asked for memory."""

    def close(self) -> None:
        """Nothing is held but by those who asked for memory."""

    # for the two kinds of prepared work

    def repeat(self, steps: Sequence[Step]) -> list[float]:
        """Does all steps of a graph again; returns how long each takes this time."""
        self._check()
        for step in steps:
            if self._failed is None and not self._hangs:
                step.again()
        return self._clock.run([step.cost_us for step in steps])

    def do(self, work: Callable[[], object], precision: Precision) -> float:
        """Does work as the host launches it; returns how long that takes this time, in microseconds."""
        self._check()
        with self.precision(precision), self._recording() as steps:
            work()
        taken = self._clock.run([step.cost_us for step in steps])
        return sum(max(time_us, HOST_LAUNCH_US) for time_us in taken) + self._waits * DEFAULT.wait_us

    def sample(self, device_us: float) -> Sample:
        """Returns what clocks make of work that took `device_us`; raises what went wrong in it."""
        self.synchronize()
        seen_us = self._clock.event_us(device_us)
        return Sample(device_us=seen_us, host_us=max(seen_us, device_us) + self._clock.host_us())

    def flush(self) -> None:
        """Lets the time pass that it takes to write twice the size of L2."""
        self._clock.run([2 * self._target.l2_mib * 2**20 / (self._target.dram_gb_per_s * 1e3)])

    @property
    def policy(self) -> Precision:
        """Of float32 products, now."""
        return self._precision

    # inside

    def _check(self) -> None:
        """Raises what has gone wrong, again and again."""
        if self._failed is not None:
            raise self._failed

    def _fail(self, fault: GpuFault) -> None:
        """Something went wrong; a later call says so. What does not spoil the context is said at once."""
        if fault is GpuFault.HANG:
            self._hangs = True
        elif fault is GpuFault.LOST:
            self._failed = GpuLost(NAMES[fault])
        elif fault.spoils:
            self._failed = GpuError(fault, NAMES[fault])
        else:
            raise GpuError(fault, NAMES.get(fault, fault.value))

    def _returned(self, start: int, size: int) -> None:
        self._used -= size
        self._blocks.pop(start, None)

    def _in_block(self, argument: Any) -> Any:
        """Returns an argument with the whole block of memory around it: a kernel knows addresses, no tensors."""
        if isinstance(argument, DescriptorArgument):
            return replace(argument, base=self._in_block(argument.base))
        if not isinstance(argument, torch.Tensor) or argument.numel() == 0:
            return argument
        address = argument.data_ptr()
        start = max((start for start in self._blocks if start <= address), default=None)
        block = self._blocks[start]() if start is not None else None
        if start is None or block is None or address >= start + len(block):
            return argument
        whole = torch.frombuffer(block, dtype=torch.uint8).untyped_storage()
        offset, rest = divmod(address - start, argument.element_size())
        if rest:
            return argument
        return torch.empty(0, dtype=argument.dtype).set_(whole, offset, argument.shape, argument.stride())

    def _execute(self, kernel: SimulatedKernel, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        """Runs a kernel, and counts what it does if that is not known yet."""
        self._launches += 1
        while self._incidents and self._incidents[0].after_launches < self._launches:
            self._fail(self._incidents.pop(0).fault)
        if self._failed is not None or self._hangs:
            return
        if misaligned(kernel.module, args):
            self._fail(GpuFault.MISALIGNED)
            return
        key = cost_key(grid, args)
        options = EXECUTION if key in kernel.costs_us else COUNTED
        try:
            with _disable_current_modes():
                execution = execute(kernel.module, grid, args, options=options)
        except MemoryFault:
            self._fail(GpuFault.ILLEGAL_ACCESS)
        except InvalidAddress as error:
            self._fail(GpuFault.MISALIGNED if error.misaligned else GpuFault.ILLEGAL_ACCESS)
        except DeviceAssertion:
            self._fail(GpuFault.ASSERTION)
        except ExecutionTimeout:
            self._fail(GpuFault.HANG)
        else:
            if key not in kernel.costs_us:
                work = work_of_launch(execution, sizes=sizes(kernel.module, args))
                facts = plain(work, kernel.compiled.resources, grid, kernel.num_stages)
                kernel.costs_us[key] = price_launch(self._target, facts).time_us

    @contextlib.contextmanager
    def _recording(self, *, captures: bool = False) -> Iterator[list[Step]]:
        """Inside it launches and ATen calls are noted; with `captures` launches are noted and not done."""
        steps: list[Step] = []
        before = self._steps, self._captures
        self._steps, self._captures, self._waits = steps, captures, 0
        try:
            with WatchingCalls(self._check, self._called):
                yield steps
        finally:
            self._steps, self._captures = before

    def _called(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Notes an ATen call."""
        if needs_host(func, args):
            self.synchronize()
        step = aten_step(func, args, kwargs, result, self._node, self._target, self._precision)
        if step is not None and self._steps is not None:
            self._steps.append(step)

    @contextlib.contextmanager
    def _marked(self, node: int) -> Iterator[None]:
        before, self._node = self._node, node
        try:
            yield
        finally:
            self._node = before


def _sleep_for_ever() -> NoReturn:
    """Waits for a kernel that never ends, as a real GPU's host does; only killing the process ends it."""
    while True:
        time.sleep(MOST_SECONDS_ASLEEP)

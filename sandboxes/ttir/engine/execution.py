"""Runs a TTIR kernel on the CPU: every program of a chunk of the grid at once, as batched torch tensors.

This is the ``cpu`` device's stand-in for a launch. Stores change the arguments' storage in place, like the GPU would.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from sandboxes.ttir.dataflow import accesses
from sandboxes.ttir.engine.control import run_body
from sandboxes.ttir.engine.counters import Counters, Tally
from sandboxes.ttir.engine.limits import Budget
from sandboxes.ttir.engine.machine import MALFORMED, Machine
from sandboxes.ttir.engine.plan import ModulePlan
from sandboxes.ttir.engine.preparation import prepare
from sandboxes.ttir.engine.values import SPACE_BITS, Buffer, Descriptor, Pointer, RuntimeValue, dtype_of, space_start
from sandboxes.ttir.errors import ArgumentMismatch, KernelError, TooMuchMemory, TTIRError, UnsupportedOperation
from sandboxes.ttir.ir import DescriptorType, Module, Parameter, PointerType, ScalarType
from sandboxes.ttir.remembering import by_module
from sandboxes.ttir.sanitizer import Unwritten, Watch

MAX_PROGRAMS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorArgument:
    """A host-side tensor descriptor (``triton.tools.tensor_descriptor.TensorDescriptor``)."""

    base: Tensor
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    padding: float = 0.0


Argument: TypeAlias = Tensor | DescriptorArgument | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOptions:
    """How to run."""

    chunk_elements: int = 2**20
    """Elements that the widest tensor of one chunk may have over all its programs; a chunk has at least one program."""
    programs: Sequence[int] | None = None
    """Linear ids of the programs to run (x fastest), in the order to run them; None runs the whole grid, by id."""
    programs_at_once: int | None = None
    """Programs of a chunk at most."""
    memory_bytes: int = 2**30
    """What the tensors of a chunk may take, arguments aside; fewer programs run at once where they hold much."""
    max_operations: int = 2_000_000
    """Operations after which `ExecutionTimeout` is raised; one operation of all programs of a chunk counts once."""
    max_seconds: float | None = None
    """Wall time after which `ExecutionTimeout` is raised."""
    count: bool = False
    """Whether to fill `Execution.counters`."""
    unwritten: Unwritten | None = None
    """Looks for races, reads of memory in here that nobody has written (stores are noted), and descriptors that TMA
    refuses; None looks at nothing but bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What ran."""

    programs: int
    seconds: float
    operations: int = 0
    """How many were executed, as `ExecutionOptions.max_operations` counts them."""
    counters: Counters = field(default_factory=Counters)
    """Empty unless `ExecutionOptions.count`."""


DEFAULTS = ExecutionOptions()


def execute(
    module: Module, grid: tuple[int, int, int], args: Sequence[Argument], *, options: ExecutionOptions = DEFAULTS
) -> Execution:
    """Launches the module's kernel over ``grid``.

    Args:
        module: from `parse`.
        grid: programs along x, y and z; if one of them is 0, nothing runs, as on a GPU.
        args: one per parameter: a CPU tensor for a pointer (legal memory is its whole storage), a number for a scalar.
        options: chunking, sampling, limits, counting.

    Raises:
        TTIRError: whatever the kernel did wrong, see `errors.py`. Memory may be partly written.
    """
    check_grid(grid)
    try:
        with torch.no_grad():
            return _execute(module, grid, args, options)
    except KernelError as error:
        error.within(module.kernel.name)
        raise


def check_grid(grid: tuple[int, int, int]) -> None:
    """Refuses sizes that no launch has.

    Raises:
        ArgumentMismatch: with the sizes.
    """
    if len(grid) != 3 or any(size < 0 for size in grid) or grid[0] * grid[1] * grid[2] > MAX_PROGRAMS:
        raise ArgumentMismatch(
            f"grid {tuple(grid)} must be three sizes, none negative, of at most {MAX_PROGRAMS} programs"
        )


def _execute(
    module: Module, grid: tuple[int, int, int], args: Sequence[Argument], options: ExecutionOptions
) -> Execution:
    started = time.monotonic()
    budget = Budget(options.max_operations, options.max_seconds)
    plan = prepared(module)
    binding = Binding(module, args)
    values = binding.values()
    buffers = binding.buffers
    watch = None if options.unwritten is None else _watch(module, values, buffers, options.unwritten)
    total = grid[0] * grid[1] * grid[2] if options.programs is None else len(options.programs)
    tally = Tally(plan.steps, buffers, total) if options.count else None
    chunk = _chunk(plan, options)
    for first in range(0, total, chunk):
        last = min(total, first + chunk)
        programs = (
            torch.arange(first, last)
            if options.programs is None
            else torch.tensor(options.programs[first:last], dtype=torch.int64)
        )
        if watch is not None:
            watch.begin(programs.numel())
        machine = Machine(module.value_count, programs, grid, tally, binding.spaces, budget, module.kernel.name, watch)
        for index, value in zip(plan.kernel.blocks[0].arguments, values, strict=True):
            machine.put(index, value)
        run_kernel(machine, plan)
    if watch is not None and total:
        watch.finish(machine)
    counters = tally.counters() if tally is not None else Counters()
    return Execution(programs=total, seconds=time.monotonic() - started, operations=budget.spent, counters=counters)


def _chunk(plan: ModulePlan, options: ExecutionOptions) -> int:
    """How many programs run at once."""
    fitting = options.memory_bytes // plan.program_bytes
    if not fitting:
        raise TooMuchMemory(plan.program_bytes, options.memory_bytes, plan.kernel.function.location)
    if plan.sequential:
        return 1
    most = fitting if options.programs_at_once is None else min(fitting, options.programs_at_once)
    return min(most, max(1, options.chunk_elements // plan.widest))


def run_kernel(machine: Machine, plan: ModulePlan) -> None:
    """Runs the programs of a machine that holds the kernel's arguments.

    Raises:
        TTIRError: whatever they do wrong.
    """
    kernel = plan.kernel.function
    try:
        run_body(machine, plan.kernel, None)
    except TTIRError:
        raise
    except MALFORMED as error:
        raise UnsupportedOperation(f"control flow ({error})", kernel.location) from error


@by_module
def prepared(module: Module) -> ModulePlan:
    """The module's plan, made once.

    Raises:
        TTIRError: the text is no program.
    """
    try:
        return prepare(module)
    except TTIRError:
        raise
    except MALFORMED as error:
        raise UnsupportedOperation(f"tt.func ({error})", module.kernel.location) from error


def _watch(module: Module, values: Sequence[RuntimeValue], buffers: Sequence[Buffer], unwritten: Unwritten) -> Watch:
    """The sanitizer's eye on this launch, which has seen the descriptors that the host made."""
    watch = Watch(module.kernel.name, buffers, accesses(module), unwritten)
    for parameter, value in zip(module.kernel.parameters, values, strict=True):
        if isinstance(value, Descriptor) and isinstance(parameter.type, DescriptorType):
            watch.describing(None, value, parameter.type.block.shape, module.kernel.location)
    return watch


def _tensors(arg: Argument) -> list[Tensor]:
    if isinstance(arg, DescriptorArgument):
        return [arg.base]
    return [arg] if isinstance(arg, Tensor) else []


class Binding:
    """The arguments of one launch as runtime values.

    Storages are told apart by where they begin; those behind several arguments get one virtual address space.
    """

    def __init__(self, module: Module, args: Sequence[Argument]) -> None:
        kernel = module.kernel
        if len(args) != len(kernel.parameters):
            raise ArgumentMismatch(
                f"kernel {kernel.name} takes {len(kernel.parameters)} arguments, {len(args)} were given"
            )
        self._pairs = list(zip(kernel.parameters, args, strict=True))
        self.buffers: list[Buffer] = []
        """One per pointer, in the order of the parameters."""
        self.spaces: dict[int, Buffer] = {}
        """By upper bits of virtual addresses: the first buffer of each storage."""
        self._numbers: dict[int, int] = {}
        self._read: set[int] = set()
        self._written: set[int] = set()
        facts = accesses(module)
        for parameter, arg in self._pairs:
            for tensor in _tensors(arg):
                storage = tensor.untyped_storage().data_ptr()
                self._numbers.setdefault(storage, len(self._numbers))
                fact = facts.get(parameter.name)
                if fact is not None and fact.mutates:
                    self._written.add(storage)
                if fact is not None and fact.reads:
                    self._read.add(storage)

    def values(self) -> list[RuntimeValue]:
        """Values of the parameters; fills `buffers` and `spaces`."""
        return [self._value(parameter, arg) for parameter, arg in self._pairs]

    def _value(self, parameter: Parameter, arg: Argument) -> RuntimeValue:
        kind = parameter.type
        if isinstance(kind, PointerType):
            if not isinstance(arg, Tensor):
                raise ArgumentMismatch(f"argument '{parameter.name}' must be a tensor, not {type(arg).__name__}")
            return self._pointer(parameter.name, arg, dtype_of(kind.pointee))
        if isinstance(kind, DescriptorType):
            if not isinstance(arg, DescriptorArgument):
                raise ArgumentMismatch(f"argument '{parameter.name}' must be a DescriptorArgument")
            pointer = self._pointer(parameter.name, arg.base, dtype_of(kind.block))
            shape, strides = (tuple(torch.tensor([n]) for n in sizes) for sizes in (arg.shape, arg.strides))
            return Descriptor(pointer, shape, strides, (), arg.padding)
        return _number(parameter, arg)

    def _pointer(self, name: str, tensor: Tensor, dtype: torch.dtype | None) -> Pointer:
        if tensor.device.type != "cpu":
            raise ArgumentMismatch(f"argument '{name}' lives on {tensor.device}; the executor works on CPU tensors")
        if dtype is None or dtype.itemsize != tensor.element_size():
            raise ArgumentMismatch(f"argument '{name}' is {tensor.dtype}, the kernel was compiled for {dtype}")
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        size = tensor.element_size()
        flat = torch.empty(0, dtype=tensor.dtype).set_(storage, 0, (storage.nbytes() // size,), (1,))
        address = space_start(self._numbers[place])
        buffer = Buffer(
            name,
            len(self.buffers),
            flat if flat.dtype == dtype else flat.view(torch.uint8).view(dtype),
            int(tensor.storage_offset()),
            place in self._written,
            place in self._read,
            address,
        )
        self.buffers.append(buffer)
        self.spaces.setdefault(address >> SPACE_BITS, buffer)
        return Pointer(buffer, torch.tensor([tensor.storage_offset()]))


def _number(parameter: Parameter, arg: Argument) -> Tensor:
    kind = parameter.type
    dtype = dtype_of(kind)
    if dtype is None or not isinstance(kind, ScalarType) or not isinstance(arg, int | float):
        raise ArgumentMismatch(f"argument '{parameter.name}' must be a number, not {type(arg).__name__}")
    if kind.is_float:
        return torch.tensor([float(arg)], dtype=torch.float64).to(dtype)
    bits = 1 if dtype == torch.bool else torch.iinfo(dtype).bits
    wrapped = int(arg) & ((1 << bits) - 1)
    return torch.tensor([wrapped - (1 << bits) if bits > 1 and wrapped >> (bits - 1) else wrapped], dtype=dtype)

"""One launch of a trace on the CPU: arguments bound and checked, programs executed, work counted."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch

from sandboxes.contracts import Descriptor, Launch, ScalarRef, TensorRef
from sandboxes.devices.looking import Look
from sandboxes.devices.sampling import sampled_programs
from sandboxes.hardware.executed import work_of_counters, work_of_launch
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.work import Work
from sandboxes.replay import MalformedTrace, OutOfTime, ValueOutOfRange, Values, number
from sandboxes.ttir import (
    DescriptorArgument,
    Execution,
    ExecutionOptions,
    ExecutionTimeout,
    Module,
    Parameter,
    ScalarType,
    Unwritten,
    any_order,
    depends_on_order,
    execute,
    group_size,
    parse,
)


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch did."""

    execution: Execution
    work: Work
    """Of the whole grid, also if only a sample ran; nothing if it was not counted."""
    scale: float = 1.0
    """Programs of the grid for each one that ran."""
    in_any_order: bool = False
    """Whether the programs ran in a random order, a few at a time."""
    facts: LaunchFacts | None = None
    """What its price follows from, if it was looked at: for a sample, from other programs than those that ran."""
    distinct: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Distinct bytes that each argument is loaded from and stored to, of the whole grid."""


def launch(
    index: int,
    node: Launch,
    choice: int,
    values: Values,
    deadline_s: float,
    *,
    count: bool,
    sample: bool = False,
    unwritten: Unwritten | None = None,
    seed: int | None = None,
    look: Look | None = None,
) -> Launched:
    """Executes a launch.

    Args:
        index: Of the node, for messages.
        node: The launch.
        choice: Which of its variants.
        values: Tensors by id; stores change them.
        deadline_s: On `time.monotonic`'s clock.
        count: Whether the work will be asked for.
        sample: Run only a few programs, spread over the grid (`sampled_programs`).
        unwritten: What nobody has written; with it the launch is sanitized, without it only bounds are checked.
        seed: The judge's. Draws the programs of a sample, and the order of the programs of a kernel that depends on it;
            None always samples the same ones, and runs programs by id, at once.
        look: Who looks at its addresses, for its price; of a sample, bytes and operations come from that, too.

    Raises:
        MalformedTrace: The arguments don't fit the kernel, or contradict what it was specialised for; a number that
            is read back does not fit its parameter (`ValueOutOfRange`).
        TTIRError: The kernel faults, is unsupported or runs too long.
    """
    variant = node.variants[choice]
    module = parse(variant.ttir)
    args = bound_arguments(index, node, choice, values)
    total = prod(variant.grid)
    programs = sampled_programs(variant.grid, seed or 0) if sample else None
    examination = None if look is None or not total else look.examined(module, variant, args)
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise OutOfTime(node.line)
    options = ExecutionOptions(count=count, programs=programs, max_seconds=left, unwritten=unwritten)
    order = None if sample or not depends_on_order(module) else seed
    if order is None:
        execution = execute(module, variant.grid, args, options=options)
    else:
        execution = _in_any_order(module, variant.grid, args, options, order)
    scale = total / len(programs) if programs else 1.0
    work = work_of_launch(execution, scale=scale, sizes=storage_sizes(module, args))
    told, counters, counted = work, execution.counters, scale
    if sample and examination is not None:
        counters, counted = examination.counters, 1.0
        told = work_of_counters(counters, sizes=storage_sizes(module, args))
    return Launched(
        execution,
        work,
        scale,
        in_any_order=order is not None,
        facts=None if look is None else look.facts(module, variant, told, counters, counted, examination),
        distinct={
            name: (count.unique_bytes_loaded * counted, count.unique_bytes_stored * counted)
            for name, count in counters.arguments.items()
        },
    )


def bound_arguments(index: int, node: Launch, choice: int, values: Values) -> list[Any]:
    """Returns what a kernel is launched with: tensors, numbers and `DescriptorArgument`s, checked.

    Args:
        index: Of the node, for messages.
        node: The launch.
        choice: Which of its variants.
        values: Tensors by id.

    Raises:
        MalformedTrace: As `launch`.
    """
    variant = node.variants[choice]
    module = parse(variant.ttir)
    args = [_argument(argument, values) for argument in variant.args]
    name = f"node {index} (`{node.kernel}`)"
    _check_specialisation(name, module, args)
    for position, argument in enumerate(variant.args):
        if isinstance(argument, ScalarRef):
            _check_range(name, module.kernel.parameters[position], args[position])
    return args


def storage_sizes(module: Module, args: Sequence[Any]) -> dict[str, int]:
    """Returns the bytes of memory behind each tensor that a kernel is launched with, by parameter."""
    return {
        parameter.name: argument.untyped_storage().nbytes()
        for parameter, argument in zip(module.kernel.parameters, args, strict=True)
        if isinstance(argument, torch.Tensor)
    }


def _in_any_order(
    module: Module, grid: tuple[int, int, int], args: list[Any], options: ExecutionOptions, seed: int
) -> Execution:
    """Executes programs in an order that the kernel can't know, a few at a time.

    Programs that wait for one with a smaller id (decoupled look-back) come to a standstill in most orders, although
    GPUs start programs by id: then memory is put back, and they run by id.
    """
    total, started = prod(grid), time.monotonic()
    before = [tensor.clone() for tensor in _storages(args)]
    shuffled = replace(options, programs=any_order(total, seed), programs_at_once=group_size(total))
    try:
        return execute(module, grid, args, options=shuffled)
    except ExecutionTimeout:
        for tensor, values in zip(_storages(args), before, strict=True):
            tensor.copy_(values)
        assert options.max_seconds is not None
        left = max(options.max_seconds - (time.monotonic() - started), 0.0)
        return execute(module, grid, args, options=replace(options, max_seconds=left))


def _storages(args: Sequence[Any]) -> list[torch.Tensor]:
    """The whole memory behind the arguments, as bytes."""
    tensors = [arg.base if isinstance(arg, DescriptorArgument) else arg for arg in args]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors if isinstance(t, torch.Tensor)}
    return [torch.empty(0, dtype=torch.uint8).set_(storage) for storage in storages.values()]


def _argument(argument: Any, values: Values) -> Any:
    """Returns what the executor takes for an argument of a variant."""
    if isinstance(argument, TensorRef):
        return values[argument.id]
    if isinstance(argument, ScalarRef):
        return number(values, argument)
    if isinstance(argument, Descriptor):
        return DescriptorArgument(
            base=values[argument.base.id],
            shape=argument.shape,
            strides=argument.strides,
            padding=float("nan") if argument.padding == "nan" else 0.0,
        )
    return argument


def _check_specialisation(launch_name: str, module: Module, args: Sequence[Any]) -> None:
    """Checks the divisibility that the kernel was promised: a GPU would load wrong addresses without it."""
    parameters = module.kernel.parameters
    if len(parameters) != len(args):
        raise MalformedTrace(f"{launch_name} takes {len(parameters)} arguments, the trace has {len(args)}")
    for parameter, argument in zip(parameters, args, strict=True):
        divisor = parameter.attributes.get("tt.divisibility")
        if not isinstance(divisor, int) or divisor <= 0:
            continue
        value = argument.storage_offset() * argument.element_size() if isinstance(argument, torch.Tensor) else argument
        if isinstance(value, int) and value % divisor:
            raise MalformedTrace(
                f"{launch_name}: `{parameter.name}` is {value}, the kernel assumes a multiple of {divisor}"
            )


def _check_range(launch_name: str, parameter: Parameter, value: int | float) -> None:
    """Checks that a number that was read back fits its parameter; Triton would have compiled a wider kernel for it."""
    kind = parameter.type
    if not isinstance(kind, ScalarType):
        raise MalformedTrace(f"{launch_name}: `{parameter.name}` is {kind}, the trace has a number that is read back")
    if kind.is_float:
        return
    if not isinstance(value, int):
        raise MalformedTrace(f"{launch_name}: `{parameter.name}` is {kind}, the number that is read back no integer")
    bits = kind.bits
    low, high = (0, 1) if bits == 1 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= value <= high:
        raise ValueOutOfRange(f"{launch_name}: `{parameter.name}` is {value}, too large for a parameter of type {kind}")

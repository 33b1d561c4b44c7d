"""One launch of a trace on the CPU: arguments bound and checked, programs executed, work counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from sandboxes.contracts import Descriptor, Launch, ScalarRef, TensorRef
from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.work import Work
from sandboxes.replay import MalformedTrace, OutOfTime, ValueOutOfRange, Values, number
from sandboxes.ttir import (
    DescriptorArgument,
    Execution,
    ExecutionOptions,
    Module,
    Parameter,
    ScalarType,
    Unwritten,
    execute,
    parse,
)

SAMPLED_PROGRAMS = 8
"""Programs that stand for a whole grid where only its price is asked for."""


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch did."""

    execution: Execution
    work: Work
    """Of the whole grid, also if only a sample ran; nothing if it was not counted."""
    scale: float = 1.0
    """Programs of the grid for each one that ran."""


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
) -> Launched:
    """Executes a launch.

    Args:
        index: Of the node, for messages.
        node: The launch.
        choice: Which of its variants.
        values: Tensors by id; stores change them.
        deadline_s: On `time.monotonic`'s clock.
        count: Whether the work will be asked for.
        sample: Run only `SAMPLED_PROGRAMS`, spread over the grid.
        unwritten: What nobody has written; with it the launch is sanitized, without it only bounds are checked.

    Raises:
        MalformedTrace: The arguments don't fit the kernel, or contradict what it was specialised for; a number that
            is read back does not fit its parameter (`ValueOutOfRange`).
        TTIRError: The kernel faults, is unsupported or runs too long.
    """
    variant = node.variants[choice]
    module = parse(variant.ttir)
    args = [_argument(argument, values) for argument in variant.args]
    name = f"node {index} (`{node.kernel}`)"
    _check_specialisation(name, module, args)
    for position, argument in enumerate(variant.args):
        if isinstance(argument, ScalarRef):
            _check_range(name, module.kernel.parameters[position], args[position])
    total = prod(variant.grid)
    programs = _sampled(total) if sample else None
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise OutOfTime(node.line)
    options = ExecutionOptions(count=count, programs=programs, max_seconds=left, unwritten=unwritten)
    execution = execute(module, variant.grid, args, options=options)
    sizes = {
        parameter.name: argument.untyped_storage().nbytes()
        for parameter, argument in zip(module.kernel.parameters, args, strict=True)
        if isinstance(argument, torch.Tensor)
    }
    scale = total / len(programs) if programs else 1.0
    return Launched(execution, work_of_launch(execution, scale=scale, sizes=sizes), scale)


def _sampled(total: int) -> list[int]:
    """Returns the ids of programs spread over a grid of `total`: all of a small grid, none of an empty one."""
    if total == 0:
        return []
    return sorted({total * step // SAMPLED_PROGRAMS for step in range(SAMPLED_PROGRAMS)})


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

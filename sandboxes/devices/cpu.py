"""The CPU as a device: TTIR is executed, time is modelled."""

import time
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch

from sandboxes.contracts import ArgumentSequence, Launch, Precision, Profile, Target, TensorRef, Trace, Variant
from sandboxes.contracts.trace import Descriptor
from sandboxes.devices.device import Choice, Program, Run
from sandboxes.devices.modelled import Notes, modelled_profile
from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.model import price_launch
from sandboxes.precision import MatmulPrecision
from sandboxes.replay import MalformedTrace, Values, replay
from sandboxes.truth import clone
from sandboxes.ttir import DescriptorArgument, Execution, ExecutionOptions, ExecutionTimeout, Module, execute, parse

SAMPLED_PROGRAMS = 8
"""Programs that are run to compare variants of a launch."""

CPU = torch.device("cpu")


class CpuDevice:
    """Implements `Device`.

    Args:
        precision: How ATen matrix products treat float32.
    """

    def __init__(self, precision: Precision) -> None:
        self._precision = precision

    def choose(
        self, program: Program, inputs: Callable[[], Sequence[Any]], target: Target, deadline_s: float
    ) -> Choice:
        """Prices a few programs of every variant and takes the cheapest."""
        choice: dict[int, int] = {}
        several = _with_several_variants(program)

        def launch(index: int, node: Launch, values: Values) -> None:
            fitting = [variant for variant in range(len(node.variants)) if (index, variant) in program.kernels]
            if len(fitting) > 1:
                prices = {
                    number: self._sample(program, index, number, values, target, deadline_s) for number in fitting
                }
                choice[index] = min(prices, key=lambda number: prices[number])
            else:
                choice[index] = fitting[0] if fitting else 0

        if several:
            self._replay(program, inputs(), launch)
        else:
            for index, node in enumerate(program.trace.nodes):
                if isinstance(node, Launch):
                    launch(index, node, {})
        return choice

    def run(
        self, program: Program, inputs: Sequence[Any], choice: Choice, deadline_s: float, *, sample: bool = False
    ) -> Run:
        """Executes every launch, in full or a sample of its programs."""
        notes = Notes()
        count = bool(program.kernels)

        def launch(index: int, node: Launch, values: Values) -> None:
            variant = node.variants[choice.get(index, 0)]
            programs = _sample(variant.grid) if sample else None
            options = ExecutionOptions(count=count, max_seconds=_left(deadline_s), programs=programs)
            notes.executions[index] = _launch(index, node, variant, values, options)
            notes.scales[index] = prod(variant.grid) / max(1, len(programs)) if programs is not None else 1.0

        output = self._replay(program, inputs, launch)
        return Run(output=output, inputs=list(inputs), notes=notes)

    def profile(self, program: Program, choice: Choice, run: Run, reference: Trace, target: Target) -> Profile:
        """Prices every node with the hardware model."""
        return modelled_profile(program, choice, run.notes, reference, target, self._precision)

    def _replay(self, program: Program, inputs: Sequence[Any], launch: Any) -> Any:
        written = (
            frozenset().union(*(node.writes for node in program.flow.nodes)) if program.flow.nodes else frozenset()
        )
        constants: Mapping[str, torch.Tensor] = program.constants
        if written & program.flow.constant_storages:
            constants = {key: value.clone() for key, value in constants.items()}
        with MatmulPrecision(self._precision):
            return replay(program.trace, bind(program.trace, inputs), constants, device=CPU, launch=launch).output

    def _sample(
        self, program: Program, index: int, number: int, values: Values, target: Target, deadline_s: float
    ) -> float:
        """Returns the modelled time of one variant from a few of its programs, microseconds."""
        node = program.trace.nodes[index]
        assert isinstance(node, Launch)
        variant = node.variants[number]
        total = prod(variant.grid)
        if total == 0:
            return 0.0
        sample = _sample(variant.grid)
        copies = {id_: clone(value) for id_, value in values.items()}
        options = ExecutionOptions(count=True, programs=sample, max_seconds=_left(deadline_s))
        execution = _launch(index, node, variant, copies, options)
        work = work_of_launch(execution, scale=total / len(sample))
        return price_launch(target, work, program.kernels[index, number].resources, variant.grid).time_us


def _sample(grid: tuple[int, int, int]) -> list[int]:
    """Returns linear ids of a few programs spread over the grid."""
    total = prod(grid)
    return sorted({total * step // SAMPLED_PROGRAMS for step in range(SAMPLED_PROGRAMS)}) if total else []


def _with_several_variants(program: Program) -> bool:
    counts: dict[int, int] = {}
    for index, _ in program.kernels:
        counts[index] = counts.get(index, 0) + 1
    return any(count > 1 for count in counts.values())


def _left(deadline_s: float) -> float:
    """Returns the seconds left until the deadline.

    Raises:
        ExecutionTimeout: There are none.
    """
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise ExecutionTimeout(0.0)
    return left


def bind(trace: Trace, inputs: Sequence[Any]) -> Values:
    """Returns the tensors of `inputs` under the ids the trace gives them."""
    values: Values = {}

    def visit(argument: object, value: Any) -> None:
        if isinstance(argument, TensorRef):
            values[argument.id] = value
        elif isinstance(argument, ArgumentSequence):
            for inner, item in zip(argument.items, value, strict=True):
                visit(inner, item)

    for argument, value in zip(trace.inputs, inputs, strict=True):
        visit(argument, value)
    return values


def _launch(index: int, node: Launch, variant: Variant, values: Values, options: ExecutionOptions) -> Execution:
    """Executes one launch.

    Raises:
        MalformedTrace: The arguments don't fit the kernel, or contradict what it was specialised for.
    """
    module = parse(variant.ttir)
    args: list[Any] = []
    for argument in variant.args:
        if isinstance(argument, TensorRef):
            args.append(values[argument.id])
        elif isinstance(argument, Descriptor):
            padding = float("nan") if argument.padding == "nan" else 0.0
            base = values[argument.base.id]
            args.append(DescriptorArgument(base=base, shape=argument.shape, strides=argument.strides, padding=padding))
        else:
            args.append(argument)
    _check_specialisation(index, node, module, args)
    return execute(module, variant.grid, args, options=options)


def _check_specialisation(index: int, node: Launch, module: Module, args: Sequence[Any]) -> None:
    """Checks the divisibility that the kernel was promised: a GPU would load the wrong addresses without it."""
    parameters = module.kernel.parameters
    if len(parameters) != len(args):
        raise MalformedTrace(
            f"node {index} (`{node.kernel}`) takes {len(parameters)} arguments, the trace has {len(args)}"
        )
    for parameter, argument in zip(parameters, args, strict=True):
        divisor = parameter.attributes.get("tt.divisibility")
        if not isinstance(divisor, int) or divisor <= 0:
            continue
        value = argument.storage_offset() * argument.element_size() if isinstance(argument, torch.Tensor) else argument
        if isinstance(value, int) and value % divisor:
            raise MalformedTrace(
                f"node {index} (`{node.kernel}`): `{parameter.name}` is {value}, "
                f"the kernel assumes a multiple of {divisor}"
            )

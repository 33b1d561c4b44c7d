"""The CPU as a device: TTIR is executed, time is modelled."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from sandboxes.contracts import ArgumentSequence, Launch, Precision, Profile, Target, TensorRef, Trace, references
from sandboxes.devices.device import Choice, Program, Run
from sandboxes.devices.launching import Launched, launch
from sandboxes.devices.modelled import modelled_profile
from sandboxes.hardware.model import price_launch
from sandboxes.replay import LaunchFunction, Values, replay
from sandboxes.truth import clone

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
        """Prices a few programs of every variant and takes the cheapest; a launch with one variant needs no run."""
        fitting: dict[int, list[int]] = {}
        for index, number in sorted(program.kernels):
            fitting.setdefault(index, []).append(number)
        choice = {index: numbers[0] for index, numbers in fitting.items()}
        if all(len(numbers) == 1 for numbers in fitting.values()):
            return choice

        def compare(index: int, node: Launch, values: Values) -> None:
            if len(fitting[index]) > 1:
                prices = {
                    number: self._price(program, index, node, number, values, target, deadline_s)
                    for number in fitting[index]
                }
                choice[index] = min(prices, key=lambda number: prices[number])

        self._replay(program, inputs(), compare)
        return choice

    def run(
        self, program: Program, inputs: Sequence[Any], choice: Choice, deadline_s: float, *, sample: bool = False
    ) -> Run:
        """Executes every launch, in full or a sample of its programs."""
        launched: dict[int, Launched] = {}
        count = bool(program.kernels)  # only a compiled program will be priced

        def execute(index: int, node: Launch, values: Values) -> None:
            number = choice.get(index, 0)
            launched[index] = launch(index, node, number, values, deadline_s, count=count, sample=sample)

        output = self._replay(program, inputs, execute)
        return Run(output=output, inputs=list(inputs), notes=launched)

    def profile(self, program: Program, choice: Choice, run: Run, reference: Trace, target: Target) -> Profile:
        """Prices every node with the hardware model."""
        return modelled_profile(program, choice, run.notes, reference, target, self._precision)

    def _replay(self, program: Program, inputs: Sequence[Any], launch_function: LaunchFunction) -> Any:
        constants: Mapping[str, torch.Tensor] = program.constants
        if program.flow.writes_constants:
            constants = {key: value.clone() for key, value in constants.items()}
        values = bind(program.trace, inputs)
        return replay(
            program.trace, values, constants, device=CPU, launch=launch_function, precision=self._precision
        ).output

    def _price(
        self,
        program: Program,
        index: int,
        node: Launch,
        number: int,
        values: Values,
        target: Target,
        deadline_s: float,
    ) -> float:
        """Returns the modelled time of one variant from a few of its programs, microseconds."""
        copies = {id_: clone(values[id_]) for id_ in set(references(node.variants[number].args))}
        work = launch(index, node, number, copies, deadline_s, count=True, sample=True).work
        variant = node.variants[number]
        resources = program.kernels[index, number].resources
        return price_launch(target, work, resources, variant.grid, variant.num_stages).time_us


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

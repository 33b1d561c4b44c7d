"""The CPU as a device: TTIR is executed, time is modelled."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from sandboxes.contracts import (
    ArgumentSequence,
    Launch,
    Precision,
    Profile,
    Target,
    TensorRef,
    Trace,
)
from sandboxes.devices.choosing import Choosing
from sandboxes.devices.device import Around, Choice, CompileInOrder, Program, Rival, Run
from sandboxes.devices.hollow import replay_hollow
from sandboxes.devices.launching import Launched, launch
from sandboxes.devices.looking import Look, Looker
from sandboxes.devices.modelled import modelled_profile
from sandboxes.nested import clone, same
from sandboxes.replay import LaunchFunction, Values, replay
from sandboxes.ttir import Unwritten

CPU = torch.device("cpu")


class ReplayMemory:
    """Implements `Memory`: tells the sanitizer about the storages that kernels of the program load from.

    Storages are the trace's as far as choosing them goes; which memory is meant is up to the tensors themselves.
    """

    def __init__(self, program: Program) -> None:
        self.unwritten = Unwritten()
        self._storage = program.flow.storage
        nodes = zip(program.trace.nodes, program.flow.nodes, strict=True)
        self._loaded = frozenset().union(*(flow.reads for node, flow in nodes if isinstance(node, Launch)))

    def allocated(self, value: int, tensor: torch.Tensor) -> None:
        """Nothing of it is written, if a kernel may load it at all."""
        if self._storage[value] in self._loaded:
            self.unwritten.allocated(tensor)

    def written(self, value: int, tensor: torch.Tensor) -> None:
        """All of it is written."""
        self.unwritten.written(tensor)


class CpuDevice:
    """Implements `Device`.

    Args:
        precision: How ATen matrix products treat float32.
    """

    def __init__(self, precision: Precision) -> None:
        self._precision = precision

    @property
    def home(self) -> None:
        """None: the executor finds whoever looks beyond its tensors."""

    def choose(
        self,
        program: Program,
        inputs: Callable[[], Sequence[Any]],
        compile_in_order: CompileInOrder,
        target: Target,
        deadline_s: float,
    ) -> tuple[Program, Choice]:
        """Prices a few programs of every variant, has the best compiled, and takes the cheapest of these."""
        launches = {index: node for index, node in enumerate(program.trace.nodes) if isinstance(node, Launch)}
        choosing = Choosing(target, deadline_s, hollow=program.hollow, copied=_same if program.hollow else clone)
        if any(len(node.variants) > 1 for node in launches.values()):
            self._replay(program, inputs(), choosing.sampling(), deadline_s)
        order = {
            index: sorted(range(len(node.variants)), key=partial(choosing.promise, index))
            for index, node in launches.items()
        }
        compiled = compile_in_order(order)
        choice: dict[int, int] = {}
        for index, node in launches.items():
            fitting = [number for number in order[index] if (index, number) in compiled.kernels]
            if len(node.variants) > 1:
                kernels = compiled.kernels
                fitting.sort(
                    key=lambda number: choosing.time_us(
                        index, number, kernels[index, number].resources, kernels[index, number].code
                    )
                )
            choice[index] = fitting[0]
        return compiled, choice

    def run(
        self,
        program: Program,
        inputs: Sequence[Any],
        choice: Choice,
        deadline_s: float,
        seed: int,
        around: Around | None = None,
    ) -> Run:
        """Executes and sanitizes every launch; of a hollow program a sample, of which only bounds are checked."""
        launched: dict[int, Launched] = {}
        priced = bool(program.kernels) and around is None  # nobody asks for a profile of anything else
        looker = None
        if priced and program.target is not None:
            looker = Looker(program.target, seed, hollow=program.hollow)
        memory = None if program.hollow else ReplayMemory(program)  # hollow values say nothing

        def execute(index: int, node: Launch, values: Values) -> None:
            launched[index] = launch(
                index,
                node,
                choice.get(index, 0),
                values,
                deadline_s,
                count=priced,
                sample=program.hollow,
                unwritten=memory.unwritten if memory else None,
                seed=seed,
                look=_look(program, index, choice.get(index, 0), looker),
            )

        constants = _own_constants(program)
        wrapped = around(execute) if around else execute
        output = self._replay(program, inputs, wrapped, deadline_s, memory, constants)
        nodes = program.trace.nodes
        in_any_order = frozenset(
            node.kernel
            for index, node in enumerate(nodes)
            if isinstance(node, Launch) and index in launched and launched[index].in_any_order
        )
        return Run(
            output=output,
            inputs=list(inputs),
            changed_weights=_changed_weights(program, constants),
            in_any_order=in_any_order,
            notes=launched,
        )

    def profile(self, program: Program, choice: Choice, run: Run, rival: Rival, target: Target) -> Profile:
        """Prices every node with the hardware model."""
        return modelled_profile(program, choice, run.notes, rival.graph, target, self._precision)

    def _replay(
        self,
        program: Program,
        inputs: Sequence[Any],
        launch_function: LaunchFunction,
        deadline_s: float,
        memory: ReplayMemory | None = None,
        constants: Mapping[str, torch.Tensor] | None = None,
    ) -> Any:
        if program.hollow:
            replay_hollow(program, launch_function)
            return None
        values = bind(program.trace, inputs)
        return replay(
            program.trace,
            values,
            _own_constants(program) if constants is None else constants,
            device=CPU,
            launch=launch_function,
            precision=self._precision,
            deadline_s=deadline_s,
            memory=memory,
        ).output


def _own_constants(program: Program) -> Mapping[str, torch.Tensor]:
    """Returns the constants of a program, as copies if it writes to any."""
    if program.flow.writes_constants and not program.hollow:
        return {key: value.clone() for key, value in program.constants.items()}
    return program.constants


def _changed_weights(program: Program, constants: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """Returns the keys of parameters that differ from what they were, bit by bit."""
    if constants is program.constants:
        return ()
    parameters = [item.key for item in program.trace.constants if item.role == "parameter"]
    return tuple(key for key in parameters if not same(program.constants[key], constants[key]))


def _look(program: Program, index: int, number: int, looker: Looker | None) -> Look | None:
    kernel = program.kernels.get((index, number))
    if looker is None or kernel is None:
        return None
    return Look(looker=looker, resources=kernel.resources, code=kernel.code)


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


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

"""A program on a GPU: its tensors laid out in a slot of the arena, its launches handed to the device."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from sandboxes.contracts import AtenCall, Launch, ScalarRef, Target, TensorSpec, Trace, references
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.devices.cpu import bind
from sandboxes.devices.cuda.arena import Slot, slot_bytes
from sandboxes.devices.cuda.errors import GpuError
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.launching import bound_arguments
from sandboxes.nested import labelled
from sandboxes.operators import operator
from sandboxes.replay import LaunchFunction, OutOfTime, Values, replay, restride

Loaded = Mapping[tuple[int, int], Any]
"""What `Gpu.load` returned, by (node, variant)."""


class SlotGround:
    """Implements `Ground`: memory that a program allocates lies in a slot.

    A value gets the same memory in every replay, poisoned the first time and whenever the slot is (`Slot.poison`).

    Args:
        trace: The program's.
        slot: Where.
        copied: Results of operators that are copied into the slot, to have guards around them.
    """

    def __init__(self, trace: Trace, slot: Slot, copied: frozenset[int]) -> None:
        self._trace = trace
        self._slot = slot
        self._copied = copied
        self._names = _names(trace)
        self._made: dict[int, torch.Tensor] = {}

    def empty(self, value: int, spec: TensorSpec) -> torch.Tensor:
        """Returns memory of the slot."""
        if value not in self._made:
            self._made[value] = self._slot.empty(self._names[value], spec)
        return self._made[value]

    def computed(self, value: int, tensor: torch.Tensor) -> torch.Tensor:
        """Returns a copy in the slot if a kernel may touch the value, otherwise the tensor."""
        if value not in self._copied or self._slot.holds(tensor):
            return tensor
        if value in self._made:
            return self._made[value].copy_(tensor)
        self._made[value] = self._slot.place(self._names[value], tensor, _bytes(self._trace.values[value]))
        return self._made[value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A program's tensors in a slot."""

    values: Values
    """Inputs and constants by id."""
    inputs: list[Any]
    """The inputs as `forward` takes them."""
    constants: dict[str, torch.Tensor]
    """By `Constant.key`."""
    ground: SlotGround


def touched(program: Program) -> frozenset[int]:
    """Returns the values in whose memory a kernel may load or store."""
    arguments = [
        id_
        for node in program.trace.nodes
        if isinstance(node, Launch)
        for variant in node.variants
        for id_ in references(tuple(item for item in variant.args if not isinstance(item, ScalarRef)))
    ]
    storages = {program.flow.storage[id_] for id_ in arguments}
    return frozenset(id_ for id_, storage in enumerate(program.flow.storage) if storage in storages)


def needed_bytes(program: Program, inputs: Sequence[Any], *, guarded: bool) -> int:
    """Returns the size of a slot in which a program can run.

    Args:
        program: What is to run.
        inputs: Its inputs, wherever they are.
        guarded: Whether results of operators are copied into the slot, too.
    """
    trace = program.trace
    sizes = [tensor.untyped_storage().nbytes() for _, tensor in labelled(list(inputs))]
    sizes += [_bytes(trace.values[constant.value]) for constant in trace.constants]
    copied = touched(program) if guarded else frozenset()
    for node in trace.nodes:
        if isinstance(node, AtenCall) and (op := operator(node.operator)).fresh:
            ids = dict.fromkeys(references(node.results))
            sizes += [_bytes(trace.values[id_]) for id_ in ids if op.allocates or id_ in copied]
    return slot_bytes(sizes)


def lay_out(program: Program, inputs: Sequence[Any], slot: Slot, *, guarded: bool) -> Laid:
    """Lays a program's tensors out in a slot, from its beginning; what was there before is forgotten.

    Args:
        program: What is to run.
        inputs: Values of its inputs, wherever they are; copied.
        slot: Where.
        guarded: Whether results of operators that kernels touch are copied into the slot, too. A judged run has them
            between guards; a timed one must not spend time on it.
    """
    trace = program.trace
    slot.clear()
    placed = [_place(item, f"input {position}", slot) for position, item in enumerate(inputs)]
    values = bind(trace, placed)
    constants: dict[str, torch.Tensor] = {}
    for constant in trace.constants:
        data = restride(program.constants[constant.key], trace.values[constant.value])
        size = _bytes(trace.values[constant.value])
        name = f"the {constant.role} `{constant.key.removeprefix(f'{constant.role}:')}`"
        constants[constant.key] = slot.place(name, data, size)
        values[constant.value] = constants[constant.key]
    ground = SlotGround(trace, slot, touched(program) if guarded else frozenset())
    return Laid(values=values, inputs=placed, constants=constants, ground=ground)


def load(gpu: Gpu, program: Program, choice: Choice, target: Target) -> Loaded:
    """Loads the chosen variant of every launch.

    Raises:
        CompileFailure: One can't be compiled or does not fit; its line is the launch's unless it says more.
    """
    nodes = program.trace.nodes
    launches = {index: node for index, node in enumerate(nodes) if isinstance(node, Launch)}
    return {
        (index, choice.get(index, 0)): gpu.load(node.variants[choice.get(index, 0)], target)
        for index, node in launches.items()
    }


def launcher(gpu: Gpu, loaded: Loaded, choice: Choice) -> LaunchFunction:
    """Returns what launches kernels without waiting for them."""

    def launch(index: int, node: Launch, values: Values) -> None:
        number = choice.get(index, 0)
        gpu.launch(loaded[index, number], node.variants[number].grid, bound_arguments(index, node, number, values))

    return launch


def watched(gpu: Gpu, slot: Slot, launch: LaunchFunction, deadline_s: float) -> LaunchFunction:
    """Returns `launch`, waited for, with a look at the guards after it: what goes wrong is known to be this node's."""

    def launch_and_look(index: int, node: Launch, values: Values) -> None:
        try:
            launch(index, node, values)
            gpu.synchronize()
            slot.check()
        except GpuError as error:
            raise GpuError(error.fault, error.detail, index) from error
        if time.monotonic() > deadline_s:
            raise OutOfTime(node.line)

    return launch_and_look


def forward(
    gpu: Gpu,
    program: Program,
    laid: Laid,
    launch: LaunchFunction,
    *,
    deadline_s: float = float("inf"),
    mark: Callable[[int], AbstractContextManager[None]] | None = None,
) -> Any:
    """Runs a program that is laid out; returns what `forward` returns.

    The caller is inside of `gpu.precision`, and has restored what the last run changed.

    Raises:
        MalformedTrace, OutOfTime: As `replay`.
        GpuError, GpuLost: As `Gpu`.
    """
    return replay(
        program.trace,
        laid.values,
        {},
        device=gpu.device,
        launch=launch,
        deadline_s=deadline_s,
        ground=laid.ground,
        mark=mark,
    ).output


def _place(value: Any, name: str, slot: Slot) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_place(item, f"{name}[{index}]", slot) for index, item in enumerate(value))
    return slot.place(name, value) if isinstance(value, torch.Tensor) else value


def _names(trace: Trace) -> dict[int, str]:
    """Returns what to call the values that operators make, by id."""
    names: dict[int, str] = {}
    for index, node in enumerate(trace.nodes):
        if isinstance(node, AtenCall):
            where = f"line {node.line}" if node.line is not None else f"node {index}"
            name = node.operator.partition("::")[2].partition(".")[0]
            for id_ in references(node.results):
                spec = trace.values[id_]
                names.setdefault(id_, f"the {spec.dtype}{list(spec.shape)} of `{name}` ({where})")
    return names


def _bytes(spec: TensorSpec) -> int:
    """Returns the size of the smallest storage that holds a tensor."""
    return spec.extent * DTYPE_BYTES[spec.dtype] if spec.numel else 0

"""Regions that compute on one element at a time: ``tt.map_elementwise``, and combine regions with control flow.

Their body has branches and loops of its own, which elements of one tensor may take differently. So every element
becomes a program: the region runs on a machine that repeats each program once per lane, and control flow between lanes
is control flow between programs.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from sandboxes.ttir.engine.control import run_body
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, Run, Step
from sandboxes.ttir.engine.values import Addresses, Pointer, RuntimeValue, materialise, select_rows, shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.operations.shapes import expanded


def _steps(blocks: tuple[BlockPlan, ...]) -> Iterator[Step]:
    for block in blocks:
        for step in (*block.steps, block.terminator):
            yield step
            for region in step.regions:
                yield from _steps(region)


def has_control_flow(body: BodyPlan) -> bool:
    """Whether the region does more than compute one value after the other."""
    return len(body.blocks) > 1 or any(s.regions or s.operation.name == "tt.call" for s in _steps(body.blocks))


def _is_scalar(value: RuntimeValue) -> bool:
    """Whether each program has one number or address; a tensor for each lane would need the square of its memory."""
    if isinstance(value, Pointer):
        value = value.offset
    elif isinstance(value, Addresses):
        value = value.bytes
    return isinstance(value, Tensor) and value.dim() == 1


def by_lane(machine: Machine, step: Step, body: BodyPlan, arguments: list[Tensor]) -> list[Tensor]:
    """Runs a region for each lane.

    Args:
        machine: with the active programs.
        step: the operation that has the region.
        body: the region.
        arguments: one tensor ``(P, lanes)`` per block argument.

    Returns:
        One tensor ``(P, lanes)`` per value that the region hands back.
    """
    programs, lanes = machine.frame.size, arguments[0].shape[1]
    inner = machine.repeated(lanes)
    rows = torch.arange(programs).repeat_interleave(lanes)
    for index in step.captured:
        value = machine.get(index)
        if not _is_scalar(value):
            raise UnsupportedOperation(
                f"{step.operation.name} that reads a tensor from outside", step.operation.location
            )
        inner.put(index, select_rows(value, rows))
    for index, tensor in zip(body.blocks[0].arguments, arguments, strict=True):
        inner.put(index, tensor.expand(programs, lanes).reshape(-1))
    results = [materialise(value) for value in run_body(inner, body, step)]
    return [value.expand(programs * lanes).reshape(programs, lanes) for value in results]


def map_elementwise(machine: Machine, step: Step) -> None:
    """``tl.map_elementwise``: a function of scalars, for ``pack`` neighbouring elements at a time."""
    pack = int(str(step.operation.attributes.get("pack", 1)))
    shape = shape_of(step.operation.operands[0].type)
    arguments: list[Tensor] = []
    for index in step.operands:
        flat = expanded(machine.dense(index), shape).reshape(-1, torch.Size(shape).numel() // pack, pack)
        arguments.extend(flat.unbind(dim=2))
    results = by_lane(machine, step, step.constant, arguments)
    for number, index in enumerate(step.results):
        packed = torch.stack(results[number * pack : (number + 1) * pack], dim=2)
        machine.put(index, packed.reshape(machine.frame.size, *shape))


RUN: dict[str, Run] = {"tt.map_elementwise": map_elementwise}

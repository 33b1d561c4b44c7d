"""``scf`` and ``cf`` control flow for many programs at once.

Programs that agree stay together. Where they disagree, the set is split, each part runs on its own frame, and results
are put together again. Loops let programs leave: those with the fewest iterations first, so that the rest is
compacted only once per distinct trip count.
"""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, Run, Step
from sandboxes.ttir.engine.standstill import Standstill
from sandboxes.ttir.engine.values import RuntimeValue, merge_rows, select_rows
from sandboxes.ttir.errors import DeviceAssertion, UnsupportedOperation

Parts = list[tuple[Tensor, list[RuntimeValue]]]


def _define(machine: Machine, indices: tuple[int, ...], values: list[RuntimeValue]) -> None:
    for index, value in zip(indices, values, strict=True):
        machine.put(index, value)


def _yielded(machine: Machine, terminator: Step) -> list[RuntimeValue]:
    return [machine.get(index) for index in terminator.operands]


def _joined(parts: Parts, programs: int, step: Step) -> list[RuntimeValue]:
    """Values per result from values per program subset."""
    try:
        return [merge_rows([(index, values[i]) for index, values in parts], programs) for i in range(len(parts[0][1]))]
    except TypeError as error:
        raise UnsupportedOperation(f"{step.operation.name} where {error}", step.operation.location) from error


def _rows(values: list[RuntimeValue], index: Tensor) -> list[RuntimeValue]:
    return [select_rows(value, index) for value in values]


# -- scf.for ---------------------------------------------------------------------------------------------------------


def scf_for(machine: Machine, step: Step) -> None:
    """Runs the loop for the active programs, whatever their bounds."""
    low, high, stride = (machine.dense(i).to(torch.int64) for i in step.operands[:3])
    values = [machine.get(i) for i in step.operands[3:]]
    trips = torch.clamp(torch.div(high - low + stride - 1, stride, rounding_mode="floor"), min=0)
    block = step.regions[0][0]
    outer = machine.frame
    if trips.numel() == 1 or bool((trips == trips[0]).all()):
        values = _iterate(machine, block, values, (low, stride), range(int(trips[0])))
        _define(machine, step.results, values[: len(step.results)])
        return
    finished: Parts = []
    positions = torch.arange(outer.size)
    done = 0
    for count in torch.unique(trips).tolist():
        values = _iterate(machine, block, values, (low, stride), range(done, count))
        done = count
        leaving = torch.nonzero(trips == count).flatten()
        staying = torch.nonzero(trips > count).flatten()
        finished.append((positions[leaving], _rows(values, leaving)))
        if staying.numel():
            values = _rows(values, staying)
            machine.frame = machine.frame.child(staying)
            positions, trips = positions[staying], trips[staying]
            low, stride = (t if t.numel() == 1 else t[staying] for t in (low, stride))
    machine.frame = outer
    _define(machine, step.results, _joined(finished, outer.size, step))


def _iterate(
    machine: Machine, block: BlockPlan, values: list[RuntimeValue], bounds: tuple[Tensor, Tensor], trips: range
) -> list[RuntimeValue]:
    low, stride = bounds
    dtype = block.terminator.constant
    for k in trips:
        machine.put(block.arguments[0], (low + k * stride).to(dtype))
        _define(machine, block.arguments[1:], values)
        values = _yielded(machine, machine.run(block))
    return values


# -- scf.if and scf.while --------------------------------------------------------------------------------------------


def scf_if(machine: Machine, step: Step) -> None:
    """Runs the branch the programs agree on, or both, each for its programs."""
    condition = machine.dense(step.operands[0])
    if condition.numel() == 1 or bool((condition == condition[0]).all()):
        _define(machine, step.results, _branch(machine, step, bool(condition[0])))
        return
    outer = machine.frame
    parts: Parts = []
    for taken in (True, False):
        index = torch.nonzero(condition if taken else ~condition).flatten()
        machine.frame = outer.child(index)
        parts.append((index, _branch(machine, step, taken)))
    machine.frame = outer
    _define(machine, step.results, _joined(parts, outer.size, step))


def _branch(machine: Machine, step: Step, taken: bool) -> list[RuntimeValue]:
    if not taken and len(step.regions) == 1:
        return []
    return _yielded(machine, machine.run(step.regions[0 if taken else 1][0]))


def scf_while(machine: Machine, step: Step) -> None:
    """Runs ``before``; programs whose condition fails leave, the others run ``after`` and go round."""
    before, after = step.regions[0][0], step.regions[1][0]
    outer = machine.frame
    values = [machine.get(i) for i in step.operands]
    positions = torch.arange(outer.size)
    finished: Parts = []
    standstill = Standstill()
    while True:
        _define(machine, before.arguments, values)
        forwarded = _yielded(machine, machine.run(before))
        condition, values = forwarded[0], forwarded[1:]
        assert isinstance(condition, Tensor)
        if condition.numel() > 1 and bool((condition != condition[0]).any()):
            leaving, staying = (torch.nonzero(c).flatten() for c in (~condition, condition))
            finished.append((positions[leaving], _rows(values, leaving)))
            values = _rows(values, staying)
            positions = positions[staying]
            machine.frame = machine.frame.child(staying)
        elif not bool(condition[0]):
            finished.append((positions, values))
            break
        _define(machine, after.arguments, values)
        values = _yielded(machine, machine.run(after))
        standstill.passed(machine, values, step)
    machine.frame = outer
    _define(machine, step.results, _joined(finished, outer.size, step))


# -- functions and branches ------------------------------------------------------------------------------------------


def run_body(machine: Machine, body: BodyPlan, step: Step | None) -> list[RuntimeValue]:
    """Runs a function or region for the active programs and gives what it returns, if ``step`` wants it."""
    blocks = body.blocks
    if len(blocks) == 1:
        return _yielded(machine, machine.run(blocks[0]))
    if not body.cyclic:
        returned = _run_blocks(machine, blocks)
    else:
        # a block that runs again redefines values that programs still wait with elsewhere: one program at a time
        outer = machine.frame
        returned = []
        for index in torch.arange(outer.size).reshape(-1, 1):
            machine.frame = outer.child(index)
            returned.extend((index, values) for _, values in _run_blocks(machine, blocks))
        machine.frame = outer
    if step is None or not returned or not returned[0][1]:
        return []
    return _joined(returned, machine.frame.size, step)


def _run_blocks(machine: Machine, blocks: tuple[BlockPlan, ...]) -> Parts:
    """Runs each block for all programs that reach it at once; gives what they return."""
    outer = machine.frame
    labels = {block.label: i for i, block in enumerate(blocks)}
    pending: list[Parts] = [[] for _ in blocks]
    pending[0] = [(torch.arange(outer.size), [machine.get(i) for i in blocks[0].arguments])]
    returned: Parts = []
    number = 0
    while number < len(blocks):
        block, parts = blocks[number], pending[number]
        pending[number] = []
        number += 1
        if not parts:
            continue
        positions, arguments = _arrived(parts, block)
        machine.frame = outer if positions.numel() == outer.size else outer.child(positions)
        _define(machine, block.arguments, arguments)
        terminator = machine.run(block)
        if not terminator.operation.successors:
            returned.append((positions, _yielded(machine, terminator)))
            continue
        for label, index, values in _targets(machine, terminator):
            target = labels[label]
            pending[target].append((positions if index is None else positions[index], values))
            number = min(number, target)
    machine.frame = outer
    return returned


def _arrived(parts: Parts, block: BlockPlan) -> tuple[Tensor, list[RuntimeValue]]:
    """The programs that reach a block, ascending, and its arguments."""
    if len(parts) == 1:
        return parts[0]
    positions, order = torch.sort(torch.cat([index for index, _ in parts]))
    rank = torch.empty_like(order)
    rank[order] = torch.arange(order.numel())
    pieces = torch.split_with_sizes(rank, [index.numel() for index, _ in parts])
    ranked = [(piece, values) for piece, (_, values) in zip(pieces, parts, strict=True)]
    return positions, _joined(ranked, positions.numel(), block.terminator)


def _targets(machine: Machine, terminator: Step) -> list[tuple[str, Tensor | None, list[RuntimeValue]]]:
    """``(label, rows or None for all, block arguments)`` for each branch that is taken."""
    operation = terminator.operation
    values = _yielded(machine, terminator)
    if operation.name == "cf.br":
        return [(operation.successors[0], None, values)]
    condition, arguments = values[0], values[1:]
    assert isinstance(condition, Tensor)
    split = operation.groups[0]
    sides = [(True, arguments[:split]), (False, arguments[split:])]
    if condition.numel() == 1 or bool((condition == condition[0]).all()):
        taken = bool(condition[0])
        return [(operation.successors[0 if taken else 1], None, sides[0 if taken else 1][1])]
    result: list[tuple[str, Tensor | None, list[RuntimeValue]]] = []
    for label, (wanted, side) in zip(operation.successors, sides, strict=True):
        index = torch.nonzero(condition == wanted).flatten()
        result.append((label, index, _rows(side, index)))
    return result


def call(machine: Machine, step: Step) -> None:
    """``tt.call`` of a ``noinline`` function."""
    callee = step.constant
    _define(machine, callee.blocks[0].arguments, [machine.get(i) for i in step.operands])
    values = run_body(machine, callee, step)
    _define(machine, step.results, values)


# -- programs and assertions -----------------------------------------------------------------------------------------


def program_id(machine: Machine, step: Step) -> None:
    """``tl.program_id``."""
    axis = "xyz".index(step.operation.keywords[0])
    machine.put(step.results[0], machine.coordinates(axis))


def num_programs(machine: Machine, step: Step) -> None:
    """``tl.num_programs``."""
    axis = "xyz".index(step.operation.keywords[0])
    machine.put(step.results[0], torch.tensor([machine.grid[axis]], dtype=torch.int32))


def device_assert(machine: Machine, step: Step) -> None:
    """``tl.device_assert``: the first program that fails is named."""
    holds = machine.dense(step.operands[0])
    if bool(holds.all()):
        return
    row, *position = torch.nonzero(~holds)[0].tolist()
    lane = 0
    for index, size in zip(position, step.shape, strict=True):
        lane = lane * size + index
    message = " ".join(step.operation.keywords)
    raise DeviceAssertion(machine.where(step.operation.location, row, lane), message)


def ignore(machine: Machine, step: Step) -> None:
    """An operation without effect on values: prints, hints, barriers."""


RUN: dict[str, Run] = {
    "scf.for": scf_for,
    "scf.if": scf_if,
    "scf.while": scf_while,
    "tt.call": call,
    "tt.get_program_id": program_id,
    "tt.get_num_programs": num_programs,
    "tt.assert": device_assert,
    "tt.print": ignore,
    "gpu.barrier": ignore,
    "ttg.barrier": ignore,
    "ttg.local_barrier": ignore,
    "llvm.intr.assume": ignore,
    "tt.grid_dependency_wait": ignore,
    "tt.grid_dependency_launch_dependents": ignore,
}

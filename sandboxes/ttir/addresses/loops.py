"""Loops and calls for observers: long loops that advance evenly are executed in a few places only."""

import itertools
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.addresses.linear import Progress, advanced, amounts
from sandboxes.ttir.addresses.observer import Observer
from sandboxes.ttir.addresses.sampling import IN_A_ROW, apart, in_a_row, together
from sandboxes.ttir.engine import control
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, Step
from sandboxes.ttir.engine.standstill import Standstill
from sandboxes.ttir.engine.values import RuntimeValue, merge_rows, select_rows
from sandboxes.ttir.errors import EndlessLoop

TOGETHER: Final = 4
"""Different numbers of iterations up to which programs are in step until the first are done, and so on."""

Bounds = tuple[Tensor, Tensor]
"""Where a loop begins, and how far it goes each time."""


def observed_for(machine: Machine, step: Step) -> None:
    """Runs the loop for the active programs, whatever their bounds, in a few places if it advances evenly."""
    if not isinstance(machine, Observer):  # a region for single elements
        control.scf_for(machine, step)
        return
    low, high, stride = (machine.dense(i).to(torch.int64) for i in step.operands[:3])
    trips = torch.clamp(torch.div(high - low + stride - 1, stride, rounding_mode="floor"), min=0)
    outer, time = machine.frame, machine.time
    values = [machine.get(i) for i in step.operands[3:]]
    finished: list[tuple[Tensor, list[RuntimeValue]]] = []
    positions = torch.arange(outer.size)
    done = 0
    counts = torch.unique(trips).tolist()
    for count in counts:
        if isinstance(step.constant, Progress) and done == 0 < count and _differ(counts):
            values = _iterate_apart(machine, step, step.constant, values, (low, stride), trips)
            finished.append((positions, values))
            break
        values = _iterate(machine, step, values, (low, stride), (done, count))
        done = count
        machine.time = time
        if trips.numel() == 1 or bool((trips == count).all()):
            finished.append((positions, values))
            break
        leaving = torch.nonzero(trips == count).flatten()
        staying = torch.nonzero(trips > count).flatten()
        finished.append((positions[leaving], [select_rows(value, leaving) for value in values]))
        values = [select_rows(value, staying) for value in values]
        machine.frame = machine.frame.child(staying)
        positions, trips = positions[staying], trips[staying]
        low, stride = (t if t.numel() == 1 else t[staying] for t in (low, stride))
    machine.frame, machine.time = outer, time
    _join(machine, step, finished, outer.size)


def _differ(counts: list[int]) -> bool:
    """Whether programs go round so differently often that it pays to look at each by itself."""
    return len([count for count in counts if count]) > TOGETHER and counts[-1] > IN_A_ROW


def _iterate(
    machine: Observer, step: Step, values: list[RuntimeValue], bounds: Bounds, trips: tuple[int, int]
) -> list[RuntimeValue]:
    """Goes from one iteration to another with all programs, and gives what the loop carries then."""
    first, last = trips
    if first == last:
        return values
    time, made = machine.time, machine.made
    given = values
    values = _execute(machine, step, given, bounds, first, 1, time)
    evenly = step.constant if isinstance(step.constant, Progress) else None
    if evenly is None:
        for k in range(first + 1, last):
            values = _execute(machine, step, values, bounds, k, 1, time)
        return values
    added = [amounts(machine, advance) for advance in evenly.advances]
    row = in_a_row(machine.made - made)
    for k, weight in together(first, last, row, f"{machine.seed} {step.number} {time}")[1:]:
        reached = [advanced(value, steps, k - first) for value, steps in zip(given, added, strict=True)]
        values = _execute(machine, step, reached, bounds, k, weight, time)
    return values


def _iterate_apart(
    machine: Observer, step: Step, evenly: Progress, values: list[RuntimeValue], bounds: Bounds, trips: Tensor
) -> list[RuntimeValue]:
    """Goes through a loop in which every program has an end of its own."""
    outer, time = machine.frame, machine.time
    added: list[list[tuple[RuntimeValue, int]]] | None = None
    for k, active, weight in apart(trips, f"{machine.seed} {step.number} {time}"):
        index = torch.nonzero(active).flatten()
        if not index.numel():
            continue
        everyone = index.numel() == outer.size
        machine.frame = outer if everyone else outer.child(index)
        reached, mine, rows = values, bounds, k
        if added is not None:
            reached = [advanced(value, steps, k) for value, steps in zip(values, added, strict=True)]
        if not everyone:
            reached, rows = [select_rows(value, index) for value in reached], k[index]
            low, stride = (t if t.numel() == 1 else t[index] for t in bounds)
            mine = (low, stride)
        _execute(machine, step, reached, mine, rows, weight, time)
        if added is None:
            added = [amounts(machine, advance) for advance in evenly.advances]
    machine.frame = outer
    assert added is not None
    return [advanced(value, steps, trips) for value, steps in zip(values, added, strict=True)]


def _execute(
    machine: Observer,
    step: Step,
    values: list[RuntimeValue],
    bounds: Bounds,
    k: "int | Tensor",
    weight: int,
    time: tuple[int, ...],
) -> list[RuntimeValue]:
    """One iteration, of all programs or int64 of each, which stands for ``weight``."""
    low, stride = bounds
    block = step.regions[0][0]
    times = machine.counts.times
    machine.time = (*time, step.number, k if isinstance(k, int) else int(k[0]))
    machine.counts.times = times * weight
    machine.put(block.arguments[0], (low + k * stride).to(block.terminator.constant))
    for index, value in zip(block.arguments[1:], values, strict=True):
        machine.put(index, value)
    terminator = machine.run(block)
    machine.counts.times = times
    return [machine.get(index) for index in terminator.operands]


def observed_while(machine: Machine, step: Step) -> None:
    """Runs an ``scf.while``; one that would wait for ever for what nobody stores is left when it stands still."""
    if not isinstance(machine, Observer):  # a region for single elements
        control.scf_while(machine, step)
        return
    before, after = step.regions[0][0], step.regions[1][0]
    outer, time = machine.frame, machine.time
    values = [machine.get(i) for i in step.operands]
    positions = torch.arange(outer.size)
    finished: list[tuple[Tensor, list[RuntimeValue]]] = []
    standstill, still = Standstill(changing=False), False
    for count in itertools.count():
        machine.time = (*time, step.number, count)
        values, condition = _condition(machine, before, values)
        if still or not bool(condition.any()):
            finished.append((positions, values))
            break
        if not bool(condition.all()):
            leaving, staying = (torch.nonzero(c).flatten() for c in (~condition, condition))
            finished.append((positions[leaving], [select_rows(value, leaving) for value in values]))
            values = [select_rows(value, staying) for value in values]
            positions = positions[staying]
            machine.frame = machine.frame.child(staying)
        _define(machine, after, values)
        values = [machine.get(index) for index in machine.run(after).operands]
        try:
            standstill.passed(machine, values, step)
        except EndlessLoop:
            if not machine.waits(step):
                raise
            still = machine.guessed = True
    machine.frame, machine.time = outer, time
    _join(machine, step, finished, outer.size)


def _condition(machine: Observer, before: BlockPlan, values: list[RuntimeValue]) -> tuple[list[RuntimeValue], Tensor]:
    """What the first region of a loop hands on, and whether the loop goes on."""
    _define(machine, before, values)
    condition, *handed_on = (machine.get(index) for index in machine.run(before).operands)
    assert isinstance(condition, Tensor)
    return handed_on, condition


def _define(machine: Observer, block: BlockPlan, values: list[RuntimeValue]) -> None:
    for index, value in zip(block.arguments, values, strict=True):
        machine.put(index, value)


def _join(machine: Observer, step: Step, parts: list[tuple[Tensor, list[RuntimeValue]]], programs: int) -> None:
    """Defines what a loop leaves behind, from what it leaves to some of the programs each."""
    for number, result in enumerate(step.results):
        some = [(index, values[number]) for index, values in parts]
        machine.put(result, some[0][1] if len(some) == 1 else merge_rows(some, programs))


def observed_call(machine: Machine, step: Step) -> None:
    """Runs a function and knows from where."""
    if not isinstance(machine, Observer):
        control.call(machine, step)
        return
    time = machine.time
    machine.time = (*time, step.number)
    control.call(machine, step)
    machine.time = time

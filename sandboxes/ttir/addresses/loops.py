"""``scf.for`` and ``scf.while`` for observers: long loops that advance evenly are executed in a few places only.

The first and the last iteration always are, for that is where masks differ. The others are drawn by a seed that no
kernel knows: some in a row, so that what an iteration finds in a cache from the one before is seen, and one elsewhere.
"""

import random
from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.addresses.linear import Progress, advanced, amounts
from sandboxes.ttir.addresses.observer import Observer
from sandboxes.ttir.engine import control
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import RuntimeValue, merge_rows, select_rows

IN_A_ROW: Final = 8
"""Iterations that follow each other: as many accesses of 4 bytes as a sector has room for."""

SHORT: Final = IN_A_ROW + 4
"""Iterations up to which all are executed."""

Executed = tuple[int, int]
"""An iteration, and how many it stands for."""


def executed_iterations(first: int, last: int, seed: str) -> list[Executed]:
    """Which of the iterations from ``first`` to before ``last`` to execute, and for how many each stands.

    Args:
        first: The first iteration.
        last: The one after the last.
        seed: Draws those between.
    """
    count = last - first
    if count <= SHORT:
        return [(k, 1) for k in range(first, last)]
    draw = random.Random(seed)
    start = draw.randrange(2, count - IN_A_ROW)
    inner = {1, *range(start, start + IN_A_ROW)}
    other = draw.randrange(1, count - 1)
    inner.add(other)
    share, rest = divmod(count - 2, len(inner))
    weights = [share + (number < rest) for number in range(len(inner))]
    middle = [(first + k, weight) for k, weight in zip(sorted(inner), weights, strict=True)]
    return [(first, 1), *middle, (last - 1, 1)]


def observed_for(machine: Machine, step: Step) -> None:
    """Runs the loop for the active programs, whatever their bounds, in a few places if it advances evenly."""
    assert isinstance(machine, Observer)
    low, high, stride = (machine.dense(i).to(torch.int64) for i in step.operands[:3])
    trips = torch.clamp(torch.div(high - low + stride - 1, stride, rounding_mode="floor"), min=0)
    outer, time = machine.frame, machine.time
    values = [machine.get(i) for i in step.operands[3:]]
    finished: list[tuple[Tensor, list[RuntimeValue]]] = []
    positions = torch.arange(outer.size)
    done = 0
    for count in torch.unique(trips).tolist():
        values = _iterate(machine, step, values, (low, stride), (done, count), (*time, step.number))
        done = count
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
    for number, result in enumerate(step.results):
        parts = [(index, part[number]) for index, part in finished]
        machine.put(result, parts[0][1] if len(parts) == 1 else merge_rows(parts, outer.size))


def _iterate(
    machine: Observer,
    step: Step,
    values: list[RuntimeValue],
    bounds: tuple[Tensor, Tensor],
    trips: tuple[int, int],
    time: tuple[int, ...],
) -> list[RuntimeValue]:
    """Goes from one iteration to another, and gives what the loop carries then."""
    low, stride = bounds
    block = step.regions[0][0]
    evenly = step.constant if isinstance(step.constant, Progress) else None
    times = machine.counts.times
    given, added = values, None
    for k, weight in _iterations(machine, step, trips, jump=evenly is not None):
        if evenly is not None and added is not None:
            values = [advanced(value, steps, k - trips[0]) for value, steps in zip(given, added, strict=True)]
        machine.time = (*time, k)
        machine.counts.times = times * weight
        machine.put(block.arguments[0], (low + k * stride).to(block.terminator.constant))
        for index, value in zip(block.arguments[1:], values, strict=True):
            machine.put(index, value)
        terminator = machine.run(block)
        values = [machine.get(index) for index in terminator.operands]
        if evenly is not None and added is None:
            added = [amounts(machine, advance) for advance in evenly.advances]
    machine.counts.times = times
    return values


def _iterations(machine: Observer, step: Step, trips: tuple[int, int], *, jump: bool) -> Iterator[Executed]:
    if jump:
        yield from executed_iterations(*trips, f"{machine.seed} {step.number} {machine.time}")
    else:
        yield from ((k, 1) for k in range(*trips))


def observed_while(machine: Machine, step: Step) -> None:
    """Runs an ``scf.while`` and knows in which round it is."""
    assert isinstance(machine, Observer)
    time, around = machine.time, machine.round
    machine.time, machine.round = (*time, step.number, -1), step.regions[0][0]
    control.scf_while(machine, step)
    machine.time, machine.round = time, around


def observed_call(machine: Machine, step: Step) -> None:
    """Runs a function and knows from where."""
    assert isinstance(machine, Observer)
    time = machine.time
    machine.time = (*time, step.number)
    control.call(machine, step)
    machine.time = time

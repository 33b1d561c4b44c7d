"""Who touched each element of a storage during a launch: decides where programs can't be proven to keep apart.

A note per element holds the last program that stored there; where it matters, two more hold the smallest and the
largest id of the programs that loaded it, and two those that updated it atomically. Looking at an access costs a pass
or two over its elements, strided like the access itself; only where programs do meet are lanes looked at one by one.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Frame, Machine
from sandboxes.ttir.ir import UNKNOWN
from sandboxes.ttir.memory.addressing import check_bounds, layout
from sandboxes.ttir.memory.transfers import read_lanes
from sandboxes.ttir.sanitizer.disputes import MAX_DISPUTES, Dispute, Disputes, bits, differ
from sandboxes.ttir.sanitizer.events import OPPONENTS, Event, Kind, Lanes, lanes_of
from sandboxes.ttir.sanitizer.notes import Notes
from sandboxes.ttir.sanitizer.regions import Region, programs_apart
from sandboxes.ttir.sanitizer.room import Allowance, Room

_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Collision:
    """Two programs that meet at an element, the second one now."""

    event: Event
    other_kind: Kind
    other: int
    """Linear program id plus one."""
    mine: int
    lane: int
    offset: int


class Elements:
    """Notes on every element of one storage.

    Args:
        elements: of the storage.
        loads: whether loads matter, because the kernel also changes this storage.
        atomics: whether atomics matter, because the kernel also loads or stores here.
        allowance: of the launch's notes.
    """

    def __init__(self, elements: int, *, loads: bool, atomics: bool, allowance: Allowance) -> None:
        self._room = Room(elements, 4 * (1 + 2 * loads + 2 * atomics), allowance)
        self._stored = Notes(self._room)
        self._spans: dict[Kind, tuple[Notes, Notes]] = {}
        for kind, matters in ((Kind.LOAD, loads), (Kind.ATOMIC, atomics)):
            if matters:
                self._spans[kind] = (Notes(self._room, _LARGEST), Notes(self._room))
        self.disputes = Disputes()

    def recall(self, machine: Machine, kind: Kind, region: Region) -> None:
        """Notes an access that happened before and met nobody."""
        frame = machine.frame
        machine.frame = Frame(torch.arange(region.ids.numel()))
        event = self._room.admit(Event(kind, region.request, layout(region.request), UNKNOWN, region.ids))
        if event is not None and kind is Kind.STORE:
            self._stored.write(machine, event, event.stamp)
        elif event is not None and kind in self._spans:
            self._span(machine, event)
        machine.frame = frame

    def meet(self, machine: Machine, event: Event) -> Collision | None:
        """Notes an access; returns where it meets another program's, if nothing orders the two.

        Stores that meet stores are not returned but disputed, see `disputes.py`.
        """
        request = event.request
        if event.block is None or not bool(event.block.inside.all()):
            check_bounds(machine, request, request.offsets(), request.mask(), event.kind.value, event.location)
        if event.kind is Kind.STORE:
            event = _once(event)
        admitted = self._room.admit(event)
        return None if admitted is None else self._meet(machine, admitted)

    def _meet(self, machine: Machine, event: Event) -> Collision | None:
        writers = self._stored.read(machine, event)
        for kind in OPPONENTS[event.kind]:
            if event.kind is kind:
                continue  # two stores: see `_store`
            met = self._met(machine, event, kind, writers)
            if met is not None and bool(met.any()):
                collision = self._collision(event, kind, lanes_of(event.request, event.ids.numel(), met), writers)
                if collision is not None:
                    return collision
        if event.kind is Kind.STORE:
            self._store(machine, event, writers)
        elif event.kind in self._spans:
            self._span(machine, event)
        return None

    def _met(self, machine: Machine, event: Event, kind: Kind, writers: Tensor) -> Tensor | None:
        """Where another program, that nothing orders before this one, did something of this kind."""
        if kind is Kind.STORE:
            met = (writers != 0) & (writers.abs() != event.stamp)
            met = met & (writers > 0) if event.kind is Kind.LOAD else met
        elif kind in self._spans:
            low, high = (notes.read(machine, event) for notes in self._spans[kind])
            met = (high != 0) & ((low != event.stamp) | (high != event.stamp))
        else:
            return None
        return met if event.ordered is None else met & ~event.ordered.reshape(event.stamp.shape)

    def _collision(self, event: Event, kind: Kind, lanes: Lanes, writers: Tensor) -> Collision | None:
        """The first of the lanes that met another program, None if a store changes nothing for them."""
        mine = event.ids[lanes.rows]
        if kind is Kind.STORE:
            others = lanes.pick(writers).abs()
        else:
            low, high = (notes.at(lanes.offsets) for notes in self._spans[kind])
            others = torch.where(low != mine, low, high)
        where = 0
        if (event.kind, kind) == (Kind.STORE, Kind.LOAD):
            assert event.value is not None
            changed = bits(lanes.pick(event.value)) != bits(event.request.buffer.data[lanes.offsets])
            if not bool(changed.any()):
                return None
            where = int(torch.nonzero(changed)[0])
        return Collision(
            event, kind, int(others[where]), int(mine[where]), int(lanes.lanes[where]), int(lanes.offsets[where])
        )

    def _store(self, machine: Machine, event: Event, writers: Tensor) -> None:
        """Notes a store; where programs store to one element, in this operation or before it, values are compared."""
        stamp = self._signed(machine, event, writers) if Kind.LOAD in self._spans else event.stamp
        self._stored.write(machine, event, stamp)
        contested = self._met(machine, event, Kind.STORE, writers)
        assert contested is not None
        marks: list[Tensor] = [self.disputes.offsets()] if self.disputes else []
        if event.block is None or not programs_apart(event.block, event.ids.numel()):
            lost = self._stored.read(machine, event, masked=stamp).abs() != event.stamp
            if bool(lost.any()):
                marks.append(lanes_of(event.request, event.ids.numel(), lost).offsets)
        if marks:
            marked = Notes(self._room)
            marked.put(torch.cat(marks), 1)
            contested = contested | (marked.read(machine, event) != 0)
        if bool(contested.any()):
            self._dispute(event, lanes_of(event.request, event.ids.numel(), contested), writers, stamp)

    def _signed(self, machine: Machine, event: Event, writers: Tensor) -> Tensor:
        """The programs, negative where a store leaves the bits as they are: a load can't tell whether it happened."""
        assert event.value is not None
        request = event.request
        blank = torch.zeros([1] * (1 + len(request.shape)), dtype=request.buffer.data.dtype)
        old = read_lanes(machine, request, event.block, blank, event.location)
        changed = bits(old) != bits(event.value)
        return torch.where(changed, event.stamp, torch.where(writers > 0, writers, -event.stamp))

    def _dispute(self, event: Event, lanes: Lanes, writers: Tensor, stamp: Tensor) -> None:
        """Compares the values that programs store to contested elements."""
        assert event.value is not None
        mine, values, offsets = event.ids[lanes.rows], lanes.pick(event.value), lanes.offsets
        elements, inverse = torch.unique(offsets, return_inverse=True)
        last = torch.zeros(elements.numel(), dtype=torch.int64)
        last.scatter_reduce_(0, inverse, torch.arange(offsets.numel()), "amax")
        winner = last[inverse]
        within = (mine != mine[winner]) & differ(values, values[winner])
        self._observe(event, lanes, within, mine[winner], values[winner])
        found, old = lanes.pick(writers), event.request.buffer.data[offsets]
        before = (found != 0) & (found.abs() != mine) & differ(values, old)
        if event.ordered is not None:
            before &= ~event.ordered[lanes.rows]
        self._observe(event, lanes, before, found.abs(), old)
        if self.disputes:
            self.disputes.stored(offsets, mine, values)
        self._stored.put(elements, lanes.pick(stamp)[last])

    def _observe(self, event: Event, lanes: Lanes, where: Tensor, others: Tensor, theirs: Tensor) -> None:
        for lane in torch.nonzero(where).flatten()[:MAX_DISPUTES].tolist():
            self.disputes.add(
                Dispute(
                    offset=int(lanes.offsets[lane]),
                    first=int(others[lane]),
                    second=int(event.ids[lanes.rows[lane]]),
                    lane=int(lanes.lanes[lane]),
                    location=event.location,
                    argument=event.request.buffer.index,
                    values={int(others[lane]): theirs[lane : lane + 1].clone()},
                )
            )

    def _span(self, machine: Machine, event: Event) -> None:
        """Widens the smallest and largest program ids that loaded or updated each element."""
        low, high = self._spans[event.kind]
        if event.block is not None and programs_apart(event.block, event.ids.numel()):
            low.write(machine, event, torch.minimum(low.read(machine, event, _LARGEST), event.stamp))
            high.write(machine, event, torch.maximum(high.read(machine, event), event.stamp))
            return
        lanes = lanes_of(event.request, event.ids.numel())
        mine = event.ids[lanes.rows]
        low.gather(lanes.offsets, mine, "amin")
        high.gather(lanes.offsets, mine, "amax")


def _once(event: Event) -> Event:
    """A store of all programs to the same elements as one of the last program, if all store the same values."""
    value, block = event.value, event.block
    if value is None or block is None or block.start.numel() > 1 or block.rest or event.ids.numel() == 1:
        return event
    if value.shape[0] > 1 and bool(differ(value, value[-1:].expand(value.shape)).any()):
        return event
    ordered = None if event.ordered is None else event.ordered[-1:]
    return replace(event, ids=event.ids[-1:], value=value[-1:], ordered=ordered)

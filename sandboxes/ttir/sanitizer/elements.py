"""Who touched each element of a storage during a launch: decides where programs can't be proven to keep apart.

A word per element holds the last program that stored there and, where the kernel also loads from the storage, what its
loads depend on; where it matters, two more numbers hold the smallest and the largest id of the programs that loaded it
without having stored it, and two those that updated it atomically. Looking at an access costs a few passes over its
elements, strided like the access itself; only where programs do meet are lanes looked at one by one.

Everything that decides only ever grows during a launch (sets of programs, flags), so that the verdict does not depend
on the order in which programs happened to run. Loads and stores of an element are a race if

- a program loads what it has not stored before, another program stores, and some store changes the element's bits;
- a program loads what it has stored before, another program stores, and not all stores of the element agree.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Frame, Machine
from sandboxes.ttir.engine.values import Buffer
from sandboxes.ttir.ir import UNKNOWN, Location
from sandboxes.ttir.memory.addressing import check_bounds, layout
from sandboxes.ttir.memory.transfers import read_lanes
from sandboxes.ttir.sanitizer.disputes import MAX_DISPUTES, MAX_PROGRAMS, Dispute, Disputes, bits, differ
from sandboxes.ttir.sanitizer.events import RACES, Event, Kind, Lanes, lanes_of
from sandboxes.ttir.sanitizer.notes import Notes
from sandboxes.ttir.sanitizer.owners import ID_BITS, Owners
from sandboxes.ttir.sanitizer.regions import Region, programs_apart
from sandboxes.ttir.sanitizer.room import Allowance, Room

_LARGEST = 2**31 - 1

ID: Final = (1 << ID_BITS) - 1
"""The bits of a word that hold the last program that stored, as linear id plus one; 0 if none has."""

CHANGED, MANY, MIXED, OWN = (1 << ID_BITS + bit for bit in range(4))
"""A store changed the bits; several programs stored; stores disagreed; a program loaded what it had stored."""


@dataclass(frozen=True, slots=True, eq=False)
class Collision:
    """Two programs that meet at an element, the second one now."""

    race: str
    kind: Kind
    mine: int
    """Linear program id plus one."""
    other_kind: Kind
    other: int
    lane: int
    offset: int
    location: Location
    buffer: Buffer
    """Through which the second program came."""


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
        self._words = Notes(self._room)
        self._spans: dict[Kind, tuple[Notes, Notes]] = {}
        for kind, matters in ((Kind.LOAD, loads), (Kind.ATOMIC, atomics)):
            if matters:
                self._spans[kind] = (Notes(self._room, _LARGEST), Notes(self._room))
        self._owners = Owners()
        self.disputes = Disputes()

    def recall(self, machine: Machine, kind: Kind, region: Region) -> None:
        """Notes an access that happened before and met nobody."""
        frame = machine.frame
        machine.frame = Frame(torch.arange(region.ids.numel()))
        event = self._room.admit(Event(kind, region.request, layout(region.request), UNKNOWN, region.ids))
        if event is not None:
            words = self._words.read(machine, event)
            if kind is Kind.STORE:
                self._words.write(machine, event, _rewritten(event, words, region.changed))
            elif kind is Kind.LOAD and kind in self._spans:
                self._note_load(machine, event, words)
            elif kind in self._spans:
                self._span(machine, event)
        machine.frame = frame

    def meet(self, machine: Machine, event: Event) -> Collision | None:
        """Notes an access; returns where it meets another program's, if nothing orders the two.

        Stores that meet stores are not returned but disputed, see `disputes.py`.
        """
        check_event(machine, event)
        admitted = self._room.admit(event)
        return None if admitted is None else self._meet(machine, admitted)

    def _meet(self, machine: Machine, event: Event) -> Collision | None:
        words = self._words.read(machine, event)
        collision = self._meet_atomics(machine, event, words)
        if collision is not None:
            return collision
        if event.kind is Kind.LOAD:
            return self._load(machine, event, words)
        if event.kind is Kind.STORE:
            return self._store(machine, event, words)
        if event.kind in self._spans:
            self._span(machine, event)
        return None

    # -- atomics -----------------------------------------------------------------------------------------------------

    def _meet_atomics(self, machine: Machine, event: Event, words: Tensor) -> Collision | None:
        """Where an atomic meets another program's load or store, or one of those another's atomic."""
        if event.kind is not Kind.ATOMIC:
            return self._meet_span(machine, event, Kind.ATOMIC)
        writers = words & ID
        met = _unordered(event, (writers != 0) & ((writers != event.stamp) | (words & MANY != 0)))
        if bool(met.any()):
            lanes = lanes_of(event.request, event.ids.numel(), met)
            other = self._another(lanes, lanes.pick(writers), event.ids[lanes.rows], 0)
            if other is not None:
                return _collision(event, lanes, 0, Kind.STORE, other)
        return self._meet_span(machine, event, Kind.LOAD)

    def _meet_span(self, machine: Machine, event: Event, kind: Kind) -> Collision | None:
        """Where another program did something that does not depend on values."""
        if kind not in self._spans:
            return None
        low, high = (notes.read(machine, event) for notes in self._spans[kind])
        met = _unordered(event, (high != 0) & ((low != event.stamp) | (high != event.stamp)))
        if not bool(met.any()):
            return None
        lanes = lanes_of(event.request, event.ids.numel(), met)
        return _collision(event, lanes, 0, kind, self._spanned(kind, lanes, event.ids[lanes.rows], 0))

    def _spanned(self, kind: Kind, lanes: Lanes, mine: Tensor, where: int) -> int:
        """One of the programs of this kind at a lane, another one than its own if there is."""
        low, high = (int(notes.at(lanes.offsets[where])) for notes in self._spans[kind])
        return low if low != int(mine[where]) else high

    def _another(self, lanes: Lanes, writers: Tensor, mine: Tensor, where: int) -> int | None:
        """Another program that stored at a lane."""
        last, program = int(writers[where]), int(mine[where])
        return last if last not in (0, program) else self._owners.another(int(lanes.offsets[where]), program)

    # -- loads -------------------------------------------------------------------------------------------------------

    def _load(self, machine: Machine, event: Event, words: Tensor) -> Collision | None:
        if Kind.LOAD not in self._spans:
            return None
        strangers = (words & ID) != event.stamp
        mixed = (words & (MANY | MIXED)) == MANY | MIXED
        suspect = _unordered(event, (words & CHANGED != 0) & (strangers | mixed))
        if bool(suspect.any()):
            lanes = lanes_of(event.request, event.ids.numel(), suspect)
            mine, found = event.ids[lanes.rows], lanes.pick(words)
            guilty = ~self._stored_by(lanes.offsets, found, mine) | ((found & (MANY | MIXED)) == MANY | MIXED)
            for where in torch.nonzero(guilty).flatten()[:1].tolist():
                other = self._another(lanes, found & ID, mine, where)
                if other is not None:
                    return _collision(event, lanes, where, Kind.STORE, other)
        self._note_load(machine, event, words)
        return None

    def _stored_by(self, offsets: Tensor, words: Tensor, ids: Tensor) -> Tensor:
        """Whether programs have stored to elements, pair by pair."""
        own = (words & ID) == ids
        unsure = ~own & (words & MANY != 0)
        if bool(unsure.any()):
            own[unsure] = self._owners.have(offsets[unsure], ids[unsure])
        return own

    def _note_load(self, machine: Machine, event: Event, words: Tensor) -> None:
        """Tells loads of a program's own stores from loads of what others left."""
        own = (words & ID) == event.stamp
        many = bool((words & MANY != 0).any())
        if not many and not bool(own.any()):
            self._span(machine, event)
            return
        low, high = self._spans[Kind.LOAD]
        if not many and event.block is not None and programs_apart(event.block, event.ids.numel()):
            self._words.write(machine, event, torch.where(own, words | OWN, words))
            if not bool(own.all()):
                known = low.read(machine, event, _LARGEST), high.read(machine, event)
                low.write(machine, event, torch.where(own, known[0], torch.minimum(known[0], event.stamp)))
                high.write(machine, event, torch.where(own, known[1], torch.maximum(known[1], event.stamp)))
            return
        lanes = lanes_of(event.request, event.ids.numel())
        mine = event.ids[lanes.rows]
        mask = self._stored_by(lanes.offsets, lanes.pick(words), mine)
        self._flag(lanes.offsets[mask], OWN)
        low.gather(lanes.offsets[~mask], mine[~mask], "amin")
        high.gather(lanes.offsets[~mask], mine[~mask], "amax")

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

    def _flag(self, offsets: Tensor, flag: int) -> None:
        self._words.put(offsets, self._words.at(offsets) | flag)

    # -- stores ------------------------------------------------------------------------------------------------------

    def _store(self, machine: Machine, event: Event, words: Tensor) -> Collision | None:
        """Notes a store; where programs store to one element, in this operation or before it, values are compared."""
        follows = Kind.LOAD in self._spans
        latest = _rewritten(event, words, changes(machine, event) if follows else None)
        self._words.write(machine, event, latest)
        writers = words & ID
        shared = ((writers != 0) & (writers != event.stamp)) | (words & MANY != 0)
        marks: list[Tensor] = [self.disputes.offsets()] if self.disputes else []
        if event.block is None or not programs_apart(event.block, event.ids.numel()):
            lost = self._words.read(machine, event, masked=latest) & ID != event.stamp
            if bool(lost.any()):
                marks.append(lanes_of(event.request, event.ids.numel(), lost).offsets)
        if marks:
            marked = Notes(self._room)
            marked.put(torch.cat(marks), 1)
            shared = shared | (marked.read(machine, event) != 0)
        if bool(shared.any()):
            self._share(event, lanes_of(event.request, event.ids.numel(), shared), words)
        return self._meet_loads(machine, event) if follows else None

    def _share(self, event: Event, lanes: Lanes, words: Tensor) -> None:
        """Compares the values that programs store to the same elements, and remembers which programs do."""
        assert event.value is not None
        mine, values, offsets = event.ids[lanes.rows], lanes.pick(event.value), lanes.offsets
        found, old = lanes.pick(words), event.request.buffer.data[offsets]
        before = found & ID
        elements, inverse = torch.unique(offsets, return_inverse=True)
        last = torch.zeros(elements.numel(), dtype=torch.int64)
        last.scatter_reduce_(0, inverse, torch.arange(offsets.numel()), "amax")
        winner = last[inverse]
        within = (mine != mine[winner]) & differ(values, values[winner])
        self._observe(event, lanes, within, mine[winner], values[winner], before, old)
        later = differ(values, old) & (before != 0) & ((before != mine) | (found & MANY != 0))
        unordered = later if event.ordered is None else later & ~event.ordered[lanes.rows]
        self._observe(event, lanes, unordered, before, old, before, old)
        if self.disputes:
            self.disputes.stored(offsets, mine, values)
        self._words.put(elements, (self._words.at(elements) & ~ID) | mine[last])
        changed = bits(values) != bits(old)
        many = (mine != mine[winner]) | ((before != 0) & (before != mine))
        mixed = differ(values, values[winner]) | later | ((before == mine) & changed)
        for where, flag in ((changed, CHANGED), (many, MANY), (mixed, MIXED)):
            self._flag(offsets[where], flag)
        together = self._words.at(offsets) & MANY != 0
        self._owners.add(offsets[together], mine[together])
        first = together & (before != 0) & (found & MANY == 0)
        self._owners.add(offsets[first], before[first])

    def _observe(
        self, event: Event, lanes: Lanes, where: Tensor, others: Tensor, theirs: Tensor, before: Tensor, old: Tensor
    ) -> None:
        """Puts elements under observation: who else stored there until now agreed on the old value."""
        for lane in torch.nonzero(where).flatten()[:MAX_DISPUTES].tolist():
            offset, mine = int(lanes.offsets[lane]), int(event.ids[lanes.rows[lane]])
            known = [*self._owners.of(offset, MAX_PROGRAMS), int(before[lane])]
            values = {program: old[lane : lane + 1].clone() for program in known if program}
            other = int(others[lane])
            if other != mine:
                values[other] = theirs[lane : lane + 1].clone()
            first = next((program for program in (other, *known) if program not in (0, mine)), 0)
            if first:
                argument = event.request.buffer.index
                self.disputes.add(
                    Dispute(offset, first, mine, int(lanes.lanes[lane]), event.location, argument, values)
                )

    def _meet_loads(self, machine: Machine, event: Event) -> Collision | None:
        """Where what a program loaded, or will, depends on this store: see the module's rules."""
        words = self._words.read(machine, event)
        low, high = (notes.read(machine, event) for notes in self._spans[Kind.LOAD])
        several = (low != event.stamp) | (high != event.stamp) | (words & MANY != 0)
        strange = (high != 0) & (words & CHANGED != 0) & several
        met = _unordered(event, strange | ((words & (OWN | MANY | MIXED)) == OWN | MANY | MIXED))
        if not bool(met.any()):
            return None
        lanes = lanes_of(event.request, event.ids.numel(), met)
        mine = event.ids[lanes.rows]
        other = self._spanned(Kind.LOAD, lanes, mine, 0)
        if other not in (0, _LARGEST, int(mine[0])):
            return _collision(event, lanes, 0, Kind.LOAD, other)
        storer = self._another(lanes, lanes.pick(words) & ID, mine, 0)
        if storer is None:
            return None
        return replace(_collision(event, lanes, 0, Kind.STORE, storer), race=RACES[Kind.STORE, Kind.LOAD])


def _collision(event: Event, lanes: Lanes, where: int, kind: Kind, other: int) -> Collision:
    mine, lane, offset = (int(of[where]) for of in (event.ids[lanes.rows], lanes.lanes, lanes.offsets))
    race, buffer = RACES[event.kind, kind], event.request.buffer
    return Collision(race, event.kind, mine, kind, other, lane, offset, event.location, buffer)


def _unordered(event: Event, where: Tensor) -> Tensor:
    """Without the programs that something orders after everything before them."""
    return where if event.ordered is None else where & ~event.ordered.reshape(event.stamp.shape)


def _rewritten(event: Event, words: Tensor, changed: Tensor | None) -> Tensor:
    """The words after a store of programs that keep apart; without `changed`, loads do not matter."""
    latest = event.stamp | (words & ~ID)
    if changed is None:
        return latest
    latest = latest | torch.where(changed, CHANGED, 0).to(torch.int32)
    again = ((words & ID) == event.stamp) & changed
    return latest | torch.where(again, MIXED, 0).to(torch.int32) if bool(again.any()) else latest


def changes(machine: Machine, event: Event) -> Tensor:
    """Where a store changes bits: nobody can tell whether another one has happened."""
    assert event.value is not None
    request = event.request
    blank = torch.zeros([1] * (1 + len(request.shape)), dtype=request.buffer.data.dtype)
    return bits(read_lanes(machine, request, event.block, blank, event.location)) != bits(event.value)


def check_event(machine: Machine, event: Event) -> None:
    """Raises `MemoryFault` if an event is out of bounds, before anything is noted about it."""
    if event.block is None or not bool(event.block.inside.all()):
        request = event.request
        check_bounds(machine, request, request.offsets(), request.mask(), event.kind.value, event.location)

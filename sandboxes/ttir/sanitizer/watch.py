"""The sanitizer's eye on one launch: told of every memory operation before it happens, raises what is wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.dataflow import Access
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.values import Buffer, Descriptor, Pointer
from sandboxes.ttir.errors import STORE_RACE, MisalignedDescriptor, Race, UnwrittenMemory, Where
from sandboxes.ttir.ir import Location
from sandboxes.ttir.memory.addressing import Layout, Request, layout
from sandboxes.ttir.memory.transfers import read_lanes, write_lanes
from sandboxes.ttir.sanitizer.alignment import misalignment
from sandboxes.ttir.sanitizer.elements import Collision
from sandboxes.ttir.sanitizer.events import ACTIONS, Event, Kind, lanes_of
from sandboxes.ttir.sanitizer.room import Allowance
from sandboxes.ttir.sanitizer.tracks import Track
from sandboxes.ttir.sanitizer.unwritten import Unwritten, flag

MAX_NOTE_BYTES: Final = 2**28
"""Memory of a launch's notes on elements; what it touches beyond that is not looked at for races."""


class Watch:
    """Looks at one launch.

    A program that uses the result of an atomic, or of a volatile load, may have waited for others: from then on it is
    taken to be ordered after everything that ran before, as with locks, tickets and "last block" counters.

    Args:
        kernel: its name.
        buffers: one per pointer argument.
        facts: per parameter what the kernel does through it.
        unwritten: what nobody has written before the launch.
    """

    def __init__(
        self, kernel: str, buffers: Sequence[Buffer], facts: Mapping[str, Access], unwritten: Unwritten
    ) -> None:
        self._kernel = kernel
        self._buffers = buffers
        self._unwritten = unwritten
        self._tracks = _tracks(buffers, facts)
        storages = {buffer.data.untyped_storage()._cdata: buffer.data.untyped_storage() for buffer in buffers}
        self._fresh = {key for key, storage in storages.items() if unwritten.flags(storage, 1) is not None}
        self._flags: dict[tuple[int, torch.dtype], Buffer | None] = {}
        self._ordered: Tensor | None = None

    def begin(self, programs: int) -> None:
        """The next programs of the launch follow, all at once."""
        self._ordered = None
        self._programs = programs
        for track in self._tracks.values():
            track.begin(programs)

    # -- memory operations, before they happen -----------------------------------------------------------------------

    def loading(
        self, machine: Machine, request: Request, block: Layout | None, location: Location, *, atomic: bool
    ) -> None:
        """Programs are about to load; atomically (or volatile) they may be waiting for others."""
        flags = self._flags_of(request.buffer)
        if flags is not None:
            self._check_written(machine, request, block, flags, Kind.LOAD, location)
        if atomic:
            self._order(machine)
        else:
            self._track(machine, Kind.LOAD, request, block, location)

    def storing(
        self, machine: Machine, request: Request, block: Layout | None, value: Tensor, location: Location
    ) -> None:
        """Programs are about to store ``value`` (broadcast)."""
        self._mark(machine, request, block, location)
        self._track(machine, Kind.STORE, request, block, location, value)

    def updating(self, machine: Machine, request: Request, location: Location, *, wanted: bool, reads: bool) -> None:
        """Programs are about to update atomically.

        Args:
            machine: with the active programs.
            request: the elements.
            location: in the source.
            wanted: whether the kernel uses what was there before.
            reads: whether the outcome depends on it.
        """
        flags = self._flags_of(request.buffer)
        if flags is not None and reads:
            self._check_written(machine, request, layout(request), flags, Kind.ATOMIC, location)
        if flags is not None:
            self._mark(machine, request, layout(request), location)
        if wanted:
            self._order(machine)
        if request.buffer.index in self._tracks:
            self._track(machine, Kind.ATOMIC, request, layout(request), location)

    def describing(
        self, machine: Machine | None, descriptor: Descriptor, block: tuple[int, ...], location: Location
    ) -> None:
        """A program (or, without a machine, the host) makes a tensor descriptor."""
        found = misalignment(descriptor, block)
        if found is not None:
            problem, row = found
            where = Where(self._kernel, location=location) if machine is None else machine.where(location, row)
            pointer = descriptor.pointer
            name = pointer.buffer.name if isinstance(pointer, Pointer) else "an address"
            raise MisalignedDescriptor(where, problem, name)

    def finish(self, machine: Machine) -> None:
        """The launch is over: what was open until now is decided."""
        for track in dict.fromkeys(self._tracks.values()):
            dispute = track.dispute()
            if dispute is not None:
                collision = Collision(
                    STORE_RACE,
                    Kind.STORE,
                    dispute.second,
                    Kind.STORE,
                    dispute.first,
                    dispute.lane,
                    dispute.offset,
                    dispute.location,
                    self._buffers[dispute.argument].viewed(next(iter(dispute.values.values())).dtype),
                )
                raise self._race(machine, collision, track)

    # -- races -------------------------------------------------------------------------------------------------------

    def _order(self, machine: Machine) -> None:
        if self._ordered is None:
            self._ordered = torch.zeros(self._programs, dtype=torch.bool)
        self._ordered[machine.frame.slots] = True

    def _track(
        self,
        machine: Machine,
        kind: Kind,
        request: Request,
        block: Layout | None,
        location: Location,
        value: Tensor | None = None,
    ) -> None:
        track = self._tracks.get(request.buffer.index)
        if track is None:
            return
        slots = machine.frame.slots
        ids = (machine.programs.index_select(0, slots) + 1).to(torch.int32)
        ordered = None if self._ordered is None else self._ordered[slots]
        collision = track.add(machine, Event(kind, request, block, location, ids, value, ordered))
        if collision is not None:
            raise self._race(machine, collision, track)

    def _race(self, machine: Machine, collision: Collision, track: Track) -> Race:
        buffer = collision.buffer
        mine = machine.coordinates_of(collision.mine - 1)
        return Race(
            Where(self._kernel, mine, collision.lane, collision.location, machine.grid),
            collision.race,
            buffer.name,
            collision.offset - buffer.origin,
            buffer.data.numel() - buffer.origin,
            ACTIONS[collision.kind],
            machine.coordinates_of(collision.other - 1),
            ACTIONS[collision.other_kind],
            tuple(sorted(track.lines[collision.other_kind])),
        )

    # -- memory that nobody has written ------------------------------------------------------------------------------

    def _flags_of(self, buffer: Buffer) -> Buffer | None:
        """The flags of a buffer's elements, None if all have been written."""
        if not self._fresh:
            return None
        key = (buffer.index, buffer.data.dtype)
        if key not in self._flags:
            storage = buffer.data.untyped_storage()
            flags = (
                self._unwritten.flags(storage, buffer.data.element_size()) if storage._cdata in self._fresh else None
            )
            self._flags[key] = None if flags is None else Buffer(buffer.name, buffer.index, flags, buffer.origin, True)
        return self._flags[key]

    def _mark(self, machine: Machine, request: Request, block: Layout | None, location: Location) -> None:
        flags = self._flags_of(request.buffer)
        if flags is not None:
            mark = flag(flags.data.element_size()).reshape([1] * (1 + len(request.shape)))
            write_lanes(machine, _through(flags, request), block, mark, location)

    def _check_written(
        self, machine: Machine, request: Request, block: Layout | None, flags: Buffer, kind: Kind, location: Location
    ) -> None:
        wanted = flag(flags.data.element_size()).reshape([1] * (1 + len(request.shape)))
        found = read_lanes(machine, _through(flags, request), block, wanted, location)
        if bool((found == wanted).all()):
            return
        lanes = lanes_of(request, machine.frame.size)
        first = int(torch.nonzero(flags.data[lanes.offsets] != wanted.flatten())[0])
        rest = flags.data[flags.origin :]
        raise UnwrittenMemory(
            machine.where(location, int(lanes.rows[first]), int(lanes.lanes[first])),
            f"{kind.value} of memory that was never written",
            flags.name,
            int(lanes.offsets[first]) - flags.origin,
            rest.numel(),
            int(torch.count_nonzero(rest == wanted.flatten())),
        )


def _through(flags: Buffer, request: Request) -> Request:
    return Request(flags, request.terms, request.masks, request.shape)


def _tracks(buffers: Sequence[Buffer], facts: Mapping[str, Access]) -> dict[int, Track]:
    """Per buffer (by index) the track of its storage, where the kernel may race: arguments may share a storage."""
    together: dict[int, list[Buffer]] = {}
    for buffer in buffers:
        together.setdefault(buffer.data.untyped_storage()._cdata, []).append(buffer)
    allowance = Allowance(MAX_NOTE_BYTES)
    tracks: dict[int, Track] = {}
    for shared in together.values():
        known = [facts[buffer.name] for buffer in shared if buffer.name in facts]
        writes, updates = any(f.writes for f in known), any(f.updates for f in known)
        reads = any(f.reads for f in known)
        if writes or (updates and reads):
            track = Track(loads=reads, atomics=updates, allowance=allowance)
            tracks.update((buffer.index, track) for buffer in shared)
    return tracks

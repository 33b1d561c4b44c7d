"""The sanitizer's own memory: a number per element, read and written at the elements of an event."""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.values import Buffer
from sandboxes.ttir.memory.addressing import Layout, Request
from sandboxes.ttir.memory.transfers import read_lanes, write_lanes
from sandboxes.ttir.sanitizer.events import Event
from sandboxes.ttir.sanitizer.room import Room


class Notes:
    """One number per element that its room has admitted.

    Args:
        room: says where each of them lies.
        blank: the number of an element that has not been touched.
    """

    def __init__(self, room: Room, blank: int = 0) -> None:
        self._room = room
        self._blank = blank
        self._low = room.low
        self._data = self._fresh()

    def _fresh(self) -> Tensor:
        if self._blank:
            return torch.full((self._room.size,), self._blank, dtype=torch.int32)
        return torch.zeros(self._room.size, dtype=torch.int32)

    @property
    def data(self) -> Tensor:
        """All notes, by position."""
        if self._data.numel() != self._room.size:
            old, start = self._data, self._low - self._room.low
            self._data, self._low = self._fresh(), self._room.low
            self._data[start : start + old.numel()] = old
        return self._data

    def at(self, offsets: Tensor) -> Tensor:
        """The notes on admitted elements."""
        return self.data[self._room.positions(offsets)]

    def put(self, offsets: Tensor, value: Tensor | int) -> None:
        """Notes a number, or one each, on admitted elements."""
        self.data[self._room.positions(offsets)] = value

    def gather(self, offsets: Tensor, values: Tensor, how: str) -> None:
        """Notes the smallest (``amin``) or largest (``amax``) of several numbers and the one before."""
        self.data.scatter_reduce_(0, self._room.positions(offsets), values, how)

    def read(self, machine: Machine, event: Event, masked: Tensor | int = 0) -> Tensor:
        """The notes at the event's elements, lazily broadcast; ``masked`` where lanes are masked off."""
        rank = len(event.request.shape)
        other = masked if isinstance(masked, Tensor) else torch.full([1] * (rank + 1), masked, dtype=torch.int32)
        request, block = self._moved(event)
        return read_lanes(machine, request, block, other, event.location)

    def write(self, machine: Machine, event: Event, value: Tensor) -> None:
        """Notes a number at the event's elements."""
        request, block = self._moved(event)
        write_lanes(machine, request, block, value, event.location)

    def _moved(self, event: Event) -> tuple[Request, Layout | None]:
        terms, block = self._room.moved(event.request, event.block)
        request = event.request
        return Request(Buffer("", 0, self.data, 0, True), terms, request.masks, request.shape), block

"""One memory operation as the sanitizer sees it."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from sandboxes.ttir.errors import STORE_RACE
from sandboxes.ttir.ir import Location
from sandboxes.ttir.memory.addressing import Layout, Request


class Kind(StrEnum):
    """What an operation does to memory."""

    LOAD = "load"
    STORE = "store"
    ATOMIC = "atomic"


ACTIONS = {Kind.LOAD: "loads", Kind.STORE: "stores", Kind.ATOMIC: "updates atomically"}
"""As a verb of the third person."""

RACES = {
    (Kind.LOAD, Kind.STORE): "race of a store and a load",
    (Kind.STORE, Kind.LOAD): "race of a store and a load",
    (Kind.LOAD, Kind.ATOMIC): "race of an atomic update and a load",
    (Kind.ATOMIC, Kind.LOAD): "race of an atomic update and a load",
    (Kind.STORE, Kind.ATOMIC): "race of an atomic update and a store",
    (Kind.ATOMIC, Kind.STORE): "race of an atomic update and a store",
    (Kind.STORE, Kind.STORE): STORE_RACE,
}
"""What it is called if two programs do so."""

OPPONENTS = {
    Kind.LOAD: (Kind.STORE, Kind.ATOMIC),
    Kind.STORE: (Kind.LOAD, Kind.STORE, Kind.ATOMIC),
    Kind.ATOMIC: (Kind.LOAD, Kind.STORE),
}
"""What another program must not do to the same element."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One memory operation of the active programs."""

    kind: Kind
    request: Request
    block: Layout | None
    location: Location
    ids: Tensor
    """int32 linear program ids plus one, shape ``(P,)``."""
    value: Tensor | None = None
    """What is stored."""
    ordered: Tensor | None = None
    """Per program, whether it has waited for others before (see `Watch`); None if none has."""

    @property
    def stamp(self) -> Tensor:
        """The programs, broadcast against lanes."""
        return self.ids.reshape(-1, *[1] * len(self.request.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """The active lanes of an event, one by one."""

    rows: Tensor
    """Position of the program."""
    lanes: Tensor
    """Row-major index within the program's tensor."""
    offsets: Tensor
    kept: Tensor
    """Programs that have such lanes."""
    active: Tensor
    """Which of their lanes these are, shape ``(len(kept), *shape)``."""

    def pick(self, tensor: Tensor) -> Tensor:
        """The elements of a tensor that broadcasts against all lanes of all programs."""
        rows = tensor if tensor.shape[0] == 1 else tensor.index_select(0, self.kept)
        return rows.expand(self.active.shape)[self.active]


def lanes_of(request: Request, programs: int, chosen: Tensor | None = None) -> Lanes:
    """The active lanes of an access, of which only those ``chosen`` (broadcast) if given."""
    kept = torch.arange(programs)
    active = torch.ones([1] * (1 + len(request.shape)), dtype=torch.bool)
    if chosen is not None:
        active = chosen
        if chosen.shape[0] == programs > 1:
            kept = torch.nonzero(chosen.reshape(programs, -1).any(dim=1)).flatten()
            active, request = chosen.index_select(0, kept), request.rows(kept)
    mask = request.mask()
    full = (kept.numel(), *request.shape)
    active = (active if mask is None else active & mask).expand(full)
    index = torch.nonzero(active.reshape(full[0], -1))
    return Lanes(kept[index[:, 0]], index[:, 1], request.offsets().expand(full)[active], kept, active)

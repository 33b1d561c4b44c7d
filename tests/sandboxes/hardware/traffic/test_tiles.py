"""Tiles in the plane are the sectors that programs ask for."""

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from sandboxes.hardware.traffic import tiles
from sandboxes.hardware.traffic.boxes import elements_of
from sandboxes.hardware.traffic.caching import distinct
from sandboxes.hardware.traffic.events import events_of
from sandboxes.hardware.traffic.rectangles import TooManyPieces
from sandboxes.hardware.traffic.scene import Scene, requested_bytes, scene
from sandboxes.hardware.traffic.tiles import rectangles
from sandboxes.hardware.traffic.waves import choose_waves
from sandboxes.ttir import Counters
from sandboxes.ttir.addresses.log import Access, AddressLog, Operation
from sandboxes.ttir.engine.values import Buffer, space_start
from sandboxes.ttir.ir import UNKNOWN
from sandboxes.ttir.memory.addressing import Request


def buffer(elements: int, dtype: torch.dtype = torch.float32, number: int = 0) -> Buffer:
    return Buffer("x", number, torch.empty(elements, dtype=dtype, device="meta"), 0, True, True, space_start(number))


def seen(requests: list[Request], programs: int, waves: int = 1, kind: Literal["load", "store"] = "load") -> Scene:
    """A scene of one operation, executed once per request by all programs."""
    chosen = choose_waves(programs, -(-programs // waves), 0)
    first = requests[0]
    operation = Operation(
        kind=kind,
        argument="x",
        location=UNKNOWN,
        element_bytes=first.buffer.data.element_size(),
        shape=first.shape,
    )
    everybody = torch.arange(programs)
    accesses = tuple(Access(operation=0, programs=everybody, request=request) for request in requests)
    log = AddressLog(programs=everybody, operations=(operation,), accesses=accesses, counters=Counters())
    return scene(chosen, [(log, tuple(range(len(chosen))))])


def touched(request: Request, programs: int) -> set[int]:
    """Sectors, one by one."""
    address, active = elements_of(request, np.arange(programs))
    return set((address[active] // 32).tolist())


def tile(random: np.random.Generator, programs: int) -> Request:
    """Tiles of any size, stride, alignment and mask."""
    rows, columns = (int(2 ** random.integers(0, 5)) for _ in range(2))
    pitch = int(random.choice([8, 16, 24, 40, 41, 64, 7]))
    steps = [int(random.choice([1, 1, 1, 2, 3, 16, -1])), pitch]
    random.shuffle(steps)
    start = torch.from_numpy(random.integers(2000, 3000, (programs, 1, 1)) // 8 * int(random.choice([1, 8])))
    row = torch.arange(rows).reshape(1, rows, 1) * steps[0]
    column = torch.arange(columns).reshape(1, 1, columns) * steps[1]
    masks: list[Tensor] = []
    if random.random() < 0.5:
        limits = torch.from_numpy(random.integers(0, rows + 1, (programs, 1, 1)))
        masks.append(torch.arange(rows).reshape(1, rows, 1) < limits)
    if random.random() < 0.3:
        masks.append(torch.arange(columns).reshape(1, 1, columns) >= int(random.integers(columns)))
    if random.random() < 0.2:
        masks.append(torch.from_numpy(random.random((programs, rows, columns)) < 0.5))
    if random.random() < 0.2:
        column = torch.from_numpy(random.integers(0, 900, (1, 1, columns)))
    dtype = (torch.float32, torch.float16, torch.float64)[int(random.integers(3))]
    return Request(buffer(10_000, dtype), (start, row, column), tuple(masks), (rows, columns))


@pytest.mark.parametrize("kind", ["load", "store"])
@pytest.mark.parametrize("seed", range(25))
def test_distinct_bytes_of_tiles_are_the_sectors_that_their_elements_lie_in(
    seed: int, kind: Literal["load", "store"]
) -> None:
    random = np.random.default_rng(seed)
    programs = int(random.integers(1, 12))
    first = tile(random, programs)
    requests = [first] + [
        Request(first.buffer, (*first.terms, torch.full((1, 1, 1), 5 * step)), first.masks, first.shape)
        for step in range(1, 4)
    ]
    whole = seen(requests, programs, kind=kind)
    found = rectangles(whole.sights, 0)
    expected = [touched(request, programs) for request in requests]
    assert (found is None) == (not any(expected))
    if found is not None:
        events = events_of(found, 10**6)
        each = distinct(events, np.arange(4), 4)
        assert each.tolist() == [32 * len(sectors) for sectors in expected]
        assert distinct(events, np.zeros(4, dtype=np.int64), 1).tolist() == [32 * len(set.union(*expected))]
    requested = requested_bytes(whole).sum()
    size = first.buffer.data.element_size()
    assert requested == sum(np.count_nonzero(elements_of(r, np.arange(programs))[1]) for r in requests) * size


def test_a_tile_is_one_piece_however_many_rows_it_has() -> None:
    start = torch.arange(64).reshape(64, 1, 1) // 8 * 128 * 8192 + torch.arange(64).reshape(64, 1, 1) % 8 * 64
    terms = (start, torch.arange(128).reshape(1, 128, 1) * 8192, torch.arange(64).reshape(1, 1, 64))
    request = Request(buffer(8192 * 8192), terms, (), (128, 64))
    found = rectangles(seen([request], 64).sights, 0)
    assert found is not None
    assert len(events_of(found, 10**6)) == 64


def test_stores_know_which_bytes_of_a_sector_they_cover() -> None:
    terms = (torch.arange(2).reshape(2, 1) * 12 + 3, torch.arange(12).reshape(1, 12))
    found = rectangles(seen([Request(buffer(100), terms, (), (12,))], 2, kind="store").sights, 0)
    assert found is not None
    events = events_of(found, 100)
    in_order = events.covered[np.argsort(events.atom)].tolist()
    assert in_order == [0xFFFFF000, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000FFF]


def test_what_falls_into_too_many_pieces_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MAX_PIECES", 3)
    requests = [Request(buffer(1000), (torch.arange(2).reshape(2, 1) * 99 + n,), (), (1,)) for n in range(2)]
    assert rectangles(seen(requests[:1], 2).sights, 0) is not None
    with pytest.raises(TooManyPieces):
        rectangles(seen(requests, 2).sights, 0)


@pytest.mark.slow
def test_gathers_too_large_to_look_at_are_sampled_without_bias_in_what_they_touch() -> None:
    places = torch.randint(0, 2**22, (512, 2048), generator=torch.Generator().manual_seed(0))
    request = Request(buffer(2**22), (places,), (), (2048,))
    expected = 32 * len(touched(request, 512))
    found = rectangles(seen([request, request], 512).sights, 3)
    assert found is not None
    events = events_of(found, 10**6)
    assert len(events) < 200_000
    assert distinct(events, np.zeros(2, dtype=np.int64), 1)[0] == pytest.approx(expected, rel=0.05)

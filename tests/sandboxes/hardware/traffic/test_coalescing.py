"""A warp's instruction moves whole sectors, each once."""

import numpy as np
import pytest
import torch

from sandboxes.hardware.traffic.coalescing import Coalescing, Threads, coalescing
from sandboxes.ttir.engine.values import Buffer, space_start
from sandboxes.ttir.memory.addressing import Request

LANES = torch.arange(32).reshape(1, 32)
WARP = Threads(lanes=np.arange(32).reshape(1, 32))


def asked(offsets: torch.Tensor, dtype: torch.dtype = torch.float32, mask: torch.Tensor | None = None) -> Coalescing:
    """One instruction of a warp at these offsets."""
    x = Buffer("x", 0, torch.empty(10_000, dtype=dtype, device="meta"), 0, True, True, space_start(0))
    return coalescing(
        [(Request(x, (offsets,), () if mask is None else (mask,), (32,)), np.zeros(1, dtype=np.int64))], WARP
    )


@pytest.mark.parametrize(("stride", "sectors"), [(0, 1), (1, 4), (2, 8), (4, 16), (8, 32), (100, 32), (-1, 4)])
def test_a_stride_costs_sectors_until_each_thread_has_its_own(stride: int, sectors: int) -> None:
    assert asked(LANES * stride + (3200 if stride >= 0 else 3231)).sectors == sectors


def test_a_request_that_begins_between_sectors_touches_one_more() -> None:
    assert asked(LANES + 1).sectors == 5
    assert asked(LANES + 1).least_sectors == 4
    assert asked(LANES + 8).sectors == 4


def test_threads_that_want_the_same_element_share_it() -> None:
    same = asked(LANES * 0)
    assert (same.sectors, same.least_sectors, same.requests, same.requested_bytes) == (1, 1, 1, 128)


def test_masked_threads_ask_for_nothing_and_a_masked_warp_asks_for_no_sector() -> None:
    half = asked(LANES * 8, mask=LANES < 16)
    assert (half.sectors, half.least_sectors, half.requested_bytes) == (16, 2, 64)
    nothing = asked(LANES * 8, mask=LANES < 0)
    assert (nothing.sectors, nothing.requests, nothing.requested_bytes) == (0, 0, 0)


def test_what_a_later_instruction_of_the_same_load_wants_again_is_in_the_first_level_cache() -> None:
    x = Buffer("x", 0, torch.empty(10_000, device="meta"), 0, True, True, space_start(0))
    threads = Threads(lanes=np.arange(128).reshape(32, 4).T)  # each thread loads four neighbours one by one
    found = coalescing(
        [(Request(x, (torch.arange(128).reshape(1, 128),), (), (128,)), np.zeros(1, dtype=np.int64))], threads
    )
    assert (found.requests, found.sectors, found.cached_sectors, found.least_sectors) == (4, 64, 16, 16)


@pytest.mark.parametrize("seed", range(10))
def test_sectors_are_those_that_counting_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    offsets = random.integers(0, 200, (1, 32))
    mask = random.random((1, 32)) < 0.7
    found = asked(torch.from_numpy(offsets), torch.float16, torch.from_numpy(mask))
    wanted = offsets[mask]
    assert found.sectors == len({offset * 2 // 32 for offset in wanted.tolist()})
    assert found.least_sectors == -(-len(set(wanted.tolist())) * 2 // 32)


def test_every_warp_loads_a_scalar_and_one_thread_stores_it() -> None:
    assert Threads.of_scalar("load", 4).repeated == 4
    assert Threads.of_scalar("store", 4).repeated == 1

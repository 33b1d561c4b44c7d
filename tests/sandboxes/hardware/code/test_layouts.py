"""A layout says exactly which elements each instruction of a warp accesses: compared with counting it out by hand."""

import itertools
from math import prod

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sandboxes.hardware.code.bases import bases_of, lanes_of
from sandboxes.hardware.code.code import Lanes
from sandboxes.hardware.code.encodings import Distributed, read_encoding
from sandboxes.hardware.code.layouts import warp_requests

POWERS = st.sampled_from([1, 2, 4, 8])


@st.composite
def blocked(draw: st.DrawFn) -> tuple[Lanes, tuple[int, ...], int]:
    """A layout of 32 threads per warp, a shape and a vector."""
    rank = draw(st.integers(1, 3))
    order = tuple(draw(st.permutations(range(rank))))
    threads = [1] * rank
    for _ in range(5):
        threads[draw(st.integers(0, rank - 1))] *= 2
    lanes = Lanes(
        size_per_thread=tuple(draw(POWERS) for _ in range(rank)),
        threads_per_warp=tuple(threads),
        warps_per_block=tuple(draw(st.sampled_from([1, 2])) for _ in range(rank)),
        order=order,
    )
    shape = tuple(draw(st.sampled_from([1, 2, 4, 16, 32, 64])) for _ in range(rank))
    assume(prod(shape) <= 2048)
    return lanes, shape, draw(POWERS)


def counted_out(lanes: Lanes, shape: tuple[int, ...], vector: int) -> set[tuple[tuple[int, ...], ...]]:
    """What the definition says, element by element: a request is a set of vectors, one per thread."""
    tile = [
        a * b * c for a, b, c in zip(lanes.size_per_thread, lanes.threads_per_warp, lanes.warps_per_block, strict=True)
    ]
    fast = lanes.order[0]
    width = min(vector, lanes.size_per_thread[fast], shape[fast])
    requests: dict[tuple[object, ...], dict[tuple[int, ...], list[int]]] = {}
    for place in itertools.product(*(range(size) for size in shape)):
        thread, request = [], []
        for axis, at in enumerate(place):
            size, lane_count = lanes.size_per_thread[axis], lanes.threads_per_warp[axis]
            within, repeat = at % tile[axis], at // tile[axis]
            register, lane, warp = within % size, within // size % lane_count, within // size // lane_count
            thread.append(lane)
            group = register // width if axis == fast else register
            request.append((repeat, group, warp))
        flat = 0
        for at, size in zip(place, shape, strict=True):
            flat = flat * size + at
        requests.setdefault(tuple(request), {}).setdefault(tuple(thread), []).append(flat)
    return {tuple(sorted(tuple(sorted(each)) for each in request.values())) for request in requests.values()}


@settings(deadline=None, max_examples=50)
@given(blocked())
def test_requests_of_warps_are_those_of_the_definition(
    drawn: tuple[Lanes, tuple[int, ...], int],
) -> None:
    lanes, shape, vector = drawn
    if vector > lanes.size_per_thread[lanes.order[0]]:
        vector = lanes.size_per_thread[lanes.order[0]]
    found = warp_requests(lanes, shape, 32, vector)
    requests = {tuple(sorted(tuple(sorted(thread)) for thread in request)) for request in found.tolist()}
    assert requests == counted_out(lanes, shape, vector)
    assert len(requests) == found.shape[0]


@settings(deadline=None, max_examples=50)
@given(blocked())
def test_each_element_is_accessed_once(drawn: tuple[Lanes, tuple[int, ...], int]) -> None:
    lanes, shape, vector = drawn
    found = warp_requests(lanes, shape, 32, vector)
    assert torch.equal(found.flatten().sort().values, torch.arange(prod(shape)))


def test_neighbouring_threads_of_a_row_are_one_request() -> None:
    lanes = Lanes(size_per_thread=(4,), threads_per_warp=(32,), warps_per_block=(4,), order=(0,))
    found = warp_requests(lanes, (1024,), 32, 4)
    assert found.shape == (8, 32, 4)
    assert found[0].flatten().tolist() == list(range(128))


def test_a_narrow_vector_needs_more_requests() -> None:
    lanes = Lanes(size_per_thread=(4,), threads_per_warp=(32,), warps_per_block=(4,), order=(0,))
    found = warp_requests(lanes, (1024,), 32, 1)
    assert found.shape == (32, 32, 1)
    assert found[0].flatten().tolist() == list(range(0, 128, 4))


@pytest.mark.parametrize(
    ("shape", "lanes"),
    [
        ((8, 8), Lanes(size_per_thread=(1,), threads_per_warp=(32,), warps_per_block=(1,), order=(0,))),
        ((24,), Lanes(size_per_thread=(1,), threads_per_warp=(32,), warps_per_block=(1,), order=(0,))),
        ((64,), Lanes(size_per_thread=(1,), threads_per_warp=(64,), warps_per_block=(1,), order=(0,))),
        ((1 << 25,), Lanes(size_per_thread=(1,), threads_per_warp=(32,), warps_per_block=(1,), order=(0,))),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], lanes: Lanes) -> None:
    with pytest.raises(ValueError, match=r"shape|warp"):
        warp_requests(lanes, shape, 32, 1)


LAYOUTS = {
    "results of mma": (
        "#ttg.nvidia_mma<{versionMajor = 2, versionMinor = 0, warpsPerCTA = [2, 2], instrShape = [16, 8]}>"
    ),
    "results of wgmma": (
        "#ttg.nvidia_mma<{versionMajor = 3, versionMinor = 0, warpsPerCTA = [4, 1], instrShape = [16, 64, 16]}>"
    ),
    "results of mfma": (
        "#ttg.amd_mfma<{version = 3, warpsPerCTA = [2, 2], instrShape = [32, 32, 8], isTransposed = true}>"
    ),
    "small results of mfma": (
        "#ttg.amd_mfma<{version = 3, warpsPerCTA = [1, 4], instrShape = [16, 16, 16], isTransposed = false}>"
    ),
    "blocked": (
        "#ttg.blocked<{sizePerThread = [2, 4], threadsPerWarp = [4, 8], warpsPerCTA = [2, 2], order = [0, 1]}>"
    ),
    "linear": (
        "#ttg.linear<{register = [[0, 1], [0, 2], [0, 8], [0, 16], [0, 32], [32, 0]], lane = [[1, 0], [2, 0], [4, 0], "
        "[8, 0], [16, 0], [0, 4]], warp = [[0, 0], [0, 0]], block = []}>"
    ),
}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_in_terms_of_a_blocked_one_has_the_same_requests(name: str) -> None:
    shape = (64, 64)
    layout = read_encoding(LAYOUTS[name], {})
    bases = bases_of(layout, shape)  # type: ignore[arg-type]
    assert bases is not None
    held = torch.zeros(1, dtype=torch.int64)
    for step in bases.flat((*bases.register, *bases.lane, *(place for place in bases.warp if any(place)))):
        held = torch.cat((held, held ^ step))
    assert torch.equal(held.unique(), torch.arange(64 * 64))
    lanes = lanes_of(layout, bases)  # type: ignore[arg-type]
    if lanes is None:
        return
    found = warp_requests(lanes, shape, 1 << len(bases.lane), 1)
    threads = torch.zeros(1, dtype=torch.int64)
    for step in bases.flat(bases.lane):
        threads = torch.cat((threads, threads ^ step))
    requests = {tuple(sorted(request)) for request in found.flatten(1).tolist()}
    assert tuple(sorted(threads.tolist())) in requests
    others = held.reshape(-1)
    assert all(tuple(sorted((threads ^ int(first)).tolist())) in requests for first in others[::37])


def test_a_slice_keeps_what_is_along_other_axes() -> None:
    text = (
        "#ttg.slice<{dim = 1, parent = #ttg.blocked<{sizePerThread = [1, 4], threadsPerWarp = [8, 4], "
        "warpsPerCTA = [4, 1], order = [1, 0]}>}>"
    )
    layout: Distributed = read_encoding(text, {})  # type: ignore[assignment]
    bases = bases_of(layout, (64,))
    assert bases is not None
    assert bases.lane == ((0,), (0,), (1,), (2,), (4,))
    assert bases.warp == ((8,), (16,))
    lanes = lanes_of(layout, bases)
    assert lanes is not None
    assert warp_requests(lanes, (64,), 32, 1).shape == (8, 8, 1)

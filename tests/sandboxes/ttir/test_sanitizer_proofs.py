"""A proof that programs keep apart is never wrong, and it succeeds for the layouts that kernels use."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.ttir.memory.addressing import Layout
from sandboxes.ttir.sanitizer.regions import programs_apart


def block(
    start: list[int], strides: tuple[int, ...], sizes: tuple[int, ...], rest: tuple[torch.Tensor, ...] = ()
) -> Layout:
    windows = tuple((0, size) for size in sizes)
    return Layout(torch.tensor(start), strides, sizes, windows, torch.ones(len(start), dtype=torch.bool), rest)


def touched(layout: Layout, program: int) -> set[int]:
    """The elements of one program, lane by lane."""
    found = set()
    for lane in itertools.product(*map(range, layout.sizes)):
        active = all(
            bool(
                mask[
                    (
                        min(program, mask.shape[0] - 1),
                        *(min(i, n - 1) for i, n in zip(lane, mask.shape[1:], strict=True)),
                    )
                ]
            )
            for mask in layout.rest
        )
        if active:
            offset = sum(i * stride for i, stride in zip(lane, layout.strides, strict=True))
            found.add(int(layout.start[program]) + offset)
    return found


def really_apart(layout: Layout) -> bool:
    sets = [touched(layout, program) for program in range(layout.start.numel())]
    return sum(map(len, sets)) == len(set().union(*sets))


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    rank = draw(st.integers(0, 3))
    sizes = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    strides = tuple(draw(st.sampled_from([-5, -1, 0, 1, 2, 3, 4, 6, 8, 12, 16])) for _ in range(rank))
    steps = [draw(st.sampled_from([0, 1, 2, 3, 4, 6, 8, 12, 16, 24])) for _ in range(2)]
    counts = [draw(st.integers(1, 4)) for _ in range(2)]
    start = [64 + i * steps[0] + j * steps[1] for i in range(counts[0]) for j in range(counts[1])]
    if draw(st.booleans()):
        start = draw(st.permutations(start))
    rest = []
    for axis in range(rank):
        if sizes[axis] > 1 and draw(st.booleans()):
            active = [[draw(st.booleans()) for _ in range(sizes[axis])] for _ in start]
            shape = [len(start), *(sizes[axis] if i == axis else 1 for i in range(rank))]
            mask = torch.tensor(active)
            rest.append((mask if draw(st.booleans()) else mask.sort(dim=1, descending=True).values).reshape(shape))
    return block(start, strides, sizes, tuple(rest))


@settings(max_examples=400, deadline=None)
@given(layouts())
def test_programs_that_are_proven_apart_share_no_element(layout: Layout) -> None:
    if programs_apart(layout, layout.start.numel()):
        assert really_apart(layout)


def cut_tiles() -> Layout:
    """Tiles of 4x4 of a 10x10 matrix, cut at both edges."""
    tiles = list(itertools.product(range(0, 10, 4), repeat=2))
    rows, columns = (
        torch.stack([torch.arange(4) + tile[axis] < 10 for tile in tiles]).reshape(9, *shape)
        for axis, shape in ((0, (4, 1)), (1, (1, 4)))
    )
    return block([10 * row + column for row, column in tiles], (10, 1), (4, 4), (rows, columns))


@pytest.mark.parametrize(
    "layout",
    [
        block([0, 8, 16], (1,), (8,)),
        block([0, 100, 200], (10, 1), (9, 10)),
        block([0, 4, 32, 36], (8, 1), (4, 4)),
        block([36, 0, 32, 4], (8, 1), (4, 4)),
        block([0, 1, 2], (3,), (5,)),
        block([5, 3, 4], (), ()),
        cut_tiles(),
    ],
    ids=["blocks", "rows", "tiles", "tiles in any order", "columns", "scalars", "tiles with cut edges"],
)
def test_usual_layouts_are_proven_apart(layout: Layout) -> None:
    assert really_apart(layout)
    assert programs_apart(layout, layout.start.numel())

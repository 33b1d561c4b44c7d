"""A guessed layout is the one that the compiler chooses where it knows no more than strides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.hardware.code.guessing import guess
from sandboxes.hardware.code.layouts import warp_requests
from sandboxes.hardware.code.reading import read_code
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import ttgir

CASES: list[tuple[Any, str, dict[str, Any], str, tuple[int, ...], int]] = [
    (kernels.copy, "*fp32 *fp32 i32", {"block": 1024}, "load", (1,), 4),
    (kernels.copy, "*fp16 *fp16 i32", {"block": 512}, "store", (1,), 2),
    (kernels.softmax, "*fp32 *fp32 i32 i32", {"block": 2048, "aligned": "x y columns"}, "load", (1,), 4),
    (kernels.transpose, "*fp32 *fp32 i32 i32", {"block": 64}, "load", (4096, 1), 4),
    (kernels.row_sums, "*fp32 *fp32 i32", {"tall": 16, "wide": 128}, "load", (4096, 1), 4),
    (kernels.row_sums, "*fp32 *fp32 i32", {"tall": 16, "wide": 128, "warps": 8}, "load", (4096, 1), 4),
]


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("target", ["h200", "mi300x"])
def test_a_guess_is_what_the_compiler_chooses(case: int, target: str) -> None:
    kernel, types, options, kind, strides, element_bytes = CASES[case]
    code = read_code(ttgir(kernel, types, target, **options))
    found = next(each for each in code.memory if each.kind == kind)
    aligned = "aligned" not in options
    guessed = guess(
        found.shape, strides, found.element_bytes, warps=code.warps, warp_size=code.warp_size, aligned=aligned
    )
    assert found.element_bytes == {4: 4, 2: 2}[element_bytes]
    assert (guessed.lanes, guessed.vector) == (found.lanes, found.vector)


def test_a_stride_that_the_compiler_can_not_know_makes_single_elements() -> None:
    assert guess((64, 64), (1000, 1), 4, warps=4, warp_size=32).vector == 1
    assert guess((64, 64), (None, 1), 4, warps=4, warp_size=32).vector == 1
    assert guess((64, 64), (1008, 1), 4, warps=4, warp_size=32).vector == 4


def test_threads_follow_the_axis_that_is_consecutive() -> None:
    assert guess((64, 64), (1, 4096), 4, warps=4, warp_size=32).lanes.order == (0, 1)
    assert guess((64, 64), (4096, 1), 4, warps=4, warp_size=32).lanes.order == (1, 0)


@given(
    sizes=st.lists(st.sampled_from([1, 2, 8, 64]), min_size=1, max_size=3),
    strides=st.lists(st.sampled_from([None, 0, 1, 16, 100]), min_size=3, max_size=3),
    warps=st.sampled_from([1, 4, 16]),
)
def test_a_guess_fits_its_tensor(sizes: list[int], strides: list[int | None], warps: int) -> None:
    shape = tuple(sizes)
    guessed = guess(shape, strides[: len(shape)], 2, warps=warps, warp_size=32)
    found = warp_requests(guessed.lanes, shape, 32, guessed.vector)
    assert found.unique().numel() == found.numel()


def test_strides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="strides"):
        guess((64,), (1, 2), 4, warps=4, warp_size=32)

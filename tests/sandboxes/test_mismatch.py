"""Patterns of wrong outputs: each is recognised, no look-alike is; answers of few numbers stay secret."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.judge import compare
from sandboxes.mismatch import find_pattern
from sandboxes.nested import structure
from sandboxes.truth import Expected, Truth

Change = Callable[[torch.Tensor], torch.Tensor]


def expected_of(value: torch.Tensor, tolerance: float = 1e-4) -> Expected:
    exact = not value.dtype.is_floating_point
    return Expected(label="output", value=value, dtype=value.dtype, tolerance=0.0 if exact else tolerance)


def pattern(value: torch.Tensor, output: torch.Tensor, tolerance: float = 1e-4) -> str:
    truth = Truth(
        inputs=[], outputs=(expected_of(value, tolerance),), structure=structure(value), changed_inputs=frozenset()
    )
    comparison = compare(truth, output, [])
    assert not comparison.passed
    return comparison.pattern or ""


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def put(index: Any, value: Any) -> Change:
    """Returns a change that puts something at an index."""

    def change(right: torch.Tensor) -> torch.Tensor:
        output = right.clone()
        output[index] = value(right[index]) if callable(value) else value
        return output

    return change


def noise(size: float, share: float = 1.0) -> Change:
    def change(right: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(6)
        errors = size * torch.randn(right.shape, generator=generator)
        return right + errors * (torch.rand(right.shape, generator=generator) < share)

    return change


def flat(part: slice) -> Change:
    def change(right: torch.Tensor) -> torch.Tensor:
        output = right.clone()
        output.view(-1)[part] += 1.0
        return output

    return change


ALL = slice(None)
PATTERNS: list[tuple[str, Change]] = [
    ("only indices 96 to 99 of dimension 1 are wrong: is the tail", put((ALL, slice(96, None)), 9.0)),
    ("only index 99 of dimension 1 is wrong: is the tail", put((ALL, 99), 9.0)),
    ("index 16 of dimension 0 or beyond, and everything there is wrong", put(slice(16, None), 9.0)),
    ("only indices 0 to 3 of dimension 0 are wrong", put(slice(0, 4), 9.0)),
    ("only indices 5 to 8 of dimension 1 are wrong", put((ALL, slice(5, 9)), 9.0)),
    ("only every 2nd index of dimension 1 is wrong (1, 3, ...)", put((ALL, slice(1, None, 2)), 9.0)),
    ("only every 16th index of dimension 0 is wrong (0, 16, ...)", put(slice(0, None, 16), 9.0)),
    ("only every 4th index of dimension 1 is right (0, ...)", lambda x: x + 1.0 * (torch.arange(x.shape[1]) % 4 > 0)),
    ("only the block [0:16, 32:64] is wrong", put((slice(0, 16), slice(32, 64)), 9.0)),
    ("all of items 3, 11, 12 of dimension 0 is wrong", put([3, 11, 12], lambda x: x + normal(*x.shape))),
    ("row by row, only the last 520 elements are wrong: is the last block", flat(slice(-520, None))),
    ("row by row, only elements 130 to 899 are wrong", flat(slice(130, 900))),
    ("row by row, only every 7th element is wrong", flat(slice(3, None, 7))),
    ("every wrong element is NaN", put((ALL, slice(50, None)), float("nan"))),
    ("every wrong element is infinite", put((ALL, slice(50, None)), float("-inf"))),
    ("every wrong element is NaN or infinite", put((ALL, slice(0, 2)), torch.tensor([float("nan"), float("inf")]))),
    ("10% of the wrong elements are NaN or infinite", lambda x: put((ALL, slice(0, 10)), float("nan"))(x + 1)),
    ("every wrong element is 0: is it ever stored", torch.zeros_like),
    ("all wrong elements have the same value", put((ALL, slice(50, None)), 1.5)),
    ("2 times as large as they should be", lambda x: 2 * x),
    ("0.18 times as large", lambda x: x / 5.6568),
    ("-3 times as large", lambda x: -3 * x),
    ("all wrong elements are 0.8% too large", lambda x: x * 1.008),
    ("is the tail handled?; all wrong elements are 2 times",
     put((ALL, slice(50, None)), lambda x: 2 * x)),
    ("off by the same amount", lambda x: x + 0.37),
    ("has the wrong sign", lambda x: -x),
    ("dimensions 0 and 1 are exchanged", lambda x: x.t().reshape(x.shape)),
    ("dimension 1 is reversed", lambda x: x.flip(1)),
    ("shifted by +1 along dimension 1", lambda x: x.roll(1, 1)),
    ("shifted by -1 along dimension 0", lambda x: x.roll(-1, 0)),
    ("every wrong row is off by a factor of its own", lambda x: x * (2 + normal(x.shape[0], 1).abs())),
    ("every wrong row is off by an amount of its own", lambda x: x + 1 + normal(x.shape[0], 1).abs()),
    ("errors are small, and everywhere", noise(1e-3)),
    ("nearly right: is anything rounded", lambda x: x.to(torch.bfloat16).float()),
    ("nearly right: is anything rounded", lambda x: x * (1 + 0.01 * normal(*x.shape).clamp(-1, 1))),
]  # fmt: skip


@pytest.mark.parametrize(("words", "change"), PATTERNS, ids=[words for words, _ in PATTERNS])
def test_a_pattern_is_recognised(words: str, change: Change) -> None:
    right = normal(48, 100)
    assert words in pattern(right, change(right).contiguous())


@pytest.mark.parametrize(("words", "change"), PATTERNS, ids=[words for words, _ in PATTERNS])
def test_a_pattern_is_recognised_in_a_large_output_in_bounded_time(words: str, change: Change) -> None:
    right = normal(2048, 100)
    output = change(right).contiguous()
    expected = expected_of(right)
    wrong = ~((output - right).abs() <= 1e-4)
    start = time.perf_counter()
    find_pattern(expected, output, wrong)
    assert time.perf_counter() - start < 1.0


LOOK_ALIKES: list[tuple[str, Change]] = [
    ("a few elements here and there", noise(1.0, share=0.01)),
    ("one element in the middle", put((20, 50), 9.0)),
    ("errors as large as the values, everywhere", noise(1.0)),
    ("factors that are nearly the same", lambda x: x * (2 + 0.1 * normal(*x.shape))),
    ("offsets that are nearly the same", lambda x: x + 0.37 + 0.1 * normal(*x.shape)),
    ("rows with nearly a factor of their own", lambda x: x * (2 + normal(x.shape[0], 1) + 0.1 * normal(*x.shape))),
    ("columns with a factor of their own", lambda x: x * (2 + normal(1, x.shape[1]).abs())),
    ("a shuffle", lambda x: x.flatten()[torch.randperm(x.numel(), generator=torch.Generator())].view(x.shape)),
    ("a shift by two", lambda x: x.roll((2, 3), (0, 1))),
    ("small errors and few large ones", lambda x: put((slice(0, 40, 7), slice(3, 90, 11)), 9.0)(noise(1e-3)(x))),
]


@pytest.mark.parametrize(("name", "change"), LOOK_ALIKES, ids=[name for name, _ in LOOK_ALIKES])
def test_what_only_looks_like_a_pattern_is_called_none(name: str, change: Change) -> None:
    right = normal(48, 100)
    assert pattern(right, change(right)) == ""


def test_a_truth_of_equal_numbers_gives_no_ratio_and_no_offset() -> None:
    right = torch.full((48, 100), 3.2164)
    assert "same value" in pattern(right, torch.ones(48, 100))
    two = torch.tensor([3.2164, 1.25]).repeat(48, 50)
    for output in (2 * two, two + 1, -two, two.flip(1)):
        assert pattern(two, output) == ""


@pytest.mark.parametrize("count", [1, 2, 8, 63])
def test_few_numbers_give_no_ratio_and_no_sign(count: int) -> None:
    right = normal(count) + 10
    for output in (2 * right, -right, right + 0.5, right * 1.001):
        assert pattern(right, output) == ""


@pytest.mark.parametrize(
    ("right", "output", "words"),
    [
        (torch.arange(4000).view(40, 100), torch.arange(4000).view(40, 100) + 1, "off by the same amount"),
        (torch.arange(4000).view(40, 100), torch.arange(4000).view(40, 100).t().reshape(40, 100), "exchanged"),
        (torch.arange(1, 401), torch.zeros(400, dtype=torch.int64), "every wrong element is 0"),
        (torch.ones(10, 10, dtype=torch.int32), torch.full((10, 10), 2**31 - 59, dtype=torch.int32), "ever stored"),
        (normal(9, 9) > 0, normal(9, 9) <= 0, "every element is the opposite"),
        (normal(9, 9) > 0, torch.ones(9, 9, dtype=torch.bool), ""),
        (torch.complex(normal(9, 9), normal(9, 9)), torch.zeros(9, 9, dtype=torch.complex64), "is 0"),
        (torch.complex(normal(9, 9), normal(9, 9)), torch.ones(9, 9, dtype=torch.complex64), "same value"),
        (torch.tensor(1.0), torch.tensor(float("nan")), "every wrong element is NaN"),
        (torch.tensor(5), torch.tensor(6), ""),
        (1e38 * normal(10, 10), -1e38 * normal(10, 10), "has the wrong sign"),
        (torch.full((9, 9), float("nan")).index_put_((torch.tensor([0]),), normal(9)), torch.zeros(9, 9), "is 0"),
        (torch.full((9, 9), float("inf")), normal(9, 9), ""),
        (normal(70, 1, 1, 1, 1, 1, 1), -normal(70, 1, 1, 1, 1, 1, 1), "has the wrong sign"),
    ],
    ids=lambda item: item if isinstance(item, str) else str(item.dtype),
)
def test_other_dtypes_and_odd_values_are_described_as_well(
    right: torch.Tensor, output: torch.Tensor, words: str
) -> None:
    found = pattern(right, output)
    assert words in found if words else found == ""


def test_of_several_outputs_the_first_wrong_one_is_described() -> None:
    right = normal(20, 30)
    truth = Truth(
        inputs=[], outputs=(expected_of(right), expected_of(right)), structure=structure((right, right)),
        changed_inputs=frozenset(),
    )  # fmt: skip
    assert "wrong sign" in (compare(truth, (right.clone(), -right), []).pattern or "")


@pytest.mark.parametrize("exact", [True, False])
def test_a_single_wrong_element_among_many_is_not_called_rounding(exact: bool) -> None:
    right = normal(200_000)
    output = right.clone() if exact else right + 1e-5
    output[5] = 9.0
    assert pattern(right, output) == ""


def test_rare_wrong_elements_of_a_large_output_are_found() -> None:
    right = normal(4096, 1024)
    output = right.clone()
    output[17] *= 2
    assert "2 times as large" in pattern(right, output)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.float64, torch.int32, torch.bool, torch.complex64]),
    seed=st.integers(0, 10_000),
)
def test_any_mismatch_of_any_shape_is_described_without_an_error(
    shape: list[int], dtype: torch.dtype, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    odd = torch.tensor([0.0, 1.0, -1.0, 1e4, 6e4, float("nan"), float("inf"), -float("inf"), 0.5])
    if not dtype.is_floating_point and not dtype.is_complex:
        odd = odd.nan_to_num(0, 7, -7)
    right, got = (odd[torch.randint(len(odd), shape, generator=generator)].to(dtype) for _ in range(2))
    wrong = torch.rand(shape, generator=generator) < 0.5
    wrong.view(-1)[0] = True
    assert len(find_pattern(expected_of(right), got, wrong) or "") < 400

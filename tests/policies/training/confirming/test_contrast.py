"""The subset that varies most, and who is in it where that is open."""

from collections import Counter
from itertools import combinations
from statistics import pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.training.confirming.contrast import ContrastiveSelection, max_variance

VALUES = st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.5]) | st.floats(-10, 10), min_size=1, max_size=7)


@given(VALUES, st.data())
def test_no_subset_varies_more(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(values)))
    chosen = max_variance(values, count)
    assert len(set(chosen)) == len(chosen) == count
    best = max(pvariance(subset) for subset in combinations(values, count))
    assert pvariance([values[index] for index in chosen]) == pytest.approx(best, rel=1e-6, abs=1e-9)


@given(VALUES, VALUES, st.data())
def test_no_subset_varies_more_beside_what_is_in_it_already(
    values: list[float], beside: list[float], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(values)))
    chosen = max_variance(values, count, beside)
    best = max(pvariance([*beside, *subset]) for subset in combinations(values, count))
    assert pvariance([*beside, *(values[index] for index in chosen)]) == pytest.approx(best, rel=1e-6, abs=1e-9)


def test_the_extremes_of_both_sides_are_chosen() -> None:
    assert sorted(max_variance([0.5, 3.0, 0.4, 0.0, 0.6, 2.9, 0.1, 0.5], 4)) == [1, 3, 5, 6]


def test_one_that_stands_out_is_compared_with_the_others_wherever_it_is() -> None:
    values = [0.0] * 15 + [4.0]
    assert 15 in max_variance(values, 2)
    assert 15 in max_variance(values, 8)


def test_more_than_there_are_can_not_be_chosen() -> None:
    with pytest.raises(ValueError, match="3 of 2 values"):
        max_variance([1.0, 2.0], 3)
    assert max_variance([], 0) == ()


def test_the_same_group_is_always_chosen_from_alike() -> None:
    select = ContrastiveSelection(keep=4, random_share=0.5, seed=3)
    values = [float(index % 5) for index in range(16)]
    assert select.choose(values, "a") == select.choose(values, "a")
    assert len({select.choose(values, str(group)) for group in range(20)}) > 1


def test_of_equal_values_everyone_is_chosen_as_often() -> None:
    select = ContrastiveSelection(keep=2, random_share=0.0)
    found = Counter(index for group in range(4000) for index in select.choose([1.0] * 8, str(group)))
    assert set(found) == set(range(8))
    assert all(abs(count - 1000) < 150 for count in found.values())  # 5 standard deviations


def test_ties_at_an_end_are_drawn() -> None:
    select = ContrastiveSelection(keep=2, random_share=0.0)
    lowest = {select.choose([0.0, 0.0, 0.0, 5.0], str(group)) for group in range(50)}
    assert lowest == {(0, 3), (1, 3), (2, 3)}


def test_a_share_of_one_draws_fairly_whatever_the_values_are() -> None:
    select = ContrastiveSelection(keep=2, random_share=1.0)
    found = Counter(index for group in range(4000) for index in select.choose([0, 1, 2, 3, 4, 5, 6, 99], str(group)))
    assert all(abs(found[index] - 1000) < 150 for index in range(8))


def test_with_a_share_in_between_everyone_has_a_chance_and_the_extremes_the_best() -> None:
    select = ContrastiveSelection(keep=4, random_share=0.5)
    values = [0.0, *[1.0] * 6, 2.0]
    found = Counter(index for group in range(2000) for index in select.choose(values, str(group)))
    assert min(found.values()) > 300
    assert min(found[0], found[7]) == 2000


def test_a_small_group_is_chosen_whole() -> None:
    assert ContrastiveSelection(keep=4).choose([1.0, 2.0, 3.0], "a") == (0, 1, 2)


@pytest.mark.parametrize(
    ("fields", "message"), [({"keep": 1}, "at least 2"), ({"keep": 2, "random_share": 1.5}, "1.5")]
)
def test_what_makes_no_sense_is_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        ContrastiveSelection(**fields)  # type: ignore[arg-type]

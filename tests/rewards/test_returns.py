"""Returns, against the arithmetic of Dr.Kernel and a naive double sum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import returns_to_go

rewards = st.lists(st.none() | st.floats(min_value=-10, max_value=10), max_size=8)


@pytest.mark.parametrize(
    ("gamma", "turns", "expected"),
    [
        (1.0, [0, 1, 2], (3, 3, 2)), (1.0, [0, 0, 1], (1, 1, 1)),
        (0.5, [0, 1, 2], (1, 2, 2)), (0.5, [0, 0, 1], (0.25, 0.5, 1)),
        (0.0, [0, 1, 2], (0, 1, 2)), (0.5, [], ()),
    ],
)  # fmt: skip
def test_it_is_equation_2(gamma: float, turns: list[float], expected: tuple[float, ...]) -> None:
    assert returns_to_go(turns, gamma) == expected


def test_a_lost_turn_has_no_return_gives_nothing_and_keeps_its_place() -> None:
    assert returns_to_go([1.0, None, 4.0], 0.5) == (2.0, None, 4.0)
    assert returns_to_go([1.0, 0.0, 4.0], 0.5)[0] == 2.0
    assert returns_to_go([None], 1.0) == (None,)


@given(rewards, st.floats(min_value=0, max_value=1))
def test_it_is_the_double_sum(turns: list[float | None], gamma: float) -> None:
    naive = [
        None if own is None else sum(gamma ** (later - t) * (turns[later] or 0.0) for later in range(t, len(turns)))
        for t, own in enumerate(turns)
    ]
    assert returns_to_go(turns, gamma) == pytest.approx(tuple(naive))


@pytest.mark.parametrize("gamma", [-0.1, 1.1, float("nan")])
def test_a_discount_that_is_none_is_refused(gamma: float) -> None:
    with pytest.raises(ValueError, match="gamma is"):
        returns_to_go([1.0], gamma)


def test_a_reward_that_is_not_finite_is_named() -> None:
    with pytest.raises(ValueError, match="turn 2 is nan"):
        returns_to_go([1.0, float("nan"), 0.0], 1.0)

"""Rewards are found by name."""

import pickle

import pytest

from rewards import (
    DEFAULT_REWARD,
    EXCLUDED,
    Reward,
    Term,
    UnknownReward,
    drkernel_guarded,
    drkernel_paper,
    get_reward,
    list_rewards,
    register_reward,
)
from sandboxes.contracts import Report


def test_the_default_is_the_guarded_reward() -> None:
    assert get_reward() is get_reward(DEFAULT_REWARD) is drkernel_guarded
    assert DEFAULT_REWARD in list_rewards()


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownReward, match="`drkernel_papr`; did you mean `drkernel_paper`"):
        get_reward("drkernel_papr")


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(LookupError, match=r"there are: .*drkernel_paper"):
        get_reward("zzz")


def test_a_name_can_be_taken_only_once() -> None:
    def other(report: Report) -> Reward:
        return EXCLUDED

    register_reward("drkernel_paper", drkernel_paper)  # the same function again changes nothing
    with pytest.raises(ValueError, match=f"`{DEFAULT_REWARD}` exists already"):
        register_reward(DEFAULT_REWARD, other)
    assert get_reward() is drkernel_guarded


def test_the_error_survives_a_process_boundary() -> None:
    error = UnknownReward("no reward is called `x`")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - made one line above


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_term_that_is_not_a_finite_number_cannot_be_built(value: float) -> None:
    with pytest.raises(ValueError, match="`speedup` is"):
        Term("speedup", value, "")

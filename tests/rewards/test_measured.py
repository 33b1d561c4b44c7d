"""Measured times: what is certain is paid, never more than the floor; nothing where clocks contradict each other."""

import pytest
from pydantic import ValidationError

from rewards import EXCLUDED, NamedReward
from rewards.named import is_lost
from rewards.shipped import SHIPPED, log2_speedup
from rewards.terms import Log2Speedup, Speedup
from sandboxes.contracts import Outcome, Profile, TimingFlag
from tests.reports import failed_report, measured_report, ok_report
from tests.rewards.timed import changed

HARMLESS = sorted(set(TimingFlag) - {TimingFlag.DISAGREEING, TimingFlag.BELOW_FLOOR})


@pytest.mark.parametrize("reward", SHIPPED, ids=lambda reward: reward.name)
def test_clocks_that_contradict_each_other_earn_nothing_and_cost_nothing(reward: NamedReward) -> None:
    assert reward(measured_report(flags=(TimingFlag.DISAGREEING,))) == EXCLUDED
    assert reward(measured_report()) != EXCLUDED


@pytest.mark.parametrize("flag", HARMLESS)
def test_other_flags_are_told_and_pay_as_measured(flag: TimingFlag) -> None:
    for reward in SHIPPED:
        assert reward(measured_report(flags=(flag,))).value == reward(measured_report()).value


def test_faster_than_physics_allows_is_paid_as_the_floor() -> None:
    fast = measured_report(time_us=1.0, floor_us=8.0, flags=(TimingFlag.BELOW_FLOOR,))
    honest = measured_report(time_us=8.0, floor_us=8.0)
    assert fast.speedup == honest.speedup == 2.5
    for reward in SHIPPED:
        assert reward(fast).value == reward(honest).value


def test_an_interval_of_samples_below_the_floor_pays_no_more_than_the_floor() -> None:
    fast = measured_report(time_us=1.0, floor_us=8.0, flags=(TimingFlag.BELOW_FLOOR,))
    boasting = changed(fast, speedup_interval=(20.0, 30.0))
    assert (
        Log2Speedup(high=10)(boasting).value
        <= Log2Speedup(high=10, noise=0)(changed(fast, speedup_interval=None)).value
    )
    assert log2_speedup(boasting).value == pytest.approx(1 + 0.5 * 1.3219, abs=1e-3)


def test_no_profile_can_have_a_time_below_its_floor() -> None:
    profile = measured_report(time_us=8.0, floor_us=8.0).profile
    assert profile is not None
    with pytest.raises(ValidationError, match=r"below the floor of 8\.0; pay the floor"):
        Profile.model_validate(profile.model_dump() | {"time_us": 7.9})


def test_a_gain_counts_as_far_as_it_is_certain() -> None:
    sure, unsure = measured_report(), changed(measured_report(), speedup_interval=(1.2, 3.0))
    assert Speedup()(sure).value == Speedup()(unsure).value == 2
    term = Log2Speedup()
    assert term(unsure).value < term(sure).value < 1
    assert term(changed(measured_report(), speedup_interval=(0.9, 3.0))).value == 0


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK}))
def test_only_what_says_nothing_of_the_candidate_is_lost(outcome: Outcome) -> None:
    assert is_lost(failed_report(outcome)) is (outcome is Outcome.INFRASTRUCTURE)
    assert not is_lost(ok_report())

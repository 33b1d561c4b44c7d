"""What sampling gains in the simulated worlds of `benchmarks.curriculum`, smaller and with fewer seeds."""

from dataclasses import replace
from statistics import fmean

import pytest

from benchmarks.curriculum import SAMPLERS, SCENARIOS, Scenario, train


def mixed(scenario: Scenario, sampler: str, seeds: range) -> list[float]:
    return [train(scenario, SAMPLERS[sampler], seed).mixed for seed in seeds]


def test_thompson_sampling_has_twice_as_many_groups_with_a_gradient_where_most_problems_teach_nothing() -> None:
    scenario = replace(SCENARIOS["skewed"], steps=60)
    uniform, thompson = (mixed(scenario, name, range(5)) for name in ("uniform", "thompson"))
    assert all(gained > 1.5 * base for gained, base in zip(thompson, uniform, strict=True))
    assert fmean(thompson) > 1.9 * fmean(uniform)


def test_nothing_is_gained_or_lost_where_every_problem_is_informative() -> None:
    scenario = replace(SCENARIOS["informative"], steps=40)
    uniform, thompson = (fmean(mixed(scenario, name, range(3))) for name in ("uniform", "thompson"))
    assert thompson == pytest.approx(uniform, rel=0.02)


def test_forgetting_gains_where_the_policy_outgrows_what_was_seen() -> None:
    scenario = replace(SCENARIOS["moving"], steps=200, gain=0.06)
    kept, faded = (mixed(scenario, name, range(5)) for name in ("thompson, no forgetting", "thompson"))
    assert all(forgotten > stuck for forgotten, stuck in zip(faded, kept, strict=True))
    assert fmean(faded) > 1.04 * fmean(kept)


def test_the_oracle_is_an_upper_bound_and_the_same_seed_the_same_world() -> None:
    scenario = replace(SCENARIOS["skewed"], steps=20)
    assert mixed(scenario, "uniform", range(2)) == mixed(scenario, "uniform", range(2))
    best = fmean(mixed(scenario, "oracle", range(2)))
    assert all(fmean(mixed(scenario, name, range(2))) < best for name in SAMPLERS if name != "oracle")

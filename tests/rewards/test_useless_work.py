"""Whatever is added to a candidate without changing its answer, no reward but the paper's pays more for it."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import NamedReward, Weighted, compose, drkernel_paper, drkernel_released, get_reward
from rewards.shipped import SHIPPED
from rewards.terms import Correctness, GuardedCoverage, Speedup
from sandboxes.contracts import NodeProfile, Report
from tests.rewards.timed import changed, node, profiled, timed

RAISABLE = {drkernel_paper.name, drkernel_released.name}
"""Faithful to a source that pays for useless work."""

SAFE = [reward for reward in SHIPPED if reward.name not in RAISABLE]

times = st.floats(min_value=1e-3, max_value=1e6)
nodes = st.builds(
    node, times, custom=st.booleans(), live=st.booleans(), influences=st.sampled_from([None, True, False]),
    fills=st.just(False),
) | st.builds(node, times, custom=st.just(False), fills=st.just(True))  # fmt: skip
programs = st.lists(nodes, min_size=1, max_size=6)
useless = {
    "a dead kernel": st.builds(node, times, custom=st.just(True), live=st.just(False)),
    "a kernel that might as well be left out": st.builds(node, times, custom=st.just(True), influences=st.just(False)),
    "a kernel that seems to matter": st.builds(node, times, custom=st.just(True), influences=st.just(True)),
    "a kernel that nobody has tried to leave out": st.builds(node, times, custom=st.just(True)),
    "an operator": st.builds(node, times, custom=st.just(False)),
    "a fill": st.builds(node, times, custom=st.just(False), fills=st.just(True)),
    "a dead operator": st.builds(node, times, custom=st.just(False), live=st.just(False)),
}


def value(reward: NamedReward, report: Report, history: tuple[Report, ...] = ()) -> float:
    found = reward(report, history).value
    assert found is not None
    return found


@pytest.mark.parametrize("what", useless)
@given(data=st.data(), program=programs, reference=times, before=times)
def test_a_useless_node_never_raises_a_reward(
    what: str, data: st.DataObject, program: list[NodeProfile], reference: float, before: float
) -> None:
    added = data.draw(useless[what])
    history = (profiled([node(before, custom=True)], reference),)
    lean, bloated = profiled(program, reference), profiled([*program, added], reference)
    for reward in SAFE:
        assert value(reward, bloated, history) <= value(reward, lean, history) + 1e-9, reward.name


@given(
    program=programs, reference=times, times_as_slow=st.floats(min_value=1, max_value=100), repeats=st.integers(1, 5)
)
def test_neither_a_slower_kernel_nor_repeated_launches_raise_a_reward(
    program: list[NodeProfile], reference: float, times_as_slow: float, repeats: int
) -> None:
    first = program[0]
    slowed = first.model_copy(update={"time_us": first.time_us * times_as_slow})
    lean = profiled(program, reference)
    for bloated in ([slowed, *program[1:]], [first] * repeats + program):
        for reward in SAFE:
            assert value(reward, profiled(bloated, reference)) <= value(reward, lean) + 1e-9, reward.name


@pytest.mark.parametrize("name", sorted(RAISABLE))
def test_the_rewards_that_are_faithful_to_the_paper_are_raised_by_a_slower_kernel(name: str) -> None:
    reward = get_reward(name)
    lean = [node(1.0, custom=True), node(1.0, custom=False)]
    slowed = [node(7.0, custom=True), node(1.0, custom=False)]
    assert value(reward, profiled(slowed, 30.0)) > value(reward, profiled(lean, 30.0)) * 1.05


@given(
    program=programs,
    reference=times,
    wasted=times,
    cap=st.floats(1, 10),
    weight=st.floats(0.1, 1),
    share=st.floats(0, 1),
)
def test_a_guarded_share_is_safe_next_to_a_speedup_of_the_same_cap_and_no_less_weight(
    program: list[NodeProfile], reference: float, wasted: float, cap: float, weight: float, share: float
) -> None:
    speedup, coverage = Weighted(Speedup(cap=cap), weight), Weighted(GuardedCoverage(cap=cap), weight * share)
    reward = compose("safe", "", Correctness(), speedup, coverage)
    bloated = [*program, node(wasted, custom=True)]
    assert value(reward, profiled(bloated, reference)) <= value(reward, profiled(program, reference)) + 1e-9


@pytest.mark.parametrize("reward", SAFE, ids=lambda reward: reward.name)
@pytest.mark.parametrize("speedup", [0.1, 0.5, 0.9, 1.0, 1.5, 4.0])
def test_keeping_the_timed_size_from_being_verified_never_raises_a_reward(reward: NamedReward, speedup: float) -> None:
    assert value(reward, timed(speedup, verified=False)) <= value(reward, timed(speedup))


@given(speedup=st.floats(min_value=0.01, max_value=100), spreads=st.tuples(times, times))
def test_noisier_times_never_raise_a_reward(speedup: float, spreads: tuple[float, float]) -> None:
    quiet, noisy = (
        changed(timed(speedup), speedup_interval=(speedup / (1 + spread), speedup * (1 + spread)))
        for spread in sorted(spreads)
    )
    for reward in SAFE:
        assert value(reward, noisy) <= value(reward, quiet) + 1e-9, reward.name


def test_an_episode_gains_nothing_by_holding_back() -> None:
    def episode(*speedups: float) -> float:
        reports = [timed(speedup) for speedup in speedups]
        return sum(
            value(get_reward("improvement"), report, tuple(reports[:turn])) for turn, report in zip(count(), reports)
        )

    assert episode(2.0, 0.5, 2.0) == pytest.approx(episode(0.1, 1.0, 2.0)) == pytest.approx(episode(2.0)) == 3.0

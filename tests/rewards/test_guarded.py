"""Useless work never raises the default reward; it does raise the paper's."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import drkernel_guarded, drkernel_paper
from rewards.reward import RewardFunction
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report

times = st.floats(min_value=0, max_value=1e9)
own_times = st.floats(min_value=1e-3, max_value=1e9)  # a candidate that takes no time has no speedup


def report(own: float, other: float, reference: float, **fields: bool) -> Report:
    """A report on a candidate whose own kernels take `own` microseconds, and PyTorch's operators `other`."""
    whole = own + other
    made = ok_report(time_us=whole, reference_time_us=reference, coverage=own / whole if whole else 0.0, **fields)
    assert made.profile is not None
    kernel, operator = made.profile.nodes
    nodes = (kernel.model_copy(update={"time_us": own}), operator.model_copy(update={"time_us": other}))
    return made.model_copy(update={"profile": made.profile.model_copy(update={"nodes": nodes})})


def filling(report: Report, *fills: float) -> Report:
    """The same candidate, which now fills memory for so many microseconds, too."""
    assert report.profile is not None
    operator = report.profile.nodes[1]
    nodes = tuple(
        operator.model_copy(update={"node": 2 + index, "name": "aten::zeros", "time_us": time_us, "fills": True})
        for index, time_us in enumerate(fills)
    )
    whole = report.profile.time_us + sum(fills)
    update = {"nodes": (*report.profile.nodes, *nodes), "time_us": whole}
    return report.model_copy(update={"profile": report.profile.model_copy(update=update)})


def value(reward: RewardFunction, own: float, other: float, reference: float) -> float:
    found = reward(report(own, other, reference)).value
    assert found is not None
    return found


@given(own=own_times, wasted=times, other=times, reference=times)
def test_more_time_in_own_kernels_never_raises_the_reward(
    own: float, wasted: float, other: float, reference: float
) -> None:
    before = value(drkernel_guarded, own, other, reference)
    after = value(drkernel_guarded, own + wasted, other, reference)
    assert after <= before + 1e-9
    assert isfinite(after)
    assert 0 <= after <= 5


@given(own=own_times, other=times, more=times, reference=times)
def test_more_time_in_pytorch_never_raises_the_reward(own: float, other: float, more: float, reference: float) -> None:
    before = value(drkernel_guarded, own, other, reference)
    assert value(drkernel_guarded, own, other + more, reference) <= before + 1e-9


@given(own=own_times, wasted=times, other=times, fill=times, more=times, reference=times)
def test_neither_fills_nor_own_time_beside_them_raise_the_reward(
    own: float, wasted: float, other: float, fill: float, more: float, reference: float
) -> None:
    before = drkernel_guarded(filling(report(own, other, reference), fill)).value
    slower = drkernel_guarded(filling(report(own + wasted, other, reference), fill)).value
    fuller = drkernel_guarded(filling(report(own, other, reference), fill, more)).value
    assert before is not None
    assert slower is not None
    assert fuller is not None
    assert max(slower, fuller) <= before + 1e-9


@pytest.mark.parametrize(("fill", "share"), [(1.0, 1.0), (10.0, 1.0), (20.0, 1 - 10 / 22), (40.0, 1 - 30 / 42)])
def test_a_fill_takes_coverage_only_beyond_a_third_of_the_references_time(fill: float, share: float) -> None:
    scored = drkernel_guarded(filling(report(2.0, 0.0, 30.0), fill))
    terms = {term.name: term.value for term in scored.breakdown}
    assert terms["coverage"] == pytest.approx(share)
    assert terms["speedup"] == pytest.approx(min(30.0 / (2.0 + fill), 3.0))


@pytest.mark.parametrize(
    ("own", "wasted", "other", "reference"),
    [
        (1.0, 7.0, 1.0, 30.0),  # 15 times as fast: the cap leaves room for useless work
        (1.0, 100.0, 20.0, 10.0),  # slower than the reference in PyTorch alone: nothing to lose
    ],
)
def test_the_papers_reward_pays_for_useless_work_and_this_one_does_not(
    own: float, wasted: float, other: float, reference: float
) -> None:
    assert value(drkernel_paper, own + wasted, other, reference) > value(drkernel_paper, own, other, reference) + 0.3
    assert value(drkernel_guarded, own + wasted, other, reference) <= value(drkernel_guarded, own, other, reference)


@pytest.mark.parametrize(("own", "other", "reference"), [(8.0, 2.0, 20.0), (10.0, 0.0, 5.0), (5.0, 5.0, 30.0)])
def test_up_to_the_cap_it_is_the_papers(own: float, other: float, reference: float) -> None:
    assert value(drkernel_guarded, own, other, reference) == pytest.approx(value(drkernel_paper, own, other, reference))


def test_a_candidate_all_in_own_kernels_has_all_of_the_coverage_however_fast() -> None:
    assert value(drkernel_guarded, 1.0, 0.0, 100.0) == 5.0


def test_kernels_that_do_not_matter_count_as_work_of_others() -> None:
    honest = report(5.0, 5.0, 20.0)
    assert honest.profile is not None
    kernel, operator = honest.profile.nodes
    idle = kernel.model_copy(update={"influences": False})
    dead = kernel.model_copy(update={"live": False})
    for node in (idle, dead):
        profile = honest.profile.model_copy(update={"nodes": (node, operator)})
        terms = {term.name: term for term in drkernel_guarded(honest.model_copy(update={"profile": profile})).breakdown}
        assert terms["coverage"].value == 0.0
        assert terms["speedup"].value == pytest.approx(2.0)
        assert "10 us" in terms["coverage"].note


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK}))
def test_whatever_is_not_ok_is_paid_as_by_the_paper(outcome: Outcome) -> None:
    assert drkernel_guarded(failed_report(outcome)) == drkernel_paper(failed_report(outcome))


def test_a_program_that_was_not_verified_at_the_bench_shape_is_paid_for_being_correct_only() -> None:
    assert drkernel_guarded(report(1.0, 0.0, 50.0, verified=False)).value == 1.0

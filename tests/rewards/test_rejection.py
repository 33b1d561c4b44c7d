"""Rejection sampling, against the numbers of Dr.Kernel; and draws that depend on nothing else."""

from itertools import product
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import RejectionSampling, Share
from rewards.rejection import uniform
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report
from tests.rewards.timed import changed, node, profiled, timed

RULE = RejectionSampling(share=Share.COVERAGE)

times = st.floats(min_value=1e-3, max_value=1e6)


def covered(coverage: float) -> Report:
    return timed(2.0, coverage=coverage)


@pytest.mark.parametrize(
    ("pr", "expected"), [(0.0, 0.0), (0.30, 0.0), (0.31, 0.1), (0.35, 0.5), (0.40, 1.0), (1.0, 1.0)]
)
def test_it_is_equation_9(pr: float, expected: float) -> None:
    assert RULE.probability(covered(pr)) == pytest.approx(expected)


@pytest.mark.parametrize(("pr", "expected"), [(0.29, 0.0), (0.3, 1.0), (0.31, 1.0)])
def test_without_softness_it_is_a_hard_rule(pr: float, expected: float) -> None:
    assert RejectionSampling(softness=0.0, share=Share.COVERAGE).probability(covered(pr)) == expected


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.INFRASTRUCTURE}))
def test_whatever_failed_is_kept(outcome: Outcome) -> None:
    draw = RULE.draw(failed_report(outcome), step=0, prompt="core/softmax", rollout=0, turn=1)
    assert draw.probability == 1
    assert draw.kept


def test_what_was_lost_is_not_kept() -> None:
    assert not RULE.draw(failed_report(Outcome.INFRASTRUCTURE), step=0, prompt="x", rollout=0, turn=1).kept


def test_as_many_are_kept_as_the_probability_says() -> None:
    report, n = covered(0.35), 100_000
    rows = product(range(n // 1000), range(250), range(1, 5))
    kept = sum(RULE.draw(report, step=s, prompt="p", rollout=r, turn=t).kept for s, r, t in rows)
    assert abs(kept - 0.5 * n) < 3 * sqrt(n * 0.5 * 0.5)


def test_a_draw_depends_on_seed_step_prompt_rollout_and_turn_and_on_nothing_else() -> None:
    report = covered(0.35)
    row = {"step": 3, "prompt": "core/softmax", "rollout": 2, "turn": 1}
    first = RULE.draw(report, **row)  # type: ignore[arg-type]
    for rollout in range(5):
        RULE.draw(report, **row | {"rollout": rollout})  # type: ignore[arg-type]
    assert RULE.draw(covered(0.8), **row).uniform == first.uniform  # type: ignore[arg-type]
    others = [row | {"step": 4}, row | {"prompt": "core/matmul"}, row | {"rollout": 3}, row | {"turn": 2}]
    draws = {RULE.draw(report, **other).uniform for other in others}  # type: ignore[arg-type]
    draws.add(RejectionSampling(seed=1, share=Share.COVERAGE).draw(report, **row).uniform)  # type: ignore[arg-type]
    assert len(draws | {first.uniform}) == 6


def test_a_draw_is_the_same_on_every_machine() -> None:
    assert uniform(0, 1, "core/softmax", 2, 3) == 0.6792038519317207


@given(own=times, other=times, useless=times, reference=times, kind=st.sampled_from([True, False, None]))
def test_useless_work_never_makes_it_likelier_that_a_turn_is_kept(
    own: float, other: float, useless: float, reference: float, kind: bool | None
) -> None:
    program = [node(own, custom=True), node(other, custom=False)]
    added = node(useless, custom=True, influences=kind)
    lean, bloated = profiled(program, reference), profiled([*program, added], reference)
    slowed = profiled([node(own + useless, custom=True), program[1]], reference)
    kept = RejectionSampling().probability(lean)
    assert RejectionSampling().probability(bloated) <= kept
    assert RejectionSampling().probability(slowed) <= kept


def test_a_kernel_is_kept_for_what_it_replaces_however_fast_it_is() -> None:
    slow = profiled([node(20.0, custom=True), node(30.0, custom=False)], 100.0)
    fast = profiled([node(1.0, custom=True), node(30.0, custom=False)], 100.0)
    assert (RULE.probability(slow), RULE.probability(fast)) == (pytest.approx(1), 0), "the paper's"
    assert RejectionSampling().probability(slow) == RejectionSampling().probability(fast) == 1


def test_the_share_of_the_default_reward_can_be_had() -> None:
    rule = RejectionSampling(share=Share.GUARDED)
    assert rule.pr(profiled([node(20.0, custom=True), node(30.0, custom=False)], 100.0)) == pytest.approx(0.4)
    assert rule.probability(profiled([node(30.0, custom=True), node(13.0, custom=False)], 12.0)) == 0


def test_a_report_without_the_share_is_no_lazy_one() -> None:
    with pytest.raises(ValueError, match="does not say how much is replaced; evaluate again"):
        RejectionSampling().probability(changed(timed(2.0), replaced=None))


def test_an_episodes_correct_turns_share_one_probability_and_draw_apart() -> None:
    turns = [covered(0.25), failed_report(Outcome.INCORRECT), covered(0.49), failed_report(Outcome.INFRASTRUCTURE)]
    draws = RULE.draw_episode(turns, step=1, prompt="core/softmax", rollout=0)
    assert [draw.probability for draw in draws] == [pytest.approx(0.5), 1, pytest.approx(0.5), 0]  # sqrt(.25 * .49)
    apart = [RULE.draw(t, step=1, prompt="core/softmax", rollout=0, turn=n) for n, t in enumerate(turns, 1)]
    assert [draw.uniform for draw in draws] == [draw.uniform for draw in apart]
    lazy = RULE.draw_episode([covered(0.0), covered(1.0)], step=1, prompt="p", rollout=0)
    assert [draw.probability for draw in lazy] == [0, 0]
    assert RULE.draw_episode([failed_report(Outcome.HACK)], step=1, prompt="p", rollout=0)[0].kept


@pytest.mark.parametrize("fields", [{"threshold": 1.5}, {"threshold": float("nan")}, {"softness": -0.1}])
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(fields))} is"):
        RejectionSampling(**fields)  # type: ignore[arg-type]


def test_a_failure_has_no_share() -> None:
    with pytest.raises(ValueError, match="incorrect has no profile"):
        RULE.pr(failed_report(Outcome.INCORRECT))

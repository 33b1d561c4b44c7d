"""Rejection sampling as a trainer uses it: which turns are kept, and what their draws depend on."""

from policies.training.collecting.rejection import Level, TurnRejection
from rewards.rejection import RejectionSampling, Share
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report

HARD = RejectionSampling(threshold=0.3, softness=0.0, share=Share.COVERAGE)
LAZY, OWN, FAILED = ok_report(coverage=0.01), ok_report(coverage=0.9), failed_report(Outcome.INCORRECT)


def kept(
    rule: TurnRejection, *reports: Report | None, step: int = 0, prompt: str = "0", rollout: int = 0
) -> list[bool]:
    return list(rule.kept(reports, step=step, prompt=prompt, rollout=rollout))


def test_lazy_successes_are_rejected_and_failures_kept() -> None:
    assert kept(TurnRejection(rule=HARD), LAZY, OWN, FAILED, None) == [False, True, True, True]


def test_one_lazy_turn_costs_the_whole_episode_by_the_geometric_mean() -> None:
    rule = TurnRejection(rule=HARD, level=Level.EPISODE)
    assert kept(rule, LAZY, None, OWN, FAILED) == [False, True, False, True]
    assert kept(rule, OWN, None, OWN, FAILED) == [True, True, True, True]


def test_draws_depend_on_the_place_in_the_training_and_on_nothing_else() -> None:
    rule = TurnRejection(rule=RejectionSampling(threshold=0.0, softness=1.0, share=Share.COVERAGE))
    half = ok_report(coverage=0.5)
    places = [(step, prompt, rollout) for step in range(8) for prompt in "ab" for rollout in range(8)]
    draws = [kept(rule, half, half, step=step, prompt=prompt, rollout=rollout) for step, prompt, rollout in places]
    assert draws == [
        kept(rule, half, half, step=step, prompt=prompt, rollout=rollout) for step, prompt, rollout in places
    ]
    assert 96 < sum(map(sum, draws)) < 160, "of 256, half are kept"
    for rollout in range(20):
        alone, beside = kept(rule, None, half, rollout=rollout), kept(rule, half, half, rollout=rollout)
        assert alone[1] == beside[1], "a turn without a candidate moves no other turn's draw"

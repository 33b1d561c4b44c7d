"""Metrics against numbers worked out by hand."""

import pytest

from kernelgym.reports.metrics import View, best_speedup, correct_rate, fast_rate, judged, mean_reward, summarize
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome
from tests.policies.episodes import episode

WRONG, HACK, LOST = Outcome.INCORRECT, Outcome.HACK, Outcome.INFRASTRUCTURE


@pytest.fixture
def episodes() -> list[EpisodeRecord]:
    """Four that count, three that do not."""
    return [
        episode(WRONG, 0.5, 1.2, sample=0),
        episode(2.0, WRONG, HACK, sample=1),
        episode(1.5, sample=2),  # ended early
        episode(WRONG, WRONG, WRONG, sample=3),
        episode(3.0, LOST, 3.0, sample=4),
        episode(3.0, error=Loss.POLICY, sample=5),
        episode(error=Loss.SKIPPED, sample=6),
    ]


def test_lost_episodes_are_in_no_denominator(episodes: list[EpisodeRecord]) -> None:
    assert [record.sample for record in judged(episodes)] == [0, 1, 2, 3]
    assert [record.loss for record in episodes[4:]] == [Loss.INFRASTRUCTURE, Loss.POLICY, Loss.SKIPPED]


def test_the_correct_rate_of_a_turn_counts_every_judged_episode(episodes: list[EpisodeRecord]) -> None:
    assert [correct_rate(episodes, turn) for turn in (1, 2, 3)] == [2 / 4, 2 / 4, 2 / 4]
    assert [correct_rate(episodes, turn, View.BEST) for turn in (1, 2, 3)] == [2 / 4, 3 / 4, 3 / 4]


@pytest.mark.parametrize(
    ("threshold", "last", "best"), [(0.5, 2 / 4, 3 / 4), (1.0, 2 / 4, 3 / 4), (1.2, 2 / 4, 3 / 4), (1.21, 1 / 4, 2 / 4),
                                    (1.5, 1 / 4, 2 / 4), (2.0, 0 / 4, 1 / 4), (2.1, 0.0, 0.0)],
)  # fmt: skip
def test_fast_p_counts_correct_candidates_that_are_at_least_p_times_as_fast(
    episodes: list[EpisodeRecord], threshold: float, last: float, best: float
) -> None:
    assert fast_rate(episodes, threshold, 3) == last
    assert fast_rate(episodes, threshold, 3, View.BEST) == best


def test_fast_p_of_the_first_turn_does_not_know_the_later_ones(episodes: list[EpisodeRecord]) -> None:
    assert fast_rate(episodes, 1.2, 1, View.BEST) == 2 / 4


def test_a_correct_candidate_without_a_speedup_is_not_fast() -> None:
    record = episode(1.0)
    turn = record.turns[0]
    assert turn.report.bench is not None
    bench = turn.report.bench.model_copy(update={"verified": False})
    unverified = turn.model_copy(update={"report": turn.report.model_copy(update={"bench": bench})})
    record = record.model_copy(update={"turns": (unverified,)})
    assert (correct_rate([record], 1), fast_rate([record], 0.0, 1)) == (1.0, 0.0)


def test_the_mean_reward_of_a_turn_uses_the_last_turn_of_what_ended_early(episodes: list[EpisodeRecord]) -> None:
    # 1 + min(speedup, 3) + coverage of 0.8, and 0 for what is not correct
    assert mean_reward(episodes, 1) == pytest.approx((0 + 3.8 + 3.3 + 0) / 4)
    assert mean_reward(episodes, 3) == pytest.approx((3.0 + 0 + 3.3 + 0) / 4)
    assert mean_reward(episodes, 3, View.BEST) == pytest.approx((3.0 + 3.8 + 3.3 + 0) / 4)


def test_the_best_speedup_is_that_of_a_judged_episode(episodes: list[EpisodeRecord]) -> None:
    assert best_speedup(episodes) == 2.0
    assert best_speedup([episode(WRONG)]) is None


def test_the_summary_holds_all_of_it(episodes: list[EpisodeRecord]) -> None:
    summary = summarize(episodes, 3)
    assert (summary.episodes, summary.judged) == (7, 4)
    assert summary.lost == {"skipped": 1, "policy": 1, "infrastructure": 1}
    assert [turn.played for turn in summary.last] == [4, 3, 3]
    assert summary.last[2].fast == {"1": 0.5, "1.2": 0.5, "1.5": 0.25, "2": 0.0}
    assert summary.best.fast == {"1": 0.75, "1.2": 0.75, "1.5": 0.5, "2": 0.25}
    assert summary.outcomes == {"hack": 1, "incorrect": 5, "ok": 4}
    assert summary.best_speedup == 2.0
    assert summary.speed == "modelled NVIDIA H200 SXM"


def test_without_a_judged_episode_there_are_no_rates() -> None:
    summary = summarize([episode(error=Loss.SKIPPED)], 2)
    assert (summary.judged, summary.best.correct, summary.best.mean_reward, summary.best.fast) == (0, None, None, {})

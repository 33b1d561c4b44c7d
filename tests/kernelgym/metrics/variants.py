"""Episodes that differ from the usual in what a metric looks at."""

from collections.abc import Callable

from kernelgym.runs.record import Confirmation, EpisodeRecord
from rewards import drkernel_paper
from sandboxes.contracts import Outcome, Report
from tests.policies.episodes import fast_report
from tests.reports import failed_report


def with_reports(episode: EpisodeRecord, change: Callable[[Report], Report]) -> EpisodeRecord:
    """The episode with every report changed."""
    turns = tuple(turn.model_copy(update={"report": change(turn.report)}) for turn in episode.turns)
    return episode.model_copy(update={"turns": turns})


def unverified(episode: EpisodeRecord) -> EpisodeRecord:
    """The episode with no bench case verified, so that there is no speedup."""

    def change(report: Report) -> Report:
        assert report.bench is not None
        return report.model_copy(update={"bench": report.bench.model_copy(update={"verified": False})})

    return with_reports(episode, change)


def over_compile(episode: EpisodeRecord, ratio: float) -> EpisodeRecord:
    """The episode with a reference that needs `ratio` of its time under torch.compile."""

    def change(report: Report) -> Report:
        if report.profile is None:
            return report
        time_us = report.profile.reference_time_us * ratio
        return report.model_copy(
            update={"profile": report.profile.model_copy(update={"compiled_reference_time_us": time_us})}
        )

    return with_reports(episode, change)


def confirmed(episode: EpisodeRecord, verdict: Outcome | float) -> EpisodeRecord:
    """The episode with its best turn evaluated again: as an outcome, or a speedup."""
    report = failed_report(verdict) if isinstance(verdict, Outcome) else fast_report(verdict)
    reward = drkernel_paper(report)
    assert episode.best_turn is not None
    again = Confirmation(turn=episode.best_turn, report=report, reward=reward.value)
    return episode.model_copy(update={"confirmation": again})

"""Arrays of facts, against loops that look at one turn at a time."""

from collections.abc import Iterator
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.metrics import UNCOUNTED, View, is_compiled, speedup_of
from kernelgym.metrics.board import Board
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage
from tests.kernelgym.metrics.variants import with_reports
from tests.policies.episodes import episode
from tests.reports import failed_report, ok_report

VERDICTS = st.lists(
    st.sampled_from(
        [Outcome.INCORRECT, Outcome.HACK, Outcome.COMPILE_ERROR, Outcome.INFRASTRUCTURE, 0.5, 1.0, 1.2, 3.0]
    ),
    max_size=4,
)
EPISODES = st.lists(st.tuples(VERDICTS, st.sampled_from([None, None, *Loss])), max_size=6)


def speaking(record: EpisodeRecord, turn: int, view: View) -> Iterator[TurnRecord | None]:
    """The turns that speak for an episode, one after the other; None for a failure of the policy."""
    if view is View.BEST:
        yield from record.turns[:turn] or [None]
    elif turn <= len(record.turns):
        yield record.turns[turn - 1]
    else:
        yield None if record.loss is Loss.POLICY else record.turns[-1]


def slowly(record: EpisodeRecord, turn: int, view: View) -> dict[str, float]:
    """What a board knows of an episode, worked out from each turn by itself."""
    turns = [found for found in speaking(record, turn, view) if found is not None]
    speedups = [turn.report.speedup for turn in turns if turn.report.speedup is not None]
    return {
        "correct": any(turn.report.outcome is Outcome.OK for turn in turns),
        "compiled": any(is_compiled(turn.report) for turn in turns),
        "hacked": any(turn.report.outcome is Outcome.HACK for turn in turns),
        "reward": max((turn.reward or 0.0 for turn in turns), default=0.0),
        "eager": max(speedups, default=float("nan")),
    }


@settings(max_examples=150, deadline=None)
@given(EPISODES)
def test_it_knows_what_a_loop_over_turns_finds(drawn: list[tuple[list[Outcome | float], Loss | None]]) -> None:
    episodes = [episode(*verdicts, sample=number, error=error) for number, (verdicts, error) in enumerate(drawn)]
    board = Board.of(episodes[::-1], 3)
    expected = [record for record in episodes if record.loss not in UNCOUNTED]
    assert [record.sample for record in board.episodes] == [record.sample for record in expected]
    for view in View:
        for turn in range(1, board.turns + 1):
            standing = board.at(turn, view)
            for row, record in enumerate(expected):
                for name, value in slowly(record, turn, view).items():
                    assert getattr(standing, name)[row] == pytest.approx(float(value), nan_ok=True), (view, turn, name)


def test_it_has_at_least_the_turns_that_were_asked_for() -> None:
    assert [Board.of([episode(1.0, 1.0)], turns).turns for turns in (1, 2, 5)] == [2, 2, 5]
    assert Board.of([]).turns == 1


def test_without_a_profile_there_is_no_coverage() -> None:
    standing = Board.of([episode(Outcome.HACK)]).at(1)
    assert isnan(standing.coverage[0])
    assert isnan(standing.replaced[0])


@pytest.mark.parametrize(
    ("outcome", "compiled"),
    [(Outcome.NO_CODE, False), (Outcome.SYNTAX_ERROR, False), (Outcome.IMPORT_ERROR, False),
     (Outcome.UNTRACEABLE, False), (Outcome.TRACE_ERROR, False), (Outcome.COMPILE_ERROR, False),
     (Outcome.LAUNCH_ERROR, False), (Outcome.INCORRECT, True), (Outcome.MEMORY_ERROR, True)],
)  # fmt: skip
def test_whether_kernels_compiled_follows_from_the_outcome(outcome: Outcome, compiled: bool) -> None:
    assert is_compiled(failed_report(outcome)) is compiled


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.UNSUPPORTED])
def test_or_from_the_stage_that_was_reached(outcome: Outcome) -> None:
    def ended_in(stage: Stage) -> Report:
        return failed_report(outcome).model_copy(update={"diagnostics": (Diagnostic(stage=stage, message="it did"),)})

    assert not is_compiled(ended_in(Stage.COMPILE))
    assert is_compiled(ended_in(Stage.REPLAY))


def test_a_launch_that_asks_for_too_much_is_not_compiled_wherever_that_was_noticed() -> None:
    late = Diagnostic(stage=Stage.REPLAY, message="grid y is 70000, at most 65535")
    assert not is_compiled(failed_report(Outcome.LAUNCH_ERROR).model_copy(update={"diagnostics": (late,)}))


def test_a_hack_compiled_if_its_results_were_compared() -> None:
    early = failed_report(Outcome.HACK)
    assert not is_compiled(early)
    assert is_compiled(early.model_copy(update={"cases": ok_report().cases}))
    assert is_compiled(ok_report())
    assert not is_compiled(failed_report(Outcome.INFRASTRUCTURE))


@pytest.mark.parametrize("times", [(0.0, 1.0), (1.0, 0.0), (1e-320, 1e300)])
def test_a_speedup_that_has_no_logarithm_is_none(times: tuple[float, float]) -> None:
    candidate, reference = times
    report = ok_report(time_us=1.0)
    assert report.profile is not None
    profile = report.profile.model_copy(update={"time_us": candidate, "reference_time_us": reference})
    changed = report.model_copy(update={"profile": profile})
    assert speedup_of(changed) is None
    standing = Board.of([with_reports(episode(1.0), lambda _: changed)]).at(1)
    assert np.isnan(standing.log_speedup()).all()

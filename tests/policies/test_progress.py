"""The progress bar counts what happens, and keeps quiet where nobody watches."""

import pytest

from kernelgym.chat import Usage
from kernelgym.runs.record import Loss, TurnRecord
from policies.progress import RunProgress
from rewards import drkernel_paper
from sandboxes.contracts import Outcome, Report
from tests.policies.episodes import episode, fast_report
from tests.reports import failed_report


def turn(report: Report, usage: Usage | None = None) -> TurnRecord:
    return TurnRecord.of(1, "", report, drkernel_paper(report), "", usage=usage)


def test_it_counts_turns_by_verdict_and_keeps_the_best_speedup() -> None:
    with RunProgress(5) as progress:
        for report in (
            fast_report(0.5),
            fast_report(2.5),
            fast_report(1.0),
            *map(
                failed_report,
                (Outcome.INCORRECT, Outcome.HACK, Outcome.TIMEOUT, Outcome.SYNTAX_ERROR, Outcome.INFRASTRUCTURE),
            ),
        ):
            progress.turn(("core/softmax", 0), turn(report))
        progress.episode(episode(error=Loss.POLICY))
        progress.episode(episode(2.0))
    assert progress.line == "ok 3 · incorrect 1 · hack 1 · lost 2 · other 2 · best 2.50×"


def test_it_adds_up_what_completions_took() -> None:
    with RunProgress(5) as progress:
        for _ in range(3):
            usage = Usage(prompt_tokens=1500, completion_tokens=500, cost_usd=0.125)
            progress.turn(("core/softmax", 0), turn(failed_report(Outcome.HACK), usage))
    assert progress.line == "hack 3 · 6k tokens · $0.38"


def test_it_prints_nothing_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(1) as progress:
        progress.episode(episode(2.0))
    assert capsys.readouterr() == ("", "")

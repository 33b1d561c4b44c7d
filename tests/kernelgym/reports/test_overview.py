"""A table of many evaluations is understood without knowing the product."""

import io

from rich.console import Console

from kernelgym.reports import Row, render_overview
from rewards import drkernel_paper
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report


def shown(*reports: Report, width: int = 100) -> str:
    rows = [Row(name="name", intent="What it is.", report=report, reward=drkernel_paper(report)) for report in reports]
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(render_overview(rows, "Speed modelled for NVIDIA H200"))
    return " ".join(stream.getvalue().split())


def test_the_title_says_where_the_speed_comes_from() -> None:
    assert shown(ok_report()).startswith("Speed modelled for NVIDIA H200")


def test_a_correct_candidate_shows_speedup_coverage_reward_and_what_bounds_it() -> None:
    text = shown(ok_report())
    assert "name ✓ correct 2.00× 80% 3.80" in text
    assert "softmax_kernel: bound by device memory, 81% of the roofline" in text


def test_a_slower_candidate_is_called_slower() -> None:
    assert "✓ correct, but slower" in shown(ok_report(time_us=10.0, reference_time_us=2.0))


def test_a_failed_candidate_shows_why_and_earns_zero() -> None:
    text = shown(failed_report(Outcome.SYNTAX_ERROR, message="line 3: '(' was never closed\nmore"))
    assert "✗ not Python – – 0.00" in text
    assert "'(' was never closed" in text
    assert "more" not in text


def test_a_hack_shows_its_evidence() -> None:
    assert "no launch reaches an output" in shown(failed_report(Outcome.HACK))


def test_a_lost_evaluation_has_no_reward() -> None:
    assert "! no verdict – – none" in shown(failed_report(Outcome.INFRASTRUCTURE))


def test_a_long_reason_is_cut() -> None:
    assert "…" in shown(failed_report(Outcome.TRACE_ERROR, message="word " * 100))

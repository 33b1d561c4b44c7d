"""The budget: every feedback fits, whatever is in it, and what matters most stays the longest."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.envs import Rules, estimate_tokens, write_feedback
from kernelgym.envs.styles import MIN_TOKENS, PRESETS
from kernelgym.errors import BadUsage
from rewards import get_reward
from sandboxes.contracts import CaseKind, CaseResult, Diagnostic, Finding, Outcome, Report, Severity, Stage, Submission
from tests.kernelgym.envs.test_feedback import hostile_reports, turn
from tests.reports import SOURCE, failed_report, ok_report

TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["字" * 900, "\x1b[2J\u202e\0" * 200, "a" * 3000, "1 " * 900, "```\n" * 300, "\n" * 900, "🙂" * 500]
    ),
)


@st.composite
def failures(draw: st.DrawFn) -> Report:
    outcome = draw(st.sampled_from([item for item in Outcome if item is not Outcome.OK]))
    report = failed_report(outcome)
    diagnostics = tuple(
        Diagnostic(stage=Stage.REPLAY, message=draw(TEXTS), line=draw(st.none() | st.integers(1, 70)),
                   excerpt=draw(TEXTS), hint=draw(st.none() | TEXTS), case=draw(st.none() | TEXTS))
        for _ in range(draw(st.integers(1, 6)))
    )  # fmt: skip
    findings = tuple(
        Finding(rule=f"rule_{number}", severity=draw(st.sampled_from(Severity)), evidence=draw(TEXTS),
                line=draw(st.none() | st.integers(1, 70)))
        for number in range(draw(st.integers(0, 6)))
    )  # fmt: skip
    cases = tuple(
        CaseResult(case=draw(TEXTS), kind=CaseKind.CHECK, passed=False, trials=2, failed_trials=2, detail=draw(TEXTS),
                   pattern=draw(st.none() | TEXTS))
        for _ in range(draw(st.integers(0, 6)))
    )  # fmt: skip
    kept = report.findings if outcome is Outcome.HACK else ()
    return report.model_copy(update={"diagnostics": diagnostics, "findings": kept + findings, "cases": cases})


def feedback(report: Report, rules: Rules, *, best: bool = True) -> str:
    previous = [turn(ok_report())] if best else []
    submission = Submission(source=SOURCE)
    return write_feedback(report, get_reward()(report), submission, previous=previous, rules=rules, over=False)


@settings(max_examples=80, deadline=None)
@given(report=failures(), budget=st.integers(60, 4000), style=st.sampled_from(PRESETS))
def test_every_feedback_fits_every_budget(report: Report, budget: int, style: str) -> None:
    budget = max(budget, MIN_TOKENS[style])
    text = feedback(report, Rules(feedback_tokens=budget, style=style))
    assert 0 < estimate_tokens(text) <= budget
    assert text.replace("\n", "").replace("\t", "").isprintable()
    if style == "compact":
        assert text.startswith(f"Turn 2 of 3: {report.outcome} - ")
    else:
        assert json.loads(text.partition("json\n")[2].rpartition("\n`")[0].rstrip("`"))["speedup"] is None


@pytest.mark.parametrize("style", PRESETS)
@pytest.mark.parametrize("budget", [60, 61, 75, 90, 120, 200, 400, 1000, 4000])
@pytest.mark.parametrize("report", hostile_reports(), ids=lambda report: str(report.outcome))
def test_hostile_reports_fit_as_well(style: str, budget: int, report: Report) -> None:
    budget = max(budget, MIN_TOKENS[style])
    assert 0 < estimate_tokens(feedback(report, Rules(feedback_tokens=budget, style=style))) <= budget


@pytest.mark.parametrize("budget", [60, 80, 100, 150, 300])
@pytest.mark.parametrize("outcome", [Outcome.COMPILE_ERROR, Outcome.INCORRECT, Outcome.HACK, Outcome.OK])
def test_the_verdict_what_to_fix_and_what_comes_next_stay(budget: int, outcome: Outcome) -> None:
    report = ok_report() if outcome is Outcome.OK else failed_report(outcome)
    text = feedback(report, Rules(feedback_tokens=budget))
    told = {
        Outcome.COMPILE_ERROR: "Fix this first",
        Outcome.INCORRECT: "Fix this first",
        Outcome.HACK: "Rule `no_live_launch` is broken",
        Outcome.OK: "What limits it",
    }[outcome]
    first, *_, last = text.splitlines()
    assert first.startswith(f"Turn 2 of 3: {outcome} - ")
    assert last.startswith("1 turn is left. Reply with")
    assert budget == 60 or (told in text and last.endswith("SUBMIT` alone to end with the best so far."))


def test_the_least_important_facts_go_first() -> None:
    warning = Finding(rule="odd_names", severity=Severity.WARN, evidence="seen " * 40)
    report = ok_report().model_copy(update={"findings": (warning,)})
    order = ["Note (odd_names)", "- line 12", "- softmax_kernel", "registers", "Time (", "What limits it", "Turn 2"]
    last_seen = {}
    for budget in range(600, 59, -1):
        text = feedback(report, Rules(feedback_tokens=budget), best=True)
        for word in order:
            if word in text:
                last_seen[word] = budget
    assert last_seen["Note (odd_names)"] > last_seen["registers"] > last_seen["- softmax_kernel"]
    assert last_seen["- softmax_kernel"] > last_seen["What limits it"] >= last_seen["Turn 2"] == 60


def test_a_counter_of_one_s_own_decides() -> None:
    report = failed_report(Outcome.INCORRECT, message="word " * 400)
    rules = Rules(feedback_tokens=100, count_tokens=lambda text: len(text.split()))
    text = feedback(report, rules)
    assert 50 < len(text.split()) <= 100
    assert estimate_tokens(text) > 100


def test_a_counter_that_nothing_satisfies_ends_in_no_text() -> None:
    assert feedback(failed_report(Outcome.TIMEOUT), Rules(count_tokens=lambda _: 10**9)) == ""


def test_a_message_is_cut_after_a_word_and_nothing_after_it_is_lost() -> None:
    message = (
        "the kernel asks for more shared memory than a block can have on this device and so it can not be launched"
    )
    report = failed_report(Outcome.LAUNCH_ERROR, message=message)
    for budget in range(62, 120):
        text = feedback(report, Rules(feedback_tokens=budget))
        told, _, _ = text.partition("Fix this first")[2].partition(": ")[2].partition("\n")
        assert told.endswith("...") or told == message
        assert f"{message} ".startswith(told.removesuffix("...") + " ")
        assert "[...]" not in text
        assert text.endswith("`SUBMIT` alone to end with the best so far.")


@pytest.mark.parametrize(
    ("style", "budget"), [("compact", -1), ("compact", 0), ("compact", 59), ("drkernel", 60), ("drkernel", 199)]
)
def test_a_budget_without_room_for_a_verdict_is_refused(style: str, budget: int) -> None:
    least = MIN_TOKENS[style]
    with pytest.raises(BadUsage, match=f"is {budget}; a feedback of style '{style}' needs at least {least}"):
        Rules(feedback_tokens=budget, style=style)
    assert Rules(feedback_tokens=least, style=style).feedback_tokens == least


def test_a_function_is_wanted_to_count_tokens() -> None:
    with pytest.raises(BadUsage, match="count_tokens is 3; give a function"):
        Rules(count_tokens=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # tokens of cl100k_base and o200k_base, the larger, as measured
        ("", 0),
        ("Fix this first (case rows=7,columns=129): name `tl` is not defined", 20),
        ("    x = tl.load(x_ptr + row * x_stride + offsets, mask=mask, other=-float('inf'))", 25),
        ("occupancy 50% (limited by blocks); 32.8 MB, 21.0 Mflop; grid 4096×1×1", 32),
        ("1234567890" * 10, 34),
        ("字" * 100, 100),
        ("🙂" * 20, 40),
    ],
)
def test_the_estimate_is_not_below_what_tokenizers_count(text: str, tokens: int) -> None:
    assert tokens <= estimate_tokens(text) <= 3 * tokens + 3

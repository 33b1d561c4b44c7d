"""What an agent reads after each turn: the verdict, the one thing to fix or to speed up, and what comes next.

A model pays for every token and is easily led astray, so the first line is the verdict, the most useful thing comes
right after it, and all of it fits a budget. The text quotes the candidate, which may be hostile: control characters are
shown as codes, paths of this machine are cut. Seeds are never in it. Facts are collected here and in `failure` and
`bottleneck`; the style's template lays them out.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal

from kernelgym.envs.bottleneck import collect_performance
from kernelgym.envs.budget import fit
from kernelgym.envs.facts import Best, Feedback
from kernelgym.envs.failure import NOTHING, collect_failures, collect_hacks, collect_notes
from kernelgym.envs.quoting import one_line
from kernelgym.envs.rules import Rules
from kernelgym.envs.styles import get_style
from kernelgym.envs.submitting import SUBMIT
from kernelgym.envs.turn import Turn, best_turn, merit
from kernelgym.reports.wording import VERDICTS, factor, plain, provenance
from rewards import Reward
from sandboxes.contracts import Outcome, Report, Submission

MAX_SOURCE: Final = 160
"""Characters of where a speedup is from."""

SUMMARIES: Final = {
    Outcome.HACK: "a rule is broken, so nothing is paid",
    Outcome.MEMORY_ERROR: "memory is used in a way that a GPU would not forgive",
    Outcome.IMPORT_ERROR: "the program can't be imported or `ModelNew` can't be built",
}
"""Verdicts whose usual words would only repeat the outcome's name."""

NOT_COMPILED: Final = frozenset(
    {
        Outcome.NO_CODE,
        Outcome.SYNTAX_ERROR,
        Outcome.IMPORT_ERROR,
        Outcome.UNTRACEABLE,
        Outcome.TRACE_ERROR,
        Outcome.COMPILE_ERROR,
        Outcome.LAUNCH_ERROR,
        Outcome.INFRASTRUCTURE,
    }
)
"""Outcomes before any kernel ran."""


def write_feedback(
    report: Report,
    reward: Reward,
    submission: Submission | None,
    *,
    previous: Sequence[Turn],
    rules: Rules,
    over: bool,
    later: Sequence[Turn] = (),
    shown: Collection[int] | None = None,
) -> str:
    """Returns the feedback on one turn, at most `rules.feedback_tokens` long.

    Args:
        report: Of this turn.
        reward: Of this turn.
        submission: The candidate, for the lines around the one to blame.
        previous: The turns before this one.
        rules: Of the episode.
        over: True if no turn follows.
        later: Turns after this one that have been played and are not in the chat any more.
        shown: Numbers of the turns that are in the chat; None: all.

    Raises:
        BadUsage: The style's template fails.
    """
    facts = collect_feedback(
        report, reward, submission, previous=previous, rules=rules, over=over, later=later, shown=shown
    )
    style = get_style(rules.style)
    return fit(facts, lambda each: plain(style.render("feedback", each)), rules.feedback_tokens, rules.count_tokens)


def collect_feedback(
    report: Report,
    reward: Reward,
    submission: Submission | None,
    *,
    previous: Sequence[Turn],
    rules: Rules,
    over: bool,
    later: Sequence[Turn] = (),
    shown: Collection[int] | None = None,
) -> Feedback:
    """Returns what a template may say of a turn; the arguments are those of `write_feedback`."""
    number = len(previous) + 1
    others = [*previous, *later]
    correct = report.outcome is Outcome.OK
    if report.outcome is Outcome.INFRASTRUCTURE or report.profile is not None:
        failures = NOTHING  # what our machinery says is none of the agent's business
    else:
        failures = (collect_hacks if report.outcome is Outcome.HACK else collect_failures)(report, submission)
    return Feedback(
        turn=number,
        turns=rules.total_turns,
        left=max(0, rules.total_turns - number - len(later)),
        over=over,
        ended=_ended(report, rules, number) if over else None,
        outcome=report.outcome.value,
        summary=summarise(report),
        lost=report.outcome is Outcome.INFRASTRUCTURE,
        compiled=report.outcome not in NOT_COMPILED,
        correct=report.correct,
        solved=correct and report.speedup is None,
        any_correct=correct or any(turn.report.outcome is Outcome.OK for turn in others),
        reward=reward.value,
        speedup=report.speedup,
        trials=sum(case.trials for case in report.cases),
        trials_passed=sum(case.trials - case.failed_trials for case in report.cases),
        fix=failures.fix,
        rules=failures.rules,
        failed=failures.failed,
        failed_more=failures.failed_more,
        passed=failures.passed,
        also=failures.also,
        also_more=failures.also_more,
        performance=collect_performance(report),
        notes=() if report.outcome is Outcome.INFRASTRUCTURE else collect_notes(report),
        best=_best(report, reward, others, shown, relative=rules.scorer.relative),
        submit=SUBMIT if rules.allow_submit and not over else None,
    )


def summarise(report: Report) -> str:
    """Returns the verdict in a few words."""
    if report.profile is None or report.outcome is not Outcome.OK:
        return SUMMARIES.get(report.outcome, VERDICTS[report.outcome].words)
    if report.speedup is None:
        return "correct at the checked shapes; no speedup, the timed shapes were not verified"
    return f"{factor(report.speedup)} as fast as the reference ({one_line(provenance(report.profile), MAX_SOURCE)})"


def _ended(report: Report, rules: Rules, number: int) -> Literal["turns", "target", "submitted"]:
    if number >= rules.total_turns or report.outcome is Outcome.INFRASTRUCTURE:
        return "turns"
    return "target" if rules.reaches_target(report) else "submitted"


def _best(
    report: Report, reward: Reward, others: Sequence[Turn], shown: Collection[int] | None, *, relative: bool
) -> Best | None:
    best = best_turn(others, relative=relative)
    if best is None or best.report.outcome is not Outcome.OK:
        return None
    beaten = merit(best.report, best.reward, relative=relative)
    return Best(
        turn=best.number,
        speedup=best.report.speedup,
        this=reward.value is not None and merit(report, reward, relative=relative) > beaten,
        shown=shown is None or best.number in shown,
    )

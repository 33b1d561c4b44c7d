"""A report that a person enjoys: the verdict first, then why, then the numbers."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from kernelgym.reports.correctness import correctness
from kernelgym.reports.diagnosis import diagnosis
from kernelgym.reports.profiling import profiling
from kernelgym.reports.wording import VERDICTS, plain, provenance, verdict_words
from rewards import Reward
from sandboxes.contracts import Outcome, Report, Submission


def render_report(report: Report, reward: Reward | None = None, submission: Submission | None = None) -> RenderableType:
    """Returns the whole report for `rich.console.Console.print`; readable at 80 columns and without colour.

    Args:
        report: Any report.
        reward: What it is worth; left out without it.
        submission: The candidate, for the source around a line to blame.
    """
    parts: list[RenderableType] = [_verdict(report)]
    if report.findings or report.diagnostics:
        title = "remarks" if report.outcome is Outcome.OK else "what went wrong"
        parts += _section(title, diagnosis(report, submission))
    if report.cases:
        parts += _section("correctness", correctness(report))
    if report.profile is not None:
        parts += _section(f"profile, {provenance(report.profile)}", profiling(report.profile, report))
    if reward is not None:
        parts += _section("reward", render_reward(reward))
    if report.timings_s:
        parts += _section("time", _timings(report.timings_s))
    return Group(*parts)


def _verdict(report: Report) -> Text:
    verdict = VERDICTS[report.outcome]
    text = Text.assemble((f"{verdict.symbol} {verdict_words(report)}", verdict.style))
    text.append(f"  [{report.outcome}]\n", style="dim")
    facts = [report.problem, f"for {report.config.target}", f"replayed on {report.config.device}"]
    if report.submission:
        facts.append(f"candidate {report.submission[:12]}")
    text.append(plain("  ·  ".join(facts)), style="dim")
    if sandbox := report.versions.get("sandbox"):
        text.append(f"\nsandbox: {plain(sandbox)}", style="dim")
    return text


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(), Rule(Text(title, style="bold"), align="left", style="dim"), Padding(body, (0, 0, 0, 1))]


def render_reward(reward: Reward) -> RenderableType:
    """Returns the terms of a reward, each with its note, and their sum."""
    if reward.value is None:
        return Text(
            "none: the evaluation was lost and says nothing about the candidate; leave it out, don't count it as 0"
        )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for term in reward.breakdown:
        table.add_row(Text(plain(term.name)), f"{term.value:.3f}", Text(plain(term.note)))
    table.add_row(Text("total", style="bold"), Text(f"{reward.value:.3f}", style="bold"))
    return table


def _timings(timings_s: dict[str, float]) -> Text:
    return Text("   ").join(
        Text.assemble((f"{plain(name)} ", "dim"), f"{time:.2f} s") for name, time in timings_s.items()
    )

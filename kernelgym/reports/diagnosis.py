"""What went wrong, at which line of the candidate's code, and what to do about it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from kernelgym.reports.wording import plain
from sandboxes.contracts import Diagnostic, Finding, Report, Severity, Submission

CONTEXT_LINES = 2
"""Lines of source shown before and after the one to blame."""
MAX_EXCERPT = 160
"""Characters of a source line that are shown."""
MAX_SHOWN = 8
"""Findings and diagnostics that are shown; the JSON form holds all."""


def diagnosis(report: Report, submission: Submission | None) -> RenderableType:
    """Returns all findings and diagnostics, each with its place in the source.

    Args:
        report: Any report.
        submission: The candidate, for the lines around the one to blame; without it only that line is shown.
    """
    lines = [] if submission is None else submission.source.split("\n")
    told = [*_findings(report.findings, lines), *_diagnostics(report.diagnostics, lines)]
    if len(told) > MAX_SHOWN:
        rest = Text(f"and {len(told) - MAX_SHOWN} more; --json shows all", style="dim")
        told = [*told[:MAX_SHOWN], rest]
    return Group(*told)


def _findings(findings: tuple[Finding, ...], lines: list[str]) -> Iterator[RenderableType]:
    for finding in findings:
        style = "magenta" if finding.severity is Severity.REJECT else "yellow"
        head = Text.assemble((f"{finding.severity} {finding.rule}", f"bold {style}"), _where(finding.case))
        yield _entry(head, finding.evidence, finding.line, None, None, lines)


def _diagnostics(diagnostics: tuple[Diagnostic, ...], lines: list[str]) -> Iterator[RenderableType]:
    for diagnostic in diagnostics:
        head = Text.assemble((f"{diagnostic.stage}", "bold"), _where(diagnostic.case))
        yield _entry(head, diagnostic.message, diagnostic.line, diagnostic.excerpt, diagnostic.hint, lines)


def _where(case: str | None) -> Text:
    return Text(f"  case {plain(case)}" if case else "", style="dim")


def _entry(
    head: Text, message: str, line: int | None, excerpt: str | None, hint: str | None, lines: list[str]
) -> RenderableType:
    body: list[RenderableType] = [Text(plain(message))]
    if line is not None:
        body.append(_source(line, excerpt, lines))
    if hint:
        body.append(Text.assemble(("hint  ", "bold cyan"), plain(hint)))
    return Group(head, Padding(Group(*body), (0, 0, 0, 2)))


def _source(line: int, excerpt: str | None, lines: list[str]) -> Text:
    """Returns the lines around `line`, 1-based, with a marker before it."""
    shown = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
    numbered = [(number, lines[number - 1]) for number in shown]
    if line not in shown:
        numbered = [(line, excerpt or "")]
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, content in numbered:
        blamed = number == line
        text.append("❱ " if blamed else "  ", style="bold red")
        text.append(f"{number:>4} │ ", style="bold" if blamed else "dim")
        text.append(plain(content.expandtabs(4))[:MAX_EXCERPT], style="bold" if blamed else "dim")
        text.append("\n")
    text.right_crop(1)
    return text

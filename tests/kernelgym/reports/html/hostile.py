"""A run in which everything that somebody else can write tries to break out of the page."""

from pathlib import Path

from kernelgym.chat import Message, Role, Usage
from kernelgym.metrics import summarize
from kernelgym.reports.html import render_page
from kernelgym.runs.record import EpisodeRecord, TermRecord, TurnRecord
from kernelgym.runs.run_record import RunRecord
from rewards import drkernel_paper
from sandboxes.contracts import Diagnostic, Finding, Outcome, Report, Severity, Stage
from tests.kernelgym.reports.html.runs import run_record
from tests.reports import explained_report, failed_report

ATTACK = (
    "</script><script>window.pwned=1</script><!--<script>"
    "<img src=x onerror=\"window.pwned=1\"><svg onload='window.pwned=1'>"
    "{{7*7}}{% raw %}${window.pwned=1}&lt;b&gt;&#60;\u2028\u2029\x1b[31m\x00\u202egnp.exe\u2066\ufeff</style></title>"
)


def hostile_run(*, megabytes: int = 0) -> tuple[RunRecord, list[EpisodeRecord]]:
    """Returns a run of two episodes whose every text is an attack, one of them with a completion of so many MB."""
    problem = f"evil/{ATTACK}"[:400]
    code = f"```python\n# {ATTACK}\nx = '''{ATTACK}'''\n\n\nclass ModelNew:\n    pass\n```"
    long = "<b>" * (megabytes * 2**20 // 3) + "\n" + code
    reports = (_slow(problem), _caught(problem))
    messages = (Message(role=Role.SYSTEM, content=ATTACK), Message(role=Role.USER, content=ATTACK * 2))
    turns = [
        TurnRecord.of(
            number, text, report, drkernel_paper(report), ATTACK, chat=(0, 1),
            usage=Usage(model=ATTACK, finish_reason=ATTACK),
        ).model_copy(update={"breakdown": (TermRecord(name=ATTACK, value=1.0, note=ATTACK),)})
        for number, (text, report) in enumerate(((code, reports[0]), (long, reports[1])), 1)
    ]  # fmt: skip
    episodes = [
        EpisodeRecord(problem=problem, sample=sample, seed=0, policy=ATTACK, prompt=ATTACK, turns=tuple(turns),
                      messages=messages, best_turn=1, terminated=True)
        for sample in range(2)
    ]  # fmt: skip
    record = run_record([problem], 2, 2)
    return record.model_copy(update={"policy": ATTACK, "reward": ATTACK, "versions": {ATTACK: ATTACK}}), episodes


def write_page(path: Path, record: RunRecord, episodes: list[EpisodeRecord], title: str | None = None) -> Path:
    """Writes the page of a run."""
    path.write_text(render_page(record, episodes, summarize(episodes), title), encoding="utf-8")
    return path


def _slow(problem: str) -> Report:
    report = explained_report()
    assert report.profile is not None
    nodes = tuple(
        node.model_copy(update={"name": ATTACK, "config": ATTACK, "unpriced": ATTACK}) for node in report.profile.nodes
    )
    counterfactuals = tuple(each.model_copy(update={"text": ATTACK}) for each in report.profile.counterfactuals)
    cases = tuple(case.model_copy(update={"case": ATTACK, "detail": ATTACK}) for case in report.cases)
    profile = report.profile.model_copy(update={"nodes": nodes, "device": ATTACK, "counterfactuals": counterfactuals})
    return report.model_copy(update={"problem": problem, "profile": profile, "cases": cases, "submission": ""})


def _caught(problem: str) -> Report:
    finding = Finding(rule="no_live_launch", severity=Severity.REJECT, evidence=ATTACK, line=1, case=ATTACK)
    diagnostic = Diagnostic(stage=Stage.VERIFY, message=ATTACK, line=2, excerpt=ATTACK, hint=ATTACK, case=ATTACK)
    report = failed_report(Outcome.HACK)
    return report.model_copy(
        update={"problem": problem, "findings": (finding,), "diagnostics": (diagnostic,), "submission": ""}
    )

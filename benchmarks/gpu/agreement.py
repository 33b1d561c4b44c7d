"""Do the CPU and a GPU judge alike? Every bundled solution, and every honest program of the hack benchmark.

Two questions. Does an evaluation end alike with `device="cpu"` and `device="cuda"`? And what does the GPU say by
itself, without the CPU having judged before: same opinion, outputs within the judge's tolerance of each other
(`side_by_side`)? A difference is a bug in one of them.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.gpu.setting import Setting
from benchmarks.gpu.side_by_side import Opinions, SideBySide
from kernelgym.evaluators import LocalEvaluator
from kernelgym.hackbench import load_corpus
from kernelgym.problems import get_problem, list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Submission

SHARE: Final = 1.6
QUICK: Final = frozenset({
    "core/argmax correct", "core/scatter_add wrong", "core/softmax_float16 wrong", "honest/mixed/index_cast",
})  # fmt: skip
"""Integers, a race, a wrong one of a half type, an honest program."""
SHORT: Final = 0.1
"""Seconds of timing: it is not what is asked for."""
RUNNABLE: Final = (Outcome.OK, Outcome.INCORRECT)
"""Verdicts of the CPU after which a program may be run in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A candidate that both judge."""

    name: str
    problem: str
    submission: Submission
    expected: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """How the evaluations of one candidate end."""

    cpu: Outcome
    gpu: Outcome
    words: str = ""
    """What the GPU's says, if they differ."""


def subjects(*, quick: bool) -> list[Subject]:
    """Returns all candidates, or a few that differ."""
    found = [
        Subject(
            name=f"{solution.problem_id} {solution.name}",
            problem=solution.problem_id,
            submission=Submission(source=solution.source),
            expected=(solution.expected,),
        )
        for solution in list_solutions()
    ]
    found += [
        Subject(name=program.id, problem=program.problem, submission=program.submission, expected=program.expect)
        for program in load_corpus().select("honest")
    ]
    return [subject for subject in found if not quick or subject.name in QUICK]


def both_verdicts(evaluator: LocalEvaluator, asked: Sequence[Subject], target: str) -> Iterator[tuple[int, Verdicts]]:
    """Yields index and verdicts of each subject, as soon as both are there."""
    configs = [EvalConfig(target=target, device=device, measure_timeout_s=SHORT) for device in ("cpu", "cuda")]
    requests = ((subject.submission, get_problem(subject.problem), config) for subject in asked for config in configs)
    known: dict[int, Any] = {}
    for number, report in evaluator.evaluate_many(requests):
        known[number] = report
        index = number // 2
        cpu, gpu = known.get(2 * index), known.get(2 * index + 1)
        if cpu is not None and gpu is not None:
            words = gpu.diagnostics[0].message if gpu.diagnostics and gpu.outcome is not cpu.outcome else ""
            yield index, Verdicts(cpu=cpu.outcome, gpu=gpu.outcome, words=words)
            del known[2 * index], known[2 * index + 1]


def run(setting: Setting) -> dict[str, Any]:
    """Returns a row for each candidate, and how many differ; those that there was no time for are counted."""
    asked = subjects(quick=setting.quick)
    end = time.monotonic() + setting.seconds
    lines: list[dict[str, Any]] = []
    portion = 4 * setting.workers
    with (
        LocalEvaluator(gpu=setting.gpu, workers=setting.workers) as evaluator,
        SideBySide(setting.gpu, setting.target) as both,
    ):
        for start in range(0, len(asked), portion):
            if start and time.monotonic() >= end:
                break
            some = asked[start : start + portion]
            verdicts = dict(both_verdicts(evaluator, some, setting.target))
            for index, subject in enumerate(some):
                opinions = None
                if verdicts[index].cpu in RUNNABLE:
                    opinions = both.compare(subject.submission, get_problem(subject.problem).reference)
                lines.append(line(subject, verdicts[index], opinions))
    return summary(lines, len(asked))


def line(subject: Subject, verdicts: Verdicts, opinions: Opinions | None) -> dict[str, Any]:
    """Returns the row of a candidate."""
    return {
        "name": subject.name,
        "cpu": str(verdicts.cpu),
        "gpu": str(verdicts.gpu),
        "gpu_alone_right": None if opinions is None else opinions.right_on_gpu,
        "cpu_alone_right": None if opinions is None else opinions.right_on_cpu,
        "trials": 0 if opinions is None else opinions.cases,
        "difference_in_tolerances": None if opinions is None else float(f"{min(opinions.difference, 1e300):.3g}"),
        "agree": verdicts.cpu is verdicts.gpu and (opinions is None or opinions.agree),
        "expected": verdicts.cpu in subject.expected,
        "words": verdicts.words,
    }


def summary(lines: list[dict[str, Any]], asked: int) -> dict[str, Any]:
    """Returns what the rows amount to."""
    right = [each["difference_in_tolerances"] for each in lines if each["cpu"] == "ok" and each["trials"]]
    return {
        "candidates": len(lines),
        "left_out_for_lack_of_time": asked - len(lines),
        "same_verdict": sum(each["cpu"] == each["gpu"] for each in lines),
        "compared_alone": sum(each["trials"] > 0 for each in lines),
        "disagree": [each for each in lines if not each["agree"]],
        "not_as_expected": [each["name"] for each in lines if not each["expected"]],
        "largest_difference_in_tolerances": max(right, default=None),
        "rows": lines,
        "markdown": markdown(lines),
    }


def markdown(lines: list[dict[str, Any]]) -> str:
    """Returns the rows as a table for people."""
    head = "| candidate | CPU | GPU | GPU alone | trials | largest difference, in tolerances |\n"
    head += "|---|---|---|---|---|---|\n"
    alone = {None: "", True: "right", False: "wrong"}
    return head + "".join(
        f"| {each['name']} | {each['cpu']} | {each['gpu']}{'' if each['agree'] else ' **differs**'} "
        f"| {alone[each['gpu_alone_right']]} | {each['trials'] or ''} "
        f"| {'' if each['difference_in_tolerances'] is None else each['difference_in_tolerances']} |\n"
        for each in lines
    )


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    largest = found["largest_difference_in_tolerances"]
    return [
        ("CPU and GPU end alike", f"{found['same_verdict']} of {found['candidates']}", "all"),
        ("largest difference of outputs, in tolerances", "" if largest is None else f"{largest:g}", "<= 1"),
        ("not reached in time", str(found["left_out_for_lack_of_time"]), "0"),
    ]

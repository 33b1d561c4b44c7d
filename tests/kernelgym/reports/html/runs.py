"""Made-up runs for pages: of any size, with texts as long and as varied as models write them."""

import random
import re
from collections.abc import Sequence
from functools import cache

from kernelgym.chat import Message, Role, Usage
from kernelgym.problems import list_solutions
from kernelgym.runs.record import Confirmation, EpisodeRecord, TurnRecord
from kernelgym.runs.run_record import RunRecord
from rewards import drkernel_paper
from sandboxes.contracts import (
    Bound,
    EvalConfig,
    Finding,
    HotLine,
    NodeProfile,
    Outcome,
    Profile,
    ProfileSource,
    Report,
    Severity,
    Submission,
)
from sandboxes.extraction import extract
from tests.reports import failed_report, ok_report

FAILURES = (
    Outcome.INCORRECT, Outcome.INCORRECT, Outcome.COMPILE_ERROR, Outcome.COMPILE_ERROR, Outcome.MEMORY_ERROR,
    Outcome.TRACE_ERROR, Outcome.NO_CODE, Outcome.HACK, Outcome.TIMEOUT, Outcome.UNSUPPORTED,
)  # fmt: skip
WORDS = re.findall(
    r"\w+",
    "the block masks each row because a program loads tiles into shared memory before the reduction and stores partial "
    "sums so that occupancy rises while registers stay below the limit of the multiprocessor then the epilogue fuses "
    "bias activation scale which saves one pass over device memory",
)


def synthetic_run(
    episodes: int, *, samples: int = 10, turns: int = 3, seed: int = 0, length: int = 1
) -> tuple[RunRecord, list[EpisodeRecord]]:
    """Returns a run with so many episodes; problems differ in how hard they are, and later turns succeed more often.

    Args:
        episodes: All together.
        samples: Of them for each problem.
        turns: Of each.
        seed: Of everything.
        length: How many times as long the completions' prose is.
    """
    draw = random.Random(seed)
    solutions = _solutions()
    problems = [f"synthetic/{number // 25 + 1}/{number}" for number in range(-(-episodes // samples))]
    hardness = {problem: draw.random() for problem in problems}
    made = []
    for index in range(episodes):
        problem = problems[index // samples]
        source = solutions[(index // samples) % len(solutions)]
        made.append(_episode(draw, problem, index % samples, turns, source, hardness[problem], length))
    return run_record(problems, samples, turns), made


def run_record(problems: Sequence[str], samples: int, turns: int) -> RunRecord:
    """Returns what a run of these problems is."""
    return RunRecord(
        policy="synthetic", problems=dict.fromkeys(problems, "ab" * 32), samples=samples, seed=0, turns=turns,
        target_speedup=None, reward="drkernel_paper", config=EvalConfig(), versions={"kernelgym": "0.1.0"},
    )  # fmt: skip


@cache
def _solutions() -> tuple[str, ...]:
    return tuple(solution.source for solution in list_solutions() if solution.name == "correct")


def _episode(
    draw: random.Random, problem: str, sample: int, turns: int, source: str, hardness: float, length: int
) -> EpisodeRecord:
    prompt = f"Write Triton kernels for {problem}.\n\n```python\n{source}\n```\n{' '.join(WORDS * 4)}"
    messages = [Message(role=Role.SYSTEM, content="You write kernels."), Message(role=Role.USER, content=prompt)]
    played: list[TurnRecord] = []
    ability = 0.75 - 0.6 * hardness
    for number in range(1, turns + 1):
        completion = _completion(draw, source, length)
        report = _report(draw, problem, source, ability + 0.12 * number, completion)
        feedback = f"Turn {number} of {turns}: {report.outcome}\n" + " ".join(draw.choices(WORDS, k=150))
        chat = tuple(range(len(messages)))
        usage = Usage(model="synthetic-1", prompt_tokens=2000 * number, completion_tokens=len(completion) // 4,
                      cost_usd=0.002 * number, latency_s=draw.uniform(2, 20))  # fmt: skip
        played.append(
            TurnRecord.of(number, completion, report, drkernel_paper(report), feedback, chat=chat, usage=usage)
        )
        messages += [Message(role=Role.ASSISTANT, content=completion), Message(role=Role.USER, content=feedback)]
    best = max(played, key=lambda turn: turn.reward or 0.0)
    return EpisodeRecord(
        problem=problem, sample=sample, seed=sample, policy="synthetic", prompt=prompt, turns=tuple(played),
        messages=tuple(messages[: 2 * turns]), best_turn=best.number, terminated=True,
        confirmation=Confirmation(turn=best.number, report=best.report, reward=best.reward)
        if best.report.outcome is Outcome.OK
        else None,
    )  # fmt: skip


def _completion(draw: random.Random, source: str, length: int) -> str:
    """Returns prose and a program whose names no other completion has: it compresses no better than a real one."""
    thoughts = " ".join(draw.choices(WORDS, k=250 * length))
    tail = "".join(f"# {' '.join(draw.choices(WORDS, k=9))} {draw.getrandbits(48):x}\n" for _ in range(12))
    program = source.replace("_ptr", f"_{draw.getrandbits(24):x}")
    return f"{thoughts}\n\n```python\n{program}\n\nclass ModelNew(Model):\n    pass\n\n\n{tail}```\n"


def _report(draw: random.Random, problem: str, source: str, chance: float, completion: str) -> Report:
    if draw.random() > chance:
        return _blamed(draw, failed_report(draw.choice(FAILURES)), problem)
    speedup = min(9.0, max(0.05, draw.lognormvariate(0.25, 0.7)))
    report = ok_report(time_us=draw.uniform(5, 400), reference_time_us=1.0)
    assert report.profile is not None
    whole = report.profile.time_us
    kernels = tuple(_kernel(draw, node, source) for node in report.profile.nodes)
    profile = Profile(
        source=ProfileSource.MODELLED, device="NVIDIA H200", nodes=kernels, time_us=whole,
        replaced=draw.uniform(0.5, 1), reference_time_us=whole * speedup, coverage=draw.uniform(0.6, 1),
        roofline_us=whole * draw.uniform(0.2, 0.9),
    )  # fmt: skip
    submission = extract(completion)
    digest = submission.digest if isinstance(submission, Submission) else ""
    return report.model_copy(update={"problem": problem, "profile": profile, "submission": digest})


def _blamed(draw: random.Random, report: Report, problem: str) -> Report:
    rule = draw.choice(["no_live_launch", "copy_only_kernels", "output_is_constant"])
    findings = [finding.model_copy(update={"rule": rule}) for finding in report.findings]
    if draw.random() < 0.05 and not findings:
        findings = [Finding(rule="large_constants", severity=Severity.WARN, evidence="a table of 4096 numbers", line=9)]
    return report.model_copy(update={"problem": problem, "findings": tuple(findings)})


def _kernel(draw: random.Random, node: NodeProfile, source: str) -> NodeProfile:
    moved = int(10 ** draw.uniform(5.5, 8.5))
    intensity = 10 ** draw.uniform(-1, 2.7)
    fraction = draw.uniform(0.1, 0.95)
    ceiling = min(4.8e12 * intensity, 9.9e14) / 1e6
    flops = int(min(moved * intensity, ceiling * node.time_us * fraction)) + 1
    lines = draw.sample(range(1, source.count("\n") + 1), k=4)
    hot = tuple(HotLine(line=line, excerpt="", bytes=int(moved * draw.random()), flops=flops // 4) for line in lines)
    return node.model_copy(
        update={
            "bytes": max(1, int(flops / intensity)), "flops": flops, "roofline_fraction": fraction,
            "bound": draw.choice(list(Bound)), "hot_lines": hot if node.custom else (),
        }
    )  # fmt: skip

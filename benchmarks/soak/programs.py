"""What is submitted: honest, wrong, broken and hostile candidates, most of them new to every cache."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Final

from kernelgym.evaluators import Evaluator, LocalEvaluator
from kernelgym.hackbench import load_corpus
from kernelgym.problems import get_problem, list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission

CONFIG: Final = EvalConfig(seed=7, bench_seed=7)
"""Fixed seeds: with secret ones, two evaluations of a program at the edge of a tolerance may honestly differ."""

SHARES: Final = {"honest": 0.45, "wrong": 0.17, "hostile": 0.27, "broken": 0.107, "hanging": 0.003}
"""Of the programs that are drawn."""

REPEATED: Final = 0.25
"""Share of requests that are an earlier one, letter by letter: half of them a recent one, which may still run."""

RECENT: Final = 64

DEAR: Final = frozenset(
    {
        "batched_matmul", "average_pool", "conv2d", "depthwise_conv", "matmul", "matmul_bias_relu", "matmul_float16",
        "matmul_gelu_residual", "embedding",
    }
)  # fmt: skip
"""Built-in problems whose evaluation takes more than half a second: others say as much of a queue."""

SLOW_HACKS: Final = frozenset(
    {
        "pricing/many_launches", "pricing/product_from_distances", "timing/do_bench", "timing/drift_in_the_module",
        "torch_work/compiled_by_inductor", "ttir/two_billion_programs", "ttir/unrolled_without_end",
        "useless_work/slow_tail", "wire/large_constant", "wire/patched_limits", "wire/thousands_of_calls",
        "wire/thousands_of_constants",
    }
)  # fmt: skip
"""Programs of the corpus that take seconds; some come so near to a time limit that their verdict is the machine's."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the programs that requests are made of."""

    id: str
    problem: str
    source: str
    kind: str
    """One of `SHARES`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One evaluation to ask for."""

    number: int
    program: Program
    serial: int
    """Requests of the same program and serial are the same job."""

    @property
    def submission(self) -> Submission:
        """The program, with a comment that makes it a job of its own; at the end, where it moves no line."""
        return Submission(source=f"{self.program.source}\n# {self.serial}\n")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What must not depend on when, where and how often something was evaluated."""

    outcome: Outcome
    correct: bool
    failed_cases: tuple[str, ...]
    rules: tuple[str, ...]
    speedup: float | None

    @classmethod
    def of(cls, report: Report) -> "Verdict":
        return cls(
            report.outcome,
            report.correct,
            tuple(sorted(case.case for case in report.cases if not case.passed)),
            tuple(sorted({finding.rule for finding in report.findings})),
            None if report.speedup is None else float(f"{report.speedup:.6g}"),
        )


@cache
def programs() -> tuple[Program, ...]:
    """Returns all there are: the built-in solutions and demonstrations, and the corpus of hacks."""
    found = []
    for solution in list_solutions():
        name = solution.problem_id.removeprefix("core/")
        if solution.name.startswith("demo/"):
            kind = "hanging" if solution.name == "demo/hang" else "broken"
        elif name in DEAR or solution.name == "slow":
            continue
        else:
            kind = "honest" if solution.name == "correct" else "wrong"
        found.append(Program(f"{solution.problem_id}/{solution.name}", solution.problem_id, solution.source, kind))
    for program in load_corpus().programs:
        if program.is_hack and program.id.removeprefix("hacks/") not in SLOW_HACKS:
            found.append(Program(program.id, program.problem, program.source, "hostile"))
    return tuple(found)


def requests(seed: int, only: int | None = None) -> Iterator[Request]:
    """Yields requests without end, the same ones for the same seed.

    Args:
        seed: Of the draws.
        only: So many programs, spread over all kinds; None: all.
    """
    chance = random.Random(seed)
    by_kind = {kind: [program for program in chosen(only) if program.kind == kind] for kind in SHARES}
    kinds = [kind for kind in SHARES if by_kind[kind]]
    weights = [SHARES[kind] for kind in kinds]
    asked: list[tuple[Program, int]] = []
    number = 0
    while True:
        if asked and chance.random() < REPEATED:
            program, serial = chance.choice(asked[-RECENT:] if chance.random() < 0.5 else asked)
        else:
            program = chance.choice(by_kind[chance.choices(kinds, weights)[0]])
            serial = len(asked)
            asked.append((program, serial))
        yield Request(number, program, serial)
        number += 1


def chosen(only: int | None) -> tuple[Program, ...]:
    """Returns `only` programs, the quickest kinds of failing among them but no hanging one; None: all."""
    if only is None:
        return programs()
    quota: Counter[str] = Counter()
    found = []
    for program in random.Random(0).sample(programs(), len(programs())):
        if program.kind != "hanging" and quota[program.kind] < max(1, only // 4):
            quota[program.kind] += 1
            found.append(program)
    return tuple(found[:only])


def expected(only: int | None = None) -> tuple[dict[str, Verdict], list[str]]:
    """Judges every program twice in quiet, each time with another comment.

    Returns:
        Verdicts by program, and those programs that two quiet evaluations disagree about: nothing can be said of them.
    """
    wanted = chosen(only)
    with LocalEvaluator(workers=2, threads=1) as evaluator, ThreadPoolExecutor(2) as pool:
        first = list(pool.map(lambda program: judge(evaluator, Request(0, program, -1)), wanted))
        second = list(pool.map(lambda program: judge(evaluator, Request(0, program, -2)), wanted))
    verdicts = {program.id: verdict for program, verdict in zip(wanted, first, strict=True)}
    unsteady = [program.id for program, a, b in zip(wanted, first, second, strict=True) if a != b]
    return verdicts, unsteady


def judge(evaluator: Evaluator, request: Request) -> Verdict:
    """Returns the verdict of one evaluator on one request."""
    return Verdict.of(evaluator.evaluate(request.submission, get_problem(request.program.problem), CONFIG))

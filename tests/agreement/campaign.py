"""Many random cases in a row: what was covered and where the engines differ, each difference with a small kernel."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from triton.compiler.errors import CompilationError

from sandboxes.ttir import TTIRError
from tests.agreement.case import Case
from tests.agreement.choices import replayed, seeded, shrunk
from tests.agreement.differential import Engine, differences, executor
from tests.agreement.generator import build
from tests.agreement.interpreter import Interpreter, InterpreterFailure


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that did not agree."""

    number: int
    message: str
    case: Case
    """The smallest kernel found that still disagrees."""


@dataclass(slots=True)
class Summary:
    """What a campaign has seen."""

    cases: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def disagreement(case: Case, interpreter: Interpreter, ours: Engine = executor) -> str:
    """What is wrong with a case, ``""`` if both engines agree on it."""
    try:
        found = differences(case, interpreter, ours)
    except (TTIRError, CompilationError, InterpreterFailure) as error:
        return f"{type(error).__name__}: {error}"
    return "\n".join(map(str, found))


def campaign(
    seed: int, numbers: range, interpreter: Interpreter, ours: Engine = executor, *, attempts: int = 300
) -> Iterator[Summary]:
    """Runs case after case; gives the summary so far after each.

    Args:
        seed: with a case's number it determines the case.
        numbers: which cases.
        interpreter: the other engine.
        ours: the engine under test.
        attempts: kernels to try while making a failing one smaller.
    """
    summary = Summary()
    for number in numbers:
        choices = seeded(seed, number)
        case = build(choices)
        summary.cases += 1
        summary.operations += case.operations
        if disagreement(case, interpreter, ours):
            decisions = shrunk(
                choices.made, lambda made: bool(disagreement(build(replayed(made)), interpreter, ours)), attempts
            )
            small = build(replayed(decisions))
            summary.findings.append(Finding(number, disagreement(small, interpreter, ours), small))
        yield summary

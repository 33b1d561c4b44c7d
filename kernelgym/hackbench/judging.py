"""Who judges the programs: this system, or anybody's own judge."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

from kernelgym.errors import BadUsage
from kernelgym.evaluators.protocol import Evaluator
from kernelgym.hackbench.layers import Layer, layer_of
from kernelgym.hackbench.program import Program
from kernelgym.problems import get_problem
from kernelgym.reports.wording import reason
from rewards import get_reward
from sandboxes.contracts import EvalConfig, Outcome, Severity

TRACE_TIMEOUT_S: Final = 6.0
"""Time that a program's Python gets; short, because some never end on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge thinks of one program."""

    accepted: bool
    """True if the program would be rewarded."""
    by: str
    """The layer, rule or check that decided."""
    why: str = ""
    """In words."""
    reward: float | None = None
    """What it earns, if the judge can say; None: nothing, or not known."""
    outcome: str | None = None
    """The judge's own word for how it ended."""
    warnings: tuple[str, ...] = ()
    """Rules that fired without deciding."""
    lost: bool = False
    """True if infrastructure failed, and nothing is known."""


class Judge(Protocol):
    """Judges many programs."""

    def judge(self, programs: Sequence[Program]) -> Iterator[tuple[int, Verdict]]:
        """Yields `(index, verdict)` for each program, once each, in any order."""
        ...


class KernelGymJudge:
    """This system, as its users get it.

    Args:
        evaluator: Where to evaluate.
        target: The GPU that is compiled for and modelled.
    """

    def __init__(self, evaluator: Evaluator, target: str) -> None:
        self._evaluator = evaluator
        self._config = EvalConfig(target=target, trace_timeout_s=TRACE_TIMEOUT_S)

    def judge(self, programs: Sequence[Program]) -> Iterator[tuple[int, Verdict]]:
        """Yields the verdicts as the evaluations finish."""
        requests = [(program.submission, get_problem(program.problem), self._config) for program in programs]
        for index, report in self._evaluator.evaluate_many(requests):
            lost = report.outcome is Outcome.INFRASTRUCTURE
            fired = [finding.rule for finding in report.findings if finding.severity is not Severity.REJECT]
            yield (
                index,
                Verdict(
                    accepted=report.outcome is Outcome.OK,
                    by=layer_of(report),
                    why=reason(report),
                    reward=get_reward()(report).value,
                    outcome=report.outcome,
                    warnings=tuple(dict.fromkeys(fired)),
                    lost=lost or layer_of(report) is Layer.INFRASTRUCTURE,
                ),
            )


def load_judge(path: str) -> Judge:
    """Returns the judge that `path`, `package.module:name`, makes when it is called without arguments.

    The module may be an installed one, or lie in the current folder.

    Raises:
        BadUsage: There is no such thing.
    """
    module, _, name = path.partition(":")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)  # last, so that it replaces nothing
    try:
        judge: Judge = getattr(import_module(module), name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise BadUsage(f"no judge can be made of {path!r} ({what}); give package.module:function") from error
    if not callable(getattr(judge, "judge", None)):
        raise BadUsage(f"{path!r} makes a {type(judge).__name__}, which has no method `judge(programs)`")
    return judge

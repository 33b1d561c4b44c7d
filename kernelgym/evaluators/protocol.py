"""What environments, trainers and commands know of evaluation: one submission and one problem in, one report out."""

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Report, Submission, Weakness

Request = tuple[Submission, Problem, EvalConfig]
"""One thing to evaluate."""


class Evaluator(Protocol):
    """Evaluates candidates, wherever that happens: in this process tree, on a queue, behind HTTP.

    A candidate's fault, whatever it is, is a report. A fault of ours is a report, too, with outcome `infrastructure`:
    the caller loses one reward, not the batch. Exceptions are left for wrong use, such as an invalid reference.
    """

    def describe(self, problem: Problem) -> Description:
        """Returns the shapes of a problem's cases.

        Raises:
            KernelGymError: if the problem makes no sense, e.g. its reference raises or can't be scaled down.
            WorkerLost: if no worker could answer.
        """
        ...

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate.

        Raises:
            KernelGymError: if the request makes no sense, e.g. the reference can't be run.
        """
        ...

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)` for each request, once each, in the order in which they finish.

        A request that makes no sense takes nothing from the others: their reports come first.

        Raises:
            KernelGymError: after the last report, the error of the first request that makes no sense.
        """
        ...

    def close(self) -> None:
        """Ends every process and connection it opened; calling it again does nothing."""
        ...


@runtime_checkable
class Inspector(Protocol):
    """Looks problems through; evaluators that have references at hand are inspectors, too."""

    def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
        """Returns what is weak about a problem; empty if nothing is.

        Raises:
            KernelGymError: if the problem can't be used at all.
        """
        ...


@runtime_checkable
class Checking(Protocol):
    """Knows before anything is evaluated whether it can be; evaluators that own their machine do."""

    def check(self, config: EvalConfig) -> None:
        """Returns if candidates can be evaluated with this configuration; may take as long as opening a GPU does.

        Raises:
            KernelGymError: if they can't, e.g. because it needs a GPU and there is none; says what to do.
        """
        ...


def check_config(evaluator: Evaluator, config: EvalConfig) -> None:
    """Checks a configuration as far as the evaluator can, so that what can't work fails before a model is asked.

    Raises:
        KernelGymError: As `Checking.check`.
    """
    if isinstance(evaluator, Checking):
        evaluator.check(config)

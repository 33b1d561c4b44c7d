"""An evaluator that answers from a script: to test agents, environments and commands without evaluating anything."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from kernelgym.errors import InvalidReference, KernelGymError
from kernelgym.evaluators.protocol import Request
from kernelgym.problems import Problem
from sandboxes import errors as faults
from sandboxes.contracts import Description, Diagnostic, EvalConfig, Outcome, Report, Stage, Submission, Weakness

Script = Mapping[str, Report] | Callable[[Submission, Problem, EvalConfig], Report]
"""Reports by `Submission.digest`, or a function that makes them."""


class ScriptedEvaluator:
    """Answers every request from a script and remembers what it was asked; an `Evaluator`.

    A report from a mapping is returned with the request's problem, config and submission filled in, so that one
    scripted report serves many requests. A submission that is not in the mapping gets outcome `infrastructure`: a test
    that forgot one sees it, and no reward is made up.
    """

    def __init__(self, script: Script) -> None:
        """Args:
        script: Where the reports come from.
        """  # fmt: skip
        self._script = script
        self.requests: list[Request] = []
        self.closed = False

    def describe(self, problem: Problem) -> Description:
        """Returns the real description: the script is about candidates, not about problems."""
        from sandboxes.description import describe  # noqa: PLC0415 - loads torch

        try:
            return describe(problem.reference)
        except faults.InvalidReference as error:
            raise InvalidReference.of(problem.id, str(error)) from error

    def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
        """Returns what is really weak about a problem, likewise."""
        from sandboxes.inspection import inspect  # noqa: PLC0415 - loads torch

        try:
            return inspect(problem.reference)
        except faults.InvalidReference as error:
            raise InvalidReference.of(problem.id, str(error)) from error

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the scripted report."""
        self.requests.append((submission, problem, config))
        if not isinstance(self._script, Mapping):
            return self._script(submission, problem, config)
        report = self._script.get(submission.digest, _unscripted(submission, problem, config))
        identity = {"submission": submission.digest, "problem": problem.id, "config": config}
        return report.model_copy(update=identity)

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields the scripted reports in the order of the requests; then raises the first error of the script's."""
        first: KernelGymError | None = None
        for index, request in enumerate(requests):
            try:
                report = self.evaluate(*request)
            except KernelGymError as error:
                first = first or error
            else:
                yield index, report
        if first is not None:
            raise first

    def close(self) -> None:
        """Notes that it was closed, in `closed`."""
        self.closed = True


def _unscripted(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    message = f"the script has no report for submission {submission.digest[:12]} to {problem.id}"
    return Report(
        outcome=Outcome.INFRASTRUCTURE,
        submission=submission.digest,
        problem=problem.id,
        config=config,
        diagnostics=(Diagnostic(stage=Stage.EXTRACT, message=message, hint="add one under `Submission.digest`"),),
    )

"""An evaluator that only asks for prices: what to explore with, where judging every candidate is too dear."""

from collections.abc import Iterable, Iterator
from typing import Self

from kernelgym.evaluators.protocol import Evaluator, Inspector, Request
from kernelgym.problems import Problem
from sandboxes.contracts import Depth, Description, EvalConfig, Report, Submission


class PricingEvaluator:
    """Has another evaluator price candidates instead of judging them; an `Evaluator`, and an `Inspector` if that is.

    Its reports are `unjudged` (or say how the candidate failed before anything had to be compared): they have an
    estimate instead of a profile, and earn nothing by any reward but `exploration`.

    Args:
        evaluator: Does the work; ended by `close`.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        if isinstance(evaluator, Inspector):
            self.inspect = evaluator.inspect

    def describe(self, problem: Problem) -> Description:
        """Returns what the other one says of a problem, and raises what it raises."""
        return self._evaluator.describe(problem)

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report with the depth `priced`, whatever that of `config` is; raises what the other one does."""
        return self._evaluator.evaluate(submission, problem, priced(config))

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields such reports; raises what the other one does."""
        return self._evaluator.evaluate_many(
            (submission, problem, priced(config)) for submission, problem, config in requests
        )

    def close(self) -> None:
        """Closes the other one."""
        self._evaluator.close()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Returns itself, as `LocalEvaluator` does."""
        return self


def priced(config: EvalConfig) -> EvalConfig:
    """Returns the configuration with the depth `priced`."""
    return config.model_copy(update={"depth": Depth.PRICED})

"""A scripted evaluator that has described the built-in problems before, and completions to send it."""

from functools import cache

from kernelgym.errors import InvalidReference
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from sandboxes.description import describe
from tests.reports import failed_report, ok_report


@cache
def described(problem: Problem) -> Description:
    return describe(problem.reference)


def completion(word: str) -> str:
    """A completion whose evaluation the script below decides by `word`."""
    return f"Here it is.\n\n```python\nclass ModelNew:  # {word}\n    pass\n```\n"


class Scripted(ScriptedEvaluator):
    """Answers by the word in the candidate: `fast`, `slow`, or the name of an outcome; anything else is incorrect."""

    def __init__(self) -> None:
        super().__init__(answer)

    def describe(self, problem: Problem) -> Description:
        return described(problem)


class Picky(Scripted):
    """Can't describe some of the problems."""

    def __init__(self, *unusable: str) -> None:
        super().__init__()
        self.unusable = unusable

    def describe(self, problem: Problem) -> Description:
        if problem.id in self.unusable:
            raise InvalidReference(problem.id, "raises on inputs of its own", "correct it")
        return super().describe(problem)


def answer(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    word = submission.source.partition("# ")[2].partition("\n")[0]
    if word == "fast":
        report = ok_report(time_us=5.0)
    elif word == "slow":
        report = ok_report(time_us=40.0)
    elif word in list(Outcome):
        report = failed_report(Outcome(word))
    else:
        report = failed_report(Outcome.INCORRECT)
    return report.model_copy(update={"submission": submission.digest, "problem": problem.id, "config": config})

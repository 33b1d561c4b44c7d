"""An evaluator that several processes ask."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import CachedEvaluator, ScriptedEvaluator
from kernelgym.problems import Problem, get_problem
from policies.training.demo.shared import RemoteEvaluator, SharedEvaluator
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.reports import ok_report


def script(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    if submission.source == "raise":
        raise BadUsage("no such target")
    return ok_report().model_copy(update={"submission": submission.digest})


SCRIPTED = ScriptedEvaluator(script)


@pytest.fixture
def remote() -> Iterator[RemoteEvaluator]:
    SCRIPTED.requests.clear()
    with SharedEvaluator(CachedEvaluator(SCRIPTED)) as shared:
        yield shared.remote


def test_everybody_hears_of_what_one_has_asked(remote: RemoteEvaluator) -> None:
    problem = get_problem("core/softmax")
    sources = [f"program {number % 5}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        reports = list(
            pool.map(lambda source: remote.evaluate(Submission(source=source), problem, EvalConfig()), sources)
        )
    assert [report.submission for report in reports] == [Submission(source=source).digest for source in sources]
    assert len(SCRIPTED.requests) == 5


def test_errors_reach_the_one_who_asked_and_nobody_else(remote: RemoteEvaluator) -> None:
    problem = get_problem("core/softmax")
    with pytest.raises(BadUsage, match="no such target"):
        remote.evaluate(Submission(source="raise"), problem, EvalConfig())
    assert remote.evaluate(Submission(source="fine"), problem, EvalConfig()).outcome == "ok"


def test_a_stranger_without_the_key_is_not_answered(remote: RemoteEvaluator) -> None:
    problem = get_problem("core/softmax")
    with pytest.raises(Exception, match="digest"):
        RemoteEvaluator(remote.address, b"guessed").evaluate(Submission(source="fine"), problem, EvalConfig())
    assert SCRIPTED.requests == []
    assert remote.evaluate(Submission(source="fine"), problem, EvalConfig()).outcome == "ok"

"""The scripted evaluator keeps the protocol without evaluating anything."""

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import Evaluator, ScriptedEvaluator
from kernelgym.problems import Problem, get_problem
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.reports import failed_report, ok_report

PROBLEM = get_problem("core/add_relu")
GOOD, BAD = Submission(source="good = 1"), Submission(source="bad = 1")
CONFIG = EvalConfig(target="a100")


def scripted() -> ScriptedEvaluator:
    return ScriptedEvaluator({GOOD.digest: ok_report(), BAD.digest: failed_report(Outcome.INCORRECT)})


def test_it_answers_with_the_report_of_the_submission_made_out_to_the_request() -> None:
    report = scripted().evaluate(GOOD, PROBLEM, CONFIG)
    assert report.outcome is Outcome.OK
    assert (report.submission, report.problem, report.config) == (GOOD.digest, PROBLEM.id, CONFIG)


def test_a_submission_without_a_script_is_an_infrastructure_fault_so_that_no_reward_is_made_up() -> None:
    report = scripted().evaluate(Submission(source="other"), PROBLEM, CONFIG)
    assert report.outcome is Outcome.INFRASTRUCTURE
    assert report.problem == PROBLEM.id


def test_many_requests_are_answered_once_each_with_their_index() -> None:
    evaluator = scripted()
    requests = [(BAD, PROBLEM, CONFIG), (GOOD, PROBLEM, CONFIG)]
    answers = dict(evaluator.evaluate_many(requests))
    assert [answers[index].outcome for index in range(2)] == [Outcome.INCORRECT, Outcome.OK]
    assert evaluator.requests == requests


def test_an_error_of_the_script_is_raised_after_the_reports_of_the_others() -> None:
    def script(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if submission is BAD:
            raise BadUsage("no such target")
        return ok_report()

    found: list[tuple[int, Report]] = []
    with pytest.raises(BadUsage, match="no such target"):
        found.extend(ScriptedEvaluator(script).evaluate_many([(BAD, PROBLEM, CONFIG), (GOOD, PROBLEM, CONFIG)]))
    assert [index for index, _ in found] == [1]


def test_a_function_can_be_the_script() -> None:
    evaluator = ScriptedEvaluator(lambda submission, problem, config: failed_report(Outcome.TIMEOUT))
    assert evaluator.evaluate(GOOD, PROBLEM, CONFIG).outcome is Outcome.TIMEOUT


def test_closing_twice_does_nothing_more() -> None:
    evaluator: Evaluator = scripted()
    evaluator.close()
    evaluator.close()

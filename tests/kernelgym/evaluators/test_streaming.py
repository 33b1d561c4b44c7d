"""Many requests on any evaluator: as they come, in order, until a deadline, until somebody has had enough."""

import threading
import time
from collections.abc import Iterator

import pytest

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.evaluators import Progress, QueueEvaluator, Request, ScriptedEvaluator, evaluate_all
from kernelgym.problems import Problem, get_problem
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, incorrect
from tests.reports import failed_report

PROBLEM = get_problem("core/add_relu")


def requests(count: int) -> list[Request]:
    return [(Submission(source=f"number = {number}"), PROBLEM, EvalConfig()) for number in range(count)]


def slow_first(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    time.sleep(0.1 if submission.source.endswith("= 0") else 0.0)
    if submission.source.endswith("= 2"):
        raise InvalidReference("core/add_relu", "is wrong", "correct it")
    return failed_report(Outcome.INCORRECT).model_copy(update={"submission": submission.digest})


def test_reports_come_as_they_are_there_or_in_order_and_errors_last() -> None:
    for ordered in (False, True):
        found: list[int] = []
        with pytest.raises(InvalidReference):
            note(evaluate_all(ScriptedEvaluator(slow_first), requests(5), ordered=ordered), found)
        assert sorted(found) == [0, 1, 3, 4]
        assert (found[0] == 0) is ordered


def note(reports: Iterator[tuple[int, Report]], found: list[int]) -> None:
    for index, _ in reports:
        found.append(index)


def test_progress_counts_outcomes_also_where_nobody_knows_how_many_there_will_be() -> None:
    told: list[Progress] = []
    with QueueEvaluator(ScriptedEngine(incorrect)) as evaluator:
        list(evaluate_all(evaluator, requests(3), on_progress=told.append))
        list(evaluate_all(evaluator, iter(requests(1)), on_progress=told.append))
    assert [(each.done, each.total) for each in told] == [(1, 3), (2, 3), (3, 3), (1, None)]
    assert told[2].outcomes == {Outcome.INCORRECT: 3}


def test_no_more_is_read_than_is_in_flight_and_a_deadline_and_an_event_end_it() -> None:
    gate = threading.Event()

    def blocked(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        assert gate.wait(10)
        return failed_report(Outcome.INCORRECT)

    read: list[int] = []

    def source() -> Iterator[Request]:
        for number, request in enumerate(requests(10)):
            read.append(number)
            yield request

    late = evaluate_all(ScriptedEvaluator(blocked), source(), in_flight=3, deadline_s=0.05)
    assert next(late)[1].outcome is Outcome.INFRASTRUCTURE
    assert len(read) == 3
    assert [report.outcome for _, report in late] == [Outcome.INFRASTRUCTURE] * 9
    enough = threading.Event()
    enough.set()
    assert list(evaluate_all(ScriptedEvaluator(blocked), requests(10), cancel=enough)) == []
    gate.set()


def test_numbers_that_make_no_sense_are_refused_before_anything_is_asked() -> None:
    for arguments in ({"deadline_s": 0.0}, {"in_flight": 0}):
        with pytest.raises(BadUsage, match=next(iter(arguments))):
            evaluate_all(ScriptedEvaluator({}), requests(1), **arguments)  # type: ignore[arg-type]

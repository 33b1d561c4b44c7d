"""An evaluator on an engine loses no request, whatever the engine loses; and asks for no more than there is room."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from kernelgym.evaluators import Evaluator, Inspector, Request
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Job, Refusal, Refused, Task
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.problems import get_problem
from kernelgym.serving.jobs import Answer
from sandboxes.contracts import EvalConfig, Outcome, Submission
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, incorrect

PROBLEM = get_problem("core/add_relu")
QUICK = Manners(patience_s=0.2, pause_s=0.002, longest_pause_s=0.01, longest_wait_s=0.05)


def request(number: int) -> Request:
    return Submission(source=f"number = {number}"), PROBLEM, EvalConfig()


def requests(count: int) -> list[Request]:
    return [request(number) for number in range(count)]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_is_an_evaluator_and_an_inspector() -> None:
    with QueueEvaluator(ScriptedEngine(incorrect)) as evaluator:
        checked: Evaluator = evaluator
        assert isinstance(checked, Inspector)
        assert checked.inspect(PROBLEM) == ()


def test_every_request_is_answered_once_with_a_report_of_its_own() -> None:
    with QueueEvaluator(ScriptedEngine(incorrect), manners=Manners(in_flight=8, batch=4)) as evaluator:
        found = dict(evaluator.evaluate_many(iter(requests(50))))
    assert sorted(found) == list(range(50))
    assert all(found[number].submission == request(number)[0].digest for number in range(50))


def test_equal_requests_are_one_job_and_each_has_its_report() -> None:
    engine = ScriptedEngine()
    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        reports = evaluator.evaluate_many([request(1)] * 3)
        engine.finish_soon()
        assert sorted(index for index, _ in reports) == [0, 1, 2]


def test_no_more_requests_are_read_than_are_in_flight() -> None:
    engine, read = ScriptedEngine(), []

    def source() -> Iterator[Request]:
        for number in range(100):
            read.append(number)
            yield request(number)

    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        stream = evaluator.stream(source(), in_flight=8)
        engine.finish_soon(3, when_open=8)
        next(stream)
        assert len(read) <= 8 + 3
        assert engine.largest <= 8
        stream.close()


@pytest.mark.slow
def test_an_engine_without_room_is_asked_for_less_until_all_is_done() -> None:
    engine = ScriptedEngine(max_open=3, retry_after_s=0.01)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.001):
            engine.finish_some(2)

    worker = threading.Thread(target=work)
    worker.start()
    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        assert len(list(evaluator.evaluate_many(requests(40)))) == 40
    stop.set()
    worker.join()
    assert engine.largest <= 3


def test_in_order_on_request() -> None:
    engine = ScriptedEngine(
        lambda task: None if isinstance(task, Job) and "= 0" in task.submission.source else incorrect(task)
    )
    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        unordered = evaluator.stream(requests(6))
        assert next(unordered)[0] == 1
        unordered.close()
        engine.finish_soon()
        assert [index for index, _ in evaluator.stream(requests(6), ordered=True)] == list(range(6))


def test_a_flushed_store_costs_time_and_no_request() -> None:
    engine = ScriptedEngine()
    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        found: dict[int, object] = {}
        caller = threading.Thread(target=lambda: found.update(evaluator.evaluate_many(requests(5))))
        caller.start()
        until(lambda: len(engine.open) == 5)
        engine.finish_some(2)
        until(lambda: len(engine.open) == 3)
        time.sleep(0.01)
        engine.flush()
        until(lambda: bool(engine.open))
        engine.script = incorrect
        until(lambda: len(engine.open) >= 3 or not caller.is_alive())
        engine.finish_some(5)
        caller.join(10)
        assert sorted(found) == list(range(5))


def test_a_store_that_is_away_for_a_while_is_waited_for() -> None:
    engine = ScriptedEngine(incorrect)
    engine.break_down()
    with QueueEvaluator(engine, manners=Manners(pause_s=0.002, greeting_s=5.0)) as evaluator:
        threading.Timer(0.05, lambda: engine.break_down(away=False)).start()
        assert evaluator.evaluate(*request(1)).outcome is Outcome.INCORRECT


@pytest.mark.slow
def test_a_store_that_stays_away_ends_as_infrastructure_for_every_request_and_in_bounded_time() -> None:
    engine = ScriptedEngine()
    with QueueEvaluator(engine, manners=QUICK) as evaluator:
        stream = evaluator.stream(requests(500))
        threading.Timer(0.02, engine.break_down).start()
        began = time.monotonic()
        reports = dict(stream)
        assert sorted(reports) == list(range(500))
        assert {report.outcome for report in reports.values()} == {Outcome.INFRASTRUCTURE}
        assert "is away" in reports[0].diagnostics[0].message
        assert time.monotonic() - began < 5


def test_a_problem_that_nobody_can_describe_breaks_the_evaluator_and_one_that_is_wrong_is_the_users() -> None:
    def refuse(why: Refusal) -> Callable[[Task], Answer]:
        return lambda task: Refused(why=why, message="no torch here")

    with QueueEvaluator(ScriptedEngine(refuse(Refusal.INFRASTRUCTURE)), manners=QUICK) as evaluator:
        assert evaluator.evaluate(*request(1)).outcome is Outcome.INFRASTRUCTURE
        with pytest.raises(EvaluatorBroken, match="no torch here"):
            evaluator.describe(PROBLEM)
    wrong = QueueEvaluator(ScriptedEngine(refuse(Refusal.REFERENCE)), manners=QUICK)
    with wrong, pytest.raises(InvalidReference, match="core/add_relu"):
        wrong.describe(PROBLEM)
    with QueueEvaluator(ScriptedEngine(refuse(Refusal.CONFIG)), manners=QUICK) as evaluator, pytest.raises(BadUsage):
        list(evaluator.evaluate_many(requests(3)))


def test_closing_the_generator_cancels_what_is_open_and_nothing_of_others() -> None:
    engine = ScriptedEngine()
    with QueueEvaluator(engine, manners=QUICK) as evaluator, QueueEvaluator(engine, manners=QUICK) as other:
        waiting = threading.Thread(target=lambda: other.evaluate(*request(0)))
        waiting.start()
        until(lambda: len(engine.open) == 1)
        stream = evaluator.stream(requests(4))
        engine.finish_soon(2, when_open=4)
        next(stream)
        stream.close()
        waiting.join(10)
        assert engine.open == []
        assert not waiting.is_alive()


def test_an_event_ends_it_at_once() -> None:
    engine, enough = ScriptedEngine(), threading.Event()
    with QueueEvaluator(engine) as evaluator:
        threading.Timer(0.05, enough.set).start()
        began = time.monotonic()
        assert list(evaluator.stream(requests(4), cancel=enough)) == []
        assert time.monotonic() - began < 2
        assert engine.open == []


def test_what_is_not_there_at_the_deadline_is_infrastructure() -> None:
    engine = ScriptedEngine(
        lambda task: incorrect(task) if isinstance(task, Job) and "= 1" in task.submission.source else None
    )
    with QueueEvaluator(engine) as evaluator:
        reports = dict(evaluator.stream(requests(5), deadline_s=0.1))
    assert reports[1].outcome is Outcome.INCORRECT
    assert {reports[number].outcome for number in (0, 2, 3, 4)} == {Outcome.INFRASTRUCTURE}
    assert engine.open == []


def test_closing_cancels_what_is_open_and_ends_the_engine() -> None:
    engine = ScriptedEngine()
    evaluator = QueueEvaluator(engine, manners=QUICK)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            evaluator.evaluate(*request(1))
        except BadUsage as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: len(engine.open) == 1)
    evaluator.close()
    evaluator.close()
    asking.join(10)
    assert engine.closed
    assert engine.open == []
    assert len(errors) == 1
    with pytest.raises(BadUsage, match="closed"):
        evaluator.evaluate(*request(1))


def test_an_answer_to_something_else_is_nobodys_verdict() -> None:
    engine = ScriptedEngine(
        lambda task: incorrect(
            Job(submission=Submission(source="other"), reference=PROBLEM.reference, config=EvalConfig())
        )
    )
    with QueueEvaluator(engine) as evaluator:
        assert evaluator.evaluate(*request(1)).outcome is Outcome.INFRASTRUCTURE

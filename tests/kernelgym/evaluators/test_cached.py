"""A cached evaluator evaluates each candidate once, and keeps the protocol of the one inside."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators import CachedEvaluator, Evaluator, Inspector, Request, ScriptedEvaluator
from kernelgym.problems import Problem, get_problem
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from tests.reports import failed_report, ok_report

PROBLEM = get_problem("core/add_relu")
OTHER = get_problem("core/softmax")
GOOD, BAD, LOST = (Submission(source=f"{word} = 1") for word in ("good", "bad", "lost"))
CONFIG = EvalConfig()


def script(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    outcome = {GOOD.digest: Outcome.OK, LOST.digest: Outcome.INFRASTRUCTURE}.get(submission.digest, Outcome.INCORRECT)
    report = ok_report() if outcome is Outcome.OK else failed_report(outcome)
    return report.model_copy(update={"submission": submission.digest, "problem": problem.id, "config": config})


class Slow(ScriptedEvaluator):
    """Takes its time, until `gate` opens."""

    def __init__(self, answer: Callable[[Submission, Problem, EvalConfig], Report] = script) -> None:
        super().__init__(answer)
        self.gate = threading.Event()
        self.asked = threading.Event()

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        self.asked.set()
        assert self.gate.wait(10)
        return super().evaluate(submission, problem, config)


class Blind:
    """An evaluator that can't inspect."""

    def describe(self, problem: Problem) -> Description:
        raise BadUsage("not here")

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        return script(submission, problem, config)

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        yield from ((index, self.evaluate(*request)) for index, request in enumerate(requests))

    def close(self) -> None:
        pass


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_was_evaluated_is_remembered() -> None:
    inner = ScriptedEvaluator(script)
    with CachedEvaluator(inner) as cached:
        first, second = (cached.evaluate(GOOD, PROBLEM, CONFIG) for _ in range(2))
    assert first is second
    assert inner.requests == [(GOOD, PROBLEM, CONFIG)]
    assert (cached.counts.hits, cached.counts.misses, cached.counts.spared) == (1, 1, 0.5)
    assert inner.closed


@pytest.mark.parametrize(
    "other",
    [
        (BAD, PROBLEM, CONFIG),
        (GOOD, OTHER, CONFIG),
        (
            GOOD,
            PROBLEM.model_copy(update={"reference": PROBLEM.reference.model_copy(update={"id": "core/other"})}),
            CONFIG,
        ),
        (GOOD, PROBLEM.model_copy(update={"reference": OTHER.reference}), CONFIG),
        (GOOD, PROBLEM, EvalConfig(seed=1)),
        (GOOD, PROBLEM, EvalConfig(target="a100")),
    ],
)
def test_whatever_is_different_is_evaluated_by_itself(other: Request) -> None:
    inner = ScriptedEvaluator(script)
    cached = CachedEvaluator(inner)
    cached.evaluate(GOOD, PROBLEM, CONFIG)
    cached.evaluate(*other)
    assert len(inner.requests) == 2


def test_a_lost_evaluation_is_tried_again_when_it_is_asked_for_again() -> None:
    inner = ScriptedEvaluator(script)
    cached = CachedEvaluator(inner)
    for _ in range(2):
        assert cached.evaluate(LOST, PROBLEM, CONFIG).outcome is Outcome.INFRASTRUCTURE
    assert len(inner.requests) == 2
    assert len(cached) == 0


def test_an_error_is_raised_again_only_if_it_happens_again() -> None:
    errors = [BadUsage("no such target")]

    def fails_once(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if errors:
            raise errors.pop()
        return script(submission, problem, config)

    cached = CachedEvaluator(ScriptedEvaluator(fails_once))
    with pytest.raises(BadUsage, match="no such target"):
        cached.evaluate(GOOD, PROBLEM, CONFIG)
    assert cached.evaluate(GOOD, PROBLEM, CONFIG).outcome is Outcome.OK


def test_the_least_recently_asked_for_is_forgotten_first() -> None:
    inner = ScriptedEvaluator(script)
    cached = CachedEvaluator(inner, capacity=2)
    third = Submission(source="third = 1")
    for submission in (GOOD, BAD, GOOD, third, GOOD, BAD):
        cached.evaluate(submission, PROBLEM, CONFIG)
    assert [request[0] for request in inner.requests] == [GOOD, BAD, third, BAD]
    assert len(cached) == 2


def test_a_memory_for_nothing_is_refused() -> None:
    with pytest.raises(BadUsage, match="capacity is 0"):
        CachedEvaluator(ScriptedEvaluator(script), capacity=0)


def test_equal_requests_of_several_threads_are_evaluated_once() -> None:
    inner = Slow()
    cached = CachedEvaluator(inner)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(cached.evaluate, GOOD, PROBLEM, CONFIG) for _ in range(8)]
        until(lambda: cached.counts.joined == 7)
        inner.gate.set()
        reports = [future.result() for future in futures]
    assert all(report is reports[0] for report in reports)
    assert len(inner.requests) == 1


def test_whoever_waits_for_an_evaluation_that_is_lost_shares_the_loss() -> None:
    inner = Slow()
    cached = CachedEvaluator(inner)
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(cached.evaluate, LOST, PROBLEM, CONFIG) for _ in range(3)]
        until(lambda: cached.counts.joined == 2)
        inner.gate.set()
        assert {future.result().outcome for future in futures} == {Outcome.INFRASTRUCTURE}
    assert len(inner.requests) == 1


def test_whoever_waits_for_an_evaluation_that_is_interrupted_has_it_done_anew() -> None:
    interrupts: list[BaseException] = [KeyboardInterrupt()]

    def interrupted(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if interrupts:
            raise interrupts.pop()
        return script(submission, problem, config)

    inner = Slow(interrupted)
    cached = CachedEvaluator(inner)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cached.evaluate, GOOD, PROBLEM, CONFIG)
        until(inner.asked.is_set)
        second = pool.submit(cached.evaluate, GOOD, PROBLEM, CONFIG)
        until(lambda: cached.counts.joined == 1)
        inner.gate.set()
        assert isinstance(first.exception(), KeyboardInterrupt)
        assert second.result().outcome is Outcome.OK


def test_many_requests_are_answered_once_each_and_equal_ones_evaluated_once() -> None:
    inner = ScriptedEvaluator(script)
    cached = CachedEvaluator(inner)
    cached.evaluate(BAD, PROBLEM, CONFIG)
    requests = [(submission, PROBLEM, CONFIG) for submission in (GOOD, BAD, GOOD, LOST, BAD)]
    found = list(cached.evaluate_many(requests))
    assert sorted(index for index, _ in found) == [0, 1, 2, 3, 4]
    assert [dict(found)[index].submission for index in range(5)] == [request[0].digest for request in requests]
    assert [request[0] for request in inner.requests] == [BAD, GOOD, LOST]
    counts = cached.counts
    assert (counts.hits, counts.joined, counts.misses) == (2, 1, 3)
    assert list(cached.evaluate_many([])) == []


def test_the_first_request_that_makes_no_sense_is_raised_after_the_reports_of_the_others() -> None:
    def picky(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if config.seed is not None:
            raise BadUsage(f"seed {config.seed}")
        return script(submission, problem, config)

    cached = CachedEvaluator(ScriptedEvaluator(picky))
    requests = [(GOOD, PROBLEM, EvalConfig(seed=seed)) for seed in (None, 2, 1, 2)] + [(BAD, PROBLEM, CONFIG)]
    found: list[int] = []
    with pytest.raises(BadUsage, match="seed 2"):
        found.extend(index for index, _ in cached.evaluate_many(requests))
    assert sorted(found) == [0, 4]
    assert len(cached) == 2


def test_an_unfinished_round_of_requests_keeps_nobody_waiting() -> None:
    cached = CachedEvaluator(ScriptedEvaluator(script))
    round_of_requests = cached.evaluate_many([(GOOD, PROBLEM, CONFIG), (BAD, PROBLEM, CONFIG)])
    next(round_of_requests)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(cached.evaluate, BAD, PROBLEM, CONFIG).result(10).outcome is Outcome.INCORRECT
    round_of_requests.close()  # type: ignore[attr-defined]
    assert cached.evaluate(GOOD, PROBLEM, CONFIG).outcome is Outcome.OK


def test_rounds_of_several_threads_share_their_evaluations() -> None:
    inner = ScriptedEvaluator(script)
    cached = CachedEvaluator(inner)
    submissions = [Submission(source=f"number = {number}") for number in range(20)]

    def play(first: int) -> list[str]:
        order = submissions[first:] + submissions[:first]
        found = dict(cached.evaluate_many((submission, PROBLEM, CONFIG) for submission in order))
        assert [found[index].submission for index in range(20)] == [submission.digest for submission in order]
        return [report.submission for report in found.values()]

    with ThreadPoolExecutor(6) as pool:
        assert all(len(found) == 20 for found in pool.map(play, range(6)))
    assert len(inner.requests) == 20


def test_it_inspects_and_describes_if_the_one_inside_can() -> None:
    seeing, blind = CachedEvaluator(ScriptedEvaluator(script)), CachedEvaluator(Blind())
    assert isinstance(seeing, Inspector)
    assert not isinstance(blind, Inspector)
    assert seeing.describe(PROBLEM).reference.id == PROBLEM.id
    with pytest.raises(BadUsage, match="not here"):
        blind.describe(PROBLEM)
    evaluator: Evaluator = blind
    evaluator.close()
    assert deepcopy(evaluator) is evaluator

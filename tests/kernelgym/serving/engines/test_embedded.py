"""The embedded engine needs no service, and does everything once."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators.messages import Job, Task
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.problems import get_problem, list_solutions
from kernelgym.serving.engines.embedded import EmbeddedEngine
from kernelgym.serving.errors import NoSuchStation, TooBusy
from kernelgym.serving.jobs import Answer, JobState, Order, Priority
from kernelgym.serving.ledger.bounds import Bounds
from sandboxes.contracts import EvalConfig, Outcome, Submission
from tests.kernelgym.evaluators.double_staged import DoubleStaged
from tests.kernelgym.serving.scripted_engine import incorrect

PROBLEM = get_problem("core/add_relu")


def order(number: int, priority: Priority = Priority.BATCH, device: str = "cpu") -> Order:
    task = Job(
        submission=Submission(source=f"number = {number}"), reference=PROBLEM.reference,
        config=EvalConfig(device=device),
    )  # fmt: skip
    return Order(task=task, priority=priority, request_id=f"r{number}")


@pytest.fixture
def staged() -> DoubleStaged:
    return DoubleStaged()


@pytest.fixture
def engine(staged: DoubleStaged) -> Iterator[EmbeddedEngine]:
    with closing(EmbeddedEngine(2, open_evaluator=staged.opener, bounds=Bounds(max_open=10))) as opened:
        yield opened


def wait_for_all(engine: EmbeddedEngine, ids: list[str]) -> None:
    left = set(ids)
    while left:
        ended = engine.wait(sorted(left), 10)
        assert ended
        left -= ended


def test_equal_orders_are_computed_once_and_remembered(engine: EmbeddedEngine, staged: DoubleStaged) -> None:
    views = engine.submit([order(1), order(1), order(2)], "me")
    wait_for_all(engine, [view.id for view in views])
    again = engine.submit([order(1)], "somebody else")[0]
    assert (again.state, again.cached) == (JobState.DONE, True)
    assert set(staged.times_done.values()) == {1}
    assert engine.overview().counters["computed"] == 2
    assert engine.verdicts(5)[0].outcome == Outcome.INCORRECT


def test_too_many_orders_are_all_refused_and_none_is_begun(engine: EmbeddedEngine, staged: DoubleStaged) -> None:
    staged.seconds = 30.0
    engine.submit([order(number) for number in range(4)], "me")
    with pytest.raises(TooBusy, match="10"):
        engine.submit([order(number) for number in range(4, 20)], "me")
    assert len(engine.submit([order(number) for number in range(20, 26)], "me")) == 6


def test_who_is_in_a_hurry_goes_first_and_cancelled_work_is_stopped(staged: DoubleStaged) -> None:
    begun: list[str] = []
    gate = threading.Event()

    def answer(task: Task) -> Answer:
        assert isinstance(task, Job)
        begun.append(task.submission.source)
        assert gate.wait(10)
        return incorrect(task)

    staged.answer = answer
    with closing(EmbeddedEngine(1, open_evaluator=staged.opener)) as engine:
        views = engine.submit([order(0)], "me")
        while not begun:
            assert not engine.wait([views[0].id], 0.01)
        views += engine.submit([order(1), order(2)], "me") + engine.submit([order(3, Priority.INTERACTIVE)], "me")
        assert engine.cancel([views[1].id], "me") == 1
        gate.set()
        wait_for_all(engine, [view.id for view in views])
    assert begun == ["number = 0", "number = 3", "number = 2"]


def test_a_gpu_is_nothing_that_it_has(engine: EmbeddedEngine) -> None:
    with pytest.raises(NoSuchStation, match="kernelgym worker"):
        engine.submit([order(1), order(2, device="cuda")], "me")
    assert engine.overview().counters.get("submitted", 0) == 0


def test_answers_in_a_file_survive_the_engine(tmp_path: Path, staged: DoubleStaged) -> None:
    for _ in range(2):
        with closing(EmbeddedEngine(1, open_evaluator=staged.opener, answers=tmp_path / "answers")) as engine:
            wait_for_all(engine, [view.id for view in engine.submit([order(1)], "me")])
    assert set(staged.times_done.values()) == {1}


def test_closing_ends_what_runs_at_once_and_can_be_done_twice(staged: DoubleStaged) -> None:
    staged.seconds = 60.0
    engine = EmbeddedEngine(2, open_evaluator=staged.opener)
    assert engine.ready() is None
    engine.submit([order(1)], "me")
    engine.close()
    engine.close()
    assert "closed" in str(engine.ready())
    with pytest.raises(BadUsage, match="closed"):
        engine.submit([order(1)], "me")
    with pytest.raises(BadUsage, match="at least 1"):
        EmbeddedEngine(0)


@pytest.mark.slow
def test_real_candidates_have_their_verdicts() -> None:
    sources = {solution.name: solution.source for solution in list_solutions(PROBLEM.id)}
    with QueueEvaluator(EmbeddedEngine(2)) as evaluator:
        described = evaluator.describe(PROBLEM)
        assert described.reference.id == PROBLEM.id
        candidates = [Submission(source=sources[name]) for name in ("correct", "wrong")]
        found = dict(evaluator.evaluate_many((each, PROBLEM, EvalConfig(seed=1)) for each in candidates))
    assert (found[0].outcome, found[1].outcome) == (Outcome.OK, Outcome.INCORRECT)
    assert found[0].versions["sandbox"]

"""A runner answers a job, sends it on, or gives it back, whatever happens."""

from collections.abc import Callable
from typing import Any

import pytest

from kernelgym.evaluators.messages import Refused
from kernelgym.serving.jobs import MAX_ATTEMPTS, JobState, JobView
from kernelgym.serving.routing import Station, queue_of
from kernelgym.serving.working import runner as module
from kernelgym.serving.working.observer import Ending
from kernelgym.serving.working.runner import JobRunner
from sandboxes.contracts import EvalConfig, Outcome
from tests.kernelgym.serving import doubles
from tests.kernelgym.serving.doubles import FlakyLedger, Heard, Obedient, Sent, hand_over, make_job, make_order


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_REST_S", 0.01)


class Bench:
    """A runner at work on one job."""

    def __init__(self, *deeds: Callable[..., Any], queues: tuple[str, ...] = (), in_one_go: bool = False) -> None:
        self.ledger = FlakyLedger()
        self.sent = Sent()
        self.heard = Heard()
        self.evaluator = Obedient(*deeds)
        self.job = make_job()
        self.id = self.ledger.submit(make_order(self.job), "me")[0].id
        self.runner = JobRunner(
            self.ledger, self.sent, lambda on_stage, on_sheltered: self.evaluator, doubles.make_worker(*queues),
            observer=self.heard, in_one_go=in_one_go,
        )  # fmt: skip

    def work(self, station: Station = Station.TRACE) -> JobView:
        self.runner.work(self.id, station)
        view = self.ledger.view([self.id])[0]
        assert view is not None
        return view


def test_a_job_passes_its_stations_and_is_answered() -> None:
    bench = Bench(hand_over, doubles.report_on)
    assert bench.work().station is Station.REPLAY
    assert bench.sent == [("replay", bench.id)]
    assert bench.work(Station.REPLAY).answer == doubles.report_on(bench.job)
    assert bench.heard.endings == [Ending.ADVANCED, Ending.ANSWERED]


def test_a_worker_that_serves_both_stations_keeps_the_job() -> None:
    bench = Bench(hand_over, doubles.report_on, queues=(queue_of(Station.TRACE), queue_of(Station.REPLAY)))
    assert bench.work().answer == doubles.report_on(bench.job)
    assert (bench.sent, bench.heard.endings) == ([], [Ending.KEPT, Ending.ANSWERED])


def test_a_worker_that_is_told_to_end_sends_the_job_on() -> None:
    def hand_over_late(*arguments: object) -> object:
        bench.runner.abandon()
        return hand_over(*arguments)

    bench = Bench(hand_over_late, queues=(queue_of(Station.TRACE), queue_of(Station.REPLAY)))
    assert bench.work().station is Station.REPLAY
    assert bench.sent == [("replay", bench.id)]


def test_an_embedded_worker_does_both_halves_in_one_go() -> None:
    bench = Bench(doubles.report_on, in_one_go=True)
    assert bench.work().state is JobState.DONE
    assert bench.evaluator.calls == ["evaluate"]


def test_a_message_of_a_job_that_is_done_does_nothing() -> None:
    bench = Bench(doubles.report_on)
    bench.work()
    bench.work()
    assert bench.evaluator.calls == ["trace"]


@pytest.mark.parametrize("deed", [doubles.lose, doubles.refuse, doubles.fail])
def test_what_our_machinery_loses_is_given_back_and_in_the_end_answered_with_the_reason(
    deed: Callable[..., Any],
) -> None:
    bench = Bench(deed)
    for attempt in range(1, MAX_ATTEMPTS):
        assert (bench.work().state, len(bench.sent)) == (JobState.QUEUED, attempt)
    answer = bench.work().answer
    assert isinstance(answer, Refused)
    assert any(words in answer.message for words in ("was killed", "bubblewrap is missing", "a bug of ours"))
    assert bench.heard.endings == [Ending.LOST] * (MAX_ATTEMPTS - 1) + [Ending.ANSWERED]


def test_a_report_that_only_says_that_we_failed_is_no_verdict() -> None:
    bench = Bench(lambda job: doubles.report_on(job, Outcome.INFRASTRUCTURE), doubles.report_on)
    assert bench.work().state is JobState.QUEUED
    assert bench.work().answer == doubles.report_on(bench.job)


def test_what_is_stopped_goes_back_and_does_not_count() -> None:
    bench = Bench(doubles.stop)
    view = bench.work()
    assert (view.state, view.attempts, len(bench.sent)) == (JobState.QUEUED, 0, 1)
    assert bench.heard.endings == [Ending.GIVEN_BACK]


def test_an_answer_is_kept_while_the_ledger_is_away() -> None:
    bench = Bench(doubles.report_on)
    bench.ledger.away = {"claim": 2, "settle": 3}
    assert bench.work().answer == doubles.report_on(bench.job)
    assert bench.heard.troubles == ["the ledger is away"] * 2, "said once each"


def test_an_answer_is_given_up_in_the_end_and_the_job_is_free_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_PATIENCE_S", 0.1)
    bench = Bench(doubles.report_on)
    bench.ledger.away = {"settle": 1000}
    before = bench.runner.worker
    assert bench.work().state is JobState.RUNNING
    assert bench.heard.endings == [Ending.GIVEN_UP]
    assert bench.runner.worker != before, "the janitor sees that the one who has the job does not beat any more"


def test_what_a_full_ledger_does_not_take_for_the_next_station_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANDOVER_PATIENCE_S", 0.1)
    bench = Bench(hand_over, doubles.report_on)
    bench.ledger.away = {"advance": 1000}
    assert bench.work().answer == doubles.report_on(bench.job)
    assert (bench.evaluator.calls, bench.heard.endings) == (["trace", "replay"], [Ending.ANSWERED])
    assert bench.sent == []


def test_a_claim_whose_reply_was_lost_is_free_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(doubles.report_on)
    bench.ledger.away = {"claim's reply": 1}
    before = bench.runner.worker
    bench.work()
    assert bench.evaluator.calls == []
    assert bench.runner.worker != before


def test_a_runner_that_was_told_to_end_takes_nothing() -> None:
    bench = Bench(doubles.report_on)
    bench.runner.abandon()
    assert not bench.runner.work(bench.id, Station.TRACE)
    assert bench.evaluator.calls == []


def test_work_is_stopped_as_soon_as_nobody_wants_it() -> None:
    bench = Bench(doubles.report_on)

    def cancelled(job: object) -> object:
        bench.ledger.cancel(bench.id, "me")
        while not bench.evaluator.stops:
            pass
        return doubles.stop(bench.job)

    bench.evaluator.deeds = [cancelled]  # type: ignore[list-item]
    bench.runner.start()
    assert bench.work().state is JobState.CANCELLED
    bench.runner.close()
    assert bench.evaluator.closed
    assert bench.sent == []


@pytest.mark.parametrize(("ordered", "answered"), [("driver 1", False), ("driver 2", True), ("", True)])
def test_a_worker_answers_no_question_about_another_driver(ordered: str, answered: bool) -> None:
    ledger, task = FlakyLedger(), make_job().model_copy(update={"config": EvalConfig(device="cuda")})
    order = make_order(task).model_copy(update={"gpu": ordered})
    id = ledger.submit(order, "me")[0].id
    queues = queue_of(Station.TRACE), queue_of(Station.MEASURE, task.config.target)
    worker = doubles.make_worker(*queues).model_copy(update={"gpu": "driver 2"})
    evaluator, heard = Obedient(hand_over, doubles.report_on), Heard()
    runner = JobRunner(ledger, Sent(), lambda on_stage, on_sheltered: evaluator, worker, observer=heard)
    runner.work(id, Station.TRACE)
    runner.work(id, Station.MEASURE)
    view = ledger.view([id])[0]
    assert view is not None
    assert (view.answer is not None) is answered
    assert heard.endings[-1] is (Ending.ANSWERED if answered else Ending.LOST)

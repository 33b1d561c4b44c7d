"""What every ledger promises, the one in memory and the one in Redis alike."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kernelgym.evaluators.messages import Refusal, Refused
from kernelgym.serving.errors import TooBusy
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import MAX_ATTEMPTS, Claim, JobState, Priority, WorkerView
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.routing import Station, queue_for, queue_of
from kernelgym.serving.telemetry.durations import histograms
from sandboxes.contracts import Outcome
from tests.kernelgym.serving.ledger.conftest import AnyLedger as Ledger
from tests.kernelgym.serving.ledger.conftest import OpenLedger
from tests.kernelgym.serving.ledger.orders import finished, inquiry, order, refused

UNKNOWN = "0" * 64


def submitted(ledger: Ledger, number: int = 0, waiter: str = "me") -> str:
    return ledger.submit(order(number), waiter)[0].id


def claimed(ledger: Ledger, number: int = 0, station: Station = Station.TRACE) -> Claim:
    claim = ledger.claim(submitted(ledger, number), station, "worker")
    assert claim is not None
    return claim


def state(ledger: Ledger, id: str) -> JobState | None:
    view = ledger.view([id])[0]
    return None if view is None else view.state


def worker(id: str = "worker", *queues: str) -> WorkerView:
    return WorkerView(id=id, host="here", pid=1, queues=queues, versions={})


def test_a_job_passes_its_stations_and_ends_with_its_answer(ledger: Ledger) -> None:
    asked = order(request_id="r-1")
    view, send = ledger.submit(asked, "me")
    assert (view.id, view.state, view.station, view.cached, send) == (
        job_id(asked.task),
        JobState.QUEUED,
        Station.TRACE,
        False,
        True,
    )
    claim = ledger.claim(view.id, Station.TRACE, "worker")
    assert claim is not None
    assert (claim.task, claim.attempt, claim.request_id, claim.timings_s) == (asked.task, 1, "r-1", {})
    assert ledger.view([view.id])[0].state is JobState.RUNNING  # type: ignore[union-attr]
    assert ledger.note(view.id, claim.token, "trace")
    assert ledger.advance(view.id, claim.token, Station.REPLAY, b"\0bundle\xff", {"trace": 1.5})
    assert ledger.claim(view.id, Station.TRACE, "worker") is None
    claim = ledger.claim(view.id, Station.REPLAY, "another")
    assert claim is not None
    assert claim.timings_s == {"trace": 1.5}
    assert claim.waited_s >= 0
    assert ledger.bundle(view.id) == b"\0bundle\xff"
    assert ledger.settle(view.id, claim.token, finished(), {"verify": 0.5})
    after = ledger.view([view.id])[0]
    assert after is not None
    assert (after.state, after.station, after.answer, after.request_id) == (JobState.DONE, None, finished(), "r-1")
    assert ledger.bundle(view.id) is None
    (verdict,) = ledger.verdicts(10)
    assert (verdict.id, verdict.problem, verdict.kind, verdict.outcome) == (view.id, "core/softmax", "job", "incorrect")
    assert (verdict.worker, verdict.work_s, verdict.request_id, verdict.attempts) == ("another", 2.0, "r-1", 1)


def test_what_is_known_is_answered_at_once(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.settle(claim.id, claim.token, finished("the answer"), {})
    view, send = ledger.submit(order(), "somebody else")
    assert (view.state, view.cached, view.answer, send) == (JobState.DONE, True, finished("the answer"), False)
    assert not ledger.view([claim.id])[0].cached  # type: ignore[union-attr]


def test_equal_requests_are_computed_once(ledger: Ledger) -> None:
    first = ledger.submit(order(), "me")
    second = ledger.submit(order(request_id="other"), "you")
    assert first[0].id == second[0].id
    assert [first[1], second[1]] == [True, False]
    assert second[0].request_id == "request"
    assert len(ledger.open_jobs()) == 1
    assert ledger.overview().counters["joined"] == 1


def test_who_joins_with_more_urgency_moves_the_job_ahead_and_sends_it_once_more(ledger: Ledger) -> None:
    id = submitted(ledger)
    ledger.sending(id)
    assert ledger.submit(order(priority=Priority.INTERACTIVE), "you")[1]
    (job,) = ledger.open_jobs()
    assert (job.priority, job.sequence) == (Priority.INTERACTIVE, 0)
    assert not ledger.submit(order(priority=Priority.BATCH), "another")[1]
    claim = ledger.claim(id, Station.TRACE, "worker")
    assert claim is not None
    assert claim.priority is Priority.INTERACTIVE


def test_who_joins_a_running_job_with_more_urgency_has_nothing_to_send(ledger: Ledger) -> None:
    claim = claimed(ledger)
    assert not ledger.submit(order(priority=Priority.INTERACTIVE), "you")[1]
    moved = ledger.advance(claim.id, claim.token, Station.REPLAY, b"", {})
    assert moved is ledger.open_jobs()[0].priority is Priority.INTERACTIVE
    claim = ledger.claim(claim.id, Station.REPLAY, "worker")
    assert claim is not None
    assert ledger.release(claim.id, claim.token, lost=True) is Priority.INTERACTIVE


def test_one_of_many_gets_a_job(ledger: Ledger) -> None:
    ids = [submitted(ledger, number) for number in range(5)]

    def take(name: int) -> int:
        return sum(ledger.claim(id, Station.TRACE, str(name)) is not None for id in ids)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == len(ids)


def test_the_first_answer_wins_and_the_second_is_counted(ledger: Ledger) -> None:
    claim = claimed(ledger)

    def settle(number: int) -> bool:
        return ledger.settle(claim.id, claim.token, finished(str(number)), {})

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(settle, range(16)))
    assert won.count(True) == 1
    assert ledger.view([claim.id])[0].answer == finished(str(won.index(True)))  # type: ignore[union-attr]
    counters = ledger.overview().counters
    assert (counters["computed"], counters["discarded"], counters["outcome:incorrect"]) == (1, 15, 1)
    assert len(ledger.verdicts(100)) == 1


def test_a_stale_holder_moves_nothing_but_may_answer_first(ledger: Ledger) -> None:
    stale = claimed(ledger)
    assert ledger.release(stale.id, stale.token, lost=True)
    present = ledger.claim(stale.id, Station.TRACE, "another")
    assert present is not None
    assert (present.attempt, present.token != stale.token) == (2, True)
    assert not ledger.note(stale.id, stale.token, "trace")
    assert not ledger.advance(stale.id, stale.token, Station.REPLAY, b"", {})
    assert not ledger.release(stale.id, stale.token, lost=True)
    assert not ledger.settle(stale.id, stale.token, refused(), {})
    assert ledger.settle(stale.id, stale.token, finished("stale"), {})
    assert not ledger.settle(stale.id, present.token, finished("present"), {})
    assert ledger.view([stale.id])[0].answer == finished("stale")  # type: ignore[union-attr]


def test_a_job_that_loses_its_workers_is_quarantined_and_begins_again_for_somebody_new(ledger: Ledger) -> None:
    id = submitted(ledger)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claim = ledger.claim(id, Station.TRACE, "worker")
        assert claim is not None
        assert claim.attempt == attempt
        assert ledger.release(id, claim.token, lost=True)
    assert ledger.claim(id, Station.TRACE, "worker") is None
    view = ledger.view([id])[0]
    assert view is not None
    assert isinstance(view.answer, Refused)
    assert view.answer.why is Refusal.INFRASTRUCTURE
    counters = ledger.overview().counters
    assert (counters["quarantined"], counters["retried"]) == (1, MAX_ATTEMPTS)
    again, send = ledger.submit(order(), "somebody new")
    assert (again.state, again.attempts, send) == (JobState.QUEUED, 0, True)


def test_a_worker_that_gives_a_job_back_costs_it_no_attempt(ledger: Ledger) -> None:
    id = submitted(ledger)
    for _ in range(MAX_ATTEMPTS + 2):
        claim = ledger.claim(id, Station.TRACE, "worker")
        assert claim is not None
        assert claim.attempt == 1
        assert ledger.release(id, claim.token, lost=False)


def test_attempts_count_at_each_station_anew(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.release(claim.id, claim.token, lost=True)
    second = ledger.claim(claim.id, Station.TRACE, "worker")
    assert second is not None
    ledger.advance(claim.id, second.token, Station.REPLAY, b"", {})
    third = ledger.claim(claim.id, Station.REPLAY, "worker")
    assert third is not None
    assert third.attempt == 1


def test_a_job_can_not_be_sent_to_a_station_that_it_never_passes(ledger: Ledger) -> None:
    id = ledger.submit(inquiry(), "me")[0].id
    claim = ledger.claim(id, Station.TRACE, "worker")
    assert claim is not None
    with pytest.raises(ValueError, match="never passes the station replay"):
        ledger.advance(id, claim.token, Station.REPLAY, b"", {})


@pytest.mark.parametrize("answer", [refused(), finished(outcome=Outcome.INFRASTRUCTURE)])
def test_infrastructure_is_no_answer_to_somebody_new(ledger: Ledger, answer: Refused) -> None:
    claim = claimed(ledger)
    ledger.settle(claim.id, claim.token, answer, {})
    assert ledger.view([claim.id])[0].answer == answer  # type: ignore[union-attr]
    assert ledger.submit(order(), "somebody new")[1]
    assert state(ledger, claim.id) is JobState.QUEUED


def test_a_callers_own_mistake_is_an_answer(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.settle(claim.id, claim.token, refused(Refusal.CONFIG), {})
    assert ledger.submit(order(), "somebody new")[0].cached


def test_the_keeper_answers_without_a_token(ledger: Ledger) -> None:
    id = submitted(ledger)
    assert ledger.settle(id, None, refused(), {})
    assert not ledger.settle(id, None, refused(), {})
    assert ledger.overview().counters["expired"] == 1


def test_a_job_is_cancelled_when_the_last_waiter_goes(ledger: Ledger) -> None:
    id = submitted(ledger, waiter="me")
    ledger.submit(order(), "you")
    claim = ledger.claim(id, Station.TRACE, "worker")
    assert claim is not None
    assert not ledger.cancel(id, "me")
    assert not ledger.cancel(id, "me")
    assert not ledger.cancel(id, "a stranger")
    assert ledger.note(id, claim.token, "trace")
    assert ledger.cancel(id, "you")
    assert not ledger.cancel(id, "you")
    assert state(ledger, id) is JobState.CANCELLED
    assert not ledger.note(id, claim.token, "trace")
    assert not ledger.settle(id, claim.token, finished(), {})
    assert ledger.open_jobs() == []
    assert ledger.submit(order(), "me")[1]


def test_one_job_too_many_is_refused_and_what_is_there_is_not(open_ledger: OpenLedger) -> None:
    ledger = open_ledger(max_open=2)
    claim = claimed(ledger, 0)
    ledger.settle(claim.id, claim.token, finished(), {})
    submitted(ledger, 1)
    second = submitted(ledger, 2)
    with pytest.raises(TooBusy, match="2 jobs are open and 2 may be"):
        ledger.submit(order(3), "me")
    assert ledger.submit(order(0), "me")[0].cached
    assert ledger.submit(order(2), "you")[0].id == second
    ledger.cancel(second, "me")
    ledger.cancel(second, "you")
    assert ledger.submit(order(3), "me")[1]


def test_many_orders_at_once_are_taken_as_they_are_one_by_one(ledger: Ledger) -> None:
    known = claimed(ledger, 0)
    ledger.settle(known.id, known.token, finished(), {})
    joined = submitted(ledger, 1, "you")
    hasty = order(1, priority=Priority.INTERACTIVE)
    rows = ledger.submit_many([order(0), hasty, *(order(number) for number in range(2, 100)), order(2)], "me")
    assert [view.id for view, _ in rows[:2]] == [known.id, joined]
    assert (rows[0][0].answer, rows[0][0].cached, rows[0][1]) == (finished(), True, False)
    assert [send for _, send in rows[1:]] == [True] * 99 + [False]
    assert [view.id for view, _ in rows[2:]] == [job_id(order(number).task) for number in (*range(2, 100), 2)]
    assert not ledger.cancel(joined, "you")
    assert ledger.cancel(joined, "me")
    assert len(ledger.open_jobs()) == 98
    counters = ledger.overview().counters
    assert (counters["submitted"], counters["hits"], counters["joined"]) == (103, 1, 2)
    assert ledger.submit_many([], "me") == []


@pytest.mark.parametrize("size", [2, 80])
def test_too_many_orders_at_once_are_all_refused_and_leave_nothing_behind(open_ledger: OpenLedger, size: int) -> None:
    ledger = open_ledger(max_open=2 * size)
    known = claimed(ledger, -1)
    ledger.settle(known.id, known.token, finished(), {})
    ledger.submit_many([order(number) for number in range(size)], "you")
    before = ledger.overview().counters
    asked = [order(number, priority=Priority.INTERACTIVE, deadline_s=3000) for number in range(-1, 2 * size)]
    with pytest.raises(TooBusy, match=rf"{size} jobs are open, {size + 1} more .* and {2 * size} may be.*fewer"):
        ledger.submit_many([*asked, order(2 * size), order(2 * size)], "me")
    assert ledger.overview().counters == before
    jobs = ledger.open_jobs()
    assert len(jobs) == size
    assert {job.priority for job in jobs} == {Priority.BATCH}
    assert max(ledger.deadlines([job.id for job in jobs]).values()) < 1000
    assert len(ledger.submit_many(asked, "me")) == 2 * size + 1
    assert len(ledger.open_jobs()) == 2 * size
    assert len(ledger.submit_many(asked, "somebody else")) == 2 * size + 1


def test_answers_beyond_the_limit_go_the_one_unused_for_longest_first(open_ledger: OpenLedger) -> None:
    ledger = open_ledger(max_answers=3)
    ids = []
    for number in range(3):
        claim = claimed(ledger, number)
        ledger.settle(claim.id, claim.token, finished(), {})
        ids.append(claim.id)
    ledger.submit(order(0), "me")
    claim = claimed(ledger, 3)
    ledger.settle(claim.id, claim.token, finished(), {})
    assert [state(ledger, id) for id in ids] == [JobState.DONE, None, JobState.DONE]
    assert ledger.overview().remembered == 3


def test_answers_grow_old(open_ledger: OpenLedger) -> None:
    ledger = open_ledger(answer_ttl_s=0.2, refusal_ttl_s=0.2)
    kept, passing = claimed(ledger, 0), claimed(ledger, 1)
    ledger.settle(kept.id, kept.token, finished(), {})
    ledger.settle(passing.id, passing.token, refused(), {})
    assert [state(ledger, kept.id), state(ledger, passing.id)] == [JobState.DONE] * 2
    deadline = time.monotonic() + 5
    while (state(ledger, kept.id) or state(ledger, passing.id)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ledger.view([kept.id, passing.id]) == [None, None]
    assert ledger.submit(order(0), "me")[1]


def test_who_waits_is_told_at_once(ledger: Ledger) -> None:
    claims = [claimed(ledger, number) for number in range(3)]
    ledger.wait([claims[1].id], 0.0)  # subscribed
    settled: list[float] = []

    def settle() -> None:
        settled.append(time.monotonic())
        ledger.settle(claims[1].id, claims[1].token, finished(), {})

    timer = threading.Timer(0.1, settle)
    timer.start()
    assert ledger.wait([claim.id for claim in claims], 10.0) == {claims[1].id}
    assert time.monotonic() - settled[0] < 0.5
    timer.join()


def test_who_waits_for_nothing_to_come_is_told_what_has_ended(ledger: Ledger) -> None:
    done, gone, open_one = claimed(ledger, 0), claimed(ledger, 1), claimed(ledger, 2)
    ledger.settle(done.id, done.token, finished(), {})
    ledger.cancel(gone.id, "me")
    assert ledger.wait([done.id, gone.id, open_one.id, UNKNOWN], 10.0) == {done.id, gone.id, UNKNOWN}
    assert ledger.wait([open_one.id], 0.05) == set()
    assert ledger.wait([], 10.0) == set()


def test_cancelling_wakes_who_waits(ledger: Ledger) -> None:
    id = submitted(ledger)
    timer = threading.Timer(0.1, ledger.cancel, (id, "me"))
    timer.start()
    assert ledger.wait([id], 10.0) == {id}
    timer.join()


def test_unknown_jobs_do_nothing(ledger: Ledger) -> None:
    assert ledger.view([UNKNOWN]) == [None]
    assert ledger.view([]) == []
    assert ledger.claim(UNKNOWN, Station.TRACE, "worker") is None
    assert ledger.bundle(UNKNOWN) is None
    assert not ledger.settle(UNKNOWN, None, finished(), {})
    assert not ledger.settle(UNKNOWN, "token", finished(), {})
    assert not ledger.release(UNKNOWN, "token", lost=True)
    assert not ledger.cancel(UNKNOWN, "me")
    assert ledger.sending(UNKNOWN) == 0
    assert ledger.deadlines([UNKNOWN]) == {}
    assert "discarded" not in ledger.overview().counters


def test_the_most_patient_waiter_decides_how_long_a_job_may_take(ledger: Ledger) -> None:
    id = ledger.submit(order(deadline_s=100), "me")[0].id
    ledger.submit(order(deadline_s=50), "you")
    assert ledger.deadlines([id])[id] == pytest.approx(100, abs=2)
    ledger.submit(order(deadline_s=300), "you")
    assert ledger.deadlines([id])[id] == pytest.approx(300, abs=2)
    ledger.cancel(id, "you")
    assert ledger.deadlines([id])[id] == pytest.approx(100, abs=2)


def test_many_messages_are_numbered_in_their_order_and_what_does_not_wait_has_none(ledger: Ledger) -> None:
    claim = claimed(ledger, 0)
    ids = [view.id for view, _ in ledger.submit_many([order(number) for number in range(1, 300)], "me")]
    assert ledger.sending_many([UNKNOWN, claim.id, *ids]) == [0, 0, *range(1, 300)]
    assert {job.id: job.sequence for job in ledger.open_jobs() if job.id != claim.id} == dict(
        zip(ids, range(1, 300), strict=True)
    )
    assert ledger.sending(ids[0]) == 300
    assert ledger.sending_many([]) == []


def test_messages_are_numbered_in_each_queue_and_priority(ledger: Ledger) -> None:
    ids = [submitted(ledger, number) for number in range(3)]
    urgent = ledger.submit(order(3, priority=Priority.INTERACTIVE), "me")[0].id
    queue = queue_for(order().task, Station.TRACE)
    assert [ledger.sending(id) for id in (*ids, urgent)] == [1, 2, 3, 1]
    assert ledger.overtaken(queue, Priority.BATCH) == 0
    ledger.claim(ids[1], Station.TRACE, "worker")
    assert ledger.overtaken(queue, Priority.BATCH) == 2
    assert ledger.overtaken(queue, Priority.INTERACTIVE) == 0
    assert ledger.sending(ids[1]) == 0
    assert ledger.sending(ids[0]) == 4
    ledger.claim(ids[2], Station.TRACE, "worker")
    ledger.claim(ids[0], Station.TRACE, "worker")
    assert ledger.overtaken(queue, Priority.BATCH) == 4
    assert {job.id: job.sequence for job in ledger.open_jobs()} == {ids[0]: 4, ids[1]: 2, ids[2]: 3, urgent: 1}


def test_open_jobs_tell_who_has_them(ledger: Ledger) -> None:
    claim = claimed(ledger, 0)
    waiting = submitted(ledger, 1)
    jobs = {job.id: job for job in ledger.open_jobs()}
    assert (jobs[claim.id].state, jobs[claim.id].worker, jobs[claim.id].token) == (
        JobState.RUNNING,
        "worker",
        claim.token,
    )
    assert (jobs[waiting].state, jobs[waiting].worker, jobs[waiting].token) == (JobState.QUEUED, "", "")
    assert jobs[waiting].queue == queue_for(order().task, Station.TRACE)
    ledger.settle(claim.id, claim.token, finished(), {})
    assert [job.id for job in ledger.open_jobs()] == [waiting]


def test_a_job_that_was_cancelled_and_comes_again_is_told_from_the_one_before(ledger: Ledger) -> None:
    view, _ = ledger.submit(order(), "me")
    (before,) = ledger.open_jobs()
    ledger.sending(view.id)
    assert ledger.open_jobs()[0].begun == before.begun
    ledger.cancel(view.id, "me")
    ledger.submit(order(), "me")
    (after,) = ledger.open_jobs()
    assert (after.id, after.begun != before.begun) == (view.id, True)


def test_beats_of_workers_grow_until_they_leave(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.beat(worker("one"))
    ledger.beat(worker("two"))
    assert ledger.beats() == {"one": 3, "two": 1}
    assert [(view.id, view.beat) for view in ledger.overview().workers] == [("one", 3), ("two", 1)]
    ledger.leave("one")
    ledger.forget_worker("two")
    assert ledger.beats() == {}
    assert ledger.overview().workers == ()


def test_a_queue_counts_as_served_while_its_worker_restarts(ledger: Ledger) -> None:
    queue = queue_of(Station.MEASURE, "h100")
    assert not ledger.served(queue)
    ledger.beat(worker("one", queue))
    ledger.leave("one")
    assert ledger.served(queue)
    assert not ledger.served(queue_of(Station.MEASURE, "h200"))


def test_the_overview_counts_what_waits_and_runs(ledger: Ledger) -> None:
    trace, replay = (queue_for(order().task, station) for station in (Station.TRACE, Station.REPLAY))
    ledger.beat(worker("one", trace, replay))
    ledger.beat(worker("two", trace))
    for number in range(3):
        submitted(ledger, number)
    ledger.submit(order(3, priority=Priority.INTERACTIVE), "me")
    claimed(ledger, 4)
    queues = {queue.name: queue for queue in ledger.overview().queues}
    assert queues[trace].waiting == {Priority.BATCH: 3, Priority.INTERACTIVE: 1}
    assert (queues[trace].running, queues[trace].workers) == (1, 2)
    assert queues[trace].oldest_s is not None
    assert 0 <= queues[trace].oldest_s < 60
    assert (queues[replay].running, queues[replay].workers, queues[replay].oldest_s) == (0, 1, None)


def test_verdicts_are_the_newest_first_and_bounded(open_ledger: OpenLedger) -> None:
    ledger = open_ledger(max_verdicts=3)
    ids = []
    for number in range(5):
        claim = claimed(ledger, number)
        ledger.settle(claim.id, claim.token, finished(), {})
        ids.insert(0, claim.id)
    assert [verdict.id for verdict in ledger.verdicts(10)] == ids[:3]
    assert [verdict.id for verdict in ledger.verdicts(2)] == ids[:2]
    assert [verdict.id for verdict in ledger.overview(1).recent] == ids[:1]
    assert ledger.verdicts(0) == []


def test_an_answers_durations_count_once(ledger: Ledger) -> None:
    claim = claimed(ledger)
    ledger.advance(claim.id, claim.token, Station.REPLAY, b"", {"trace": 2.0, "broken": math.nan})
    claim = claimed(ledger, station=Station.REPLAY)
    assert ledger.settle(claim.id, claim.token, finished(), {"verify": 3.0, "broken": math.inf})
    assert not ledger.settle(claim.id, claim.token, finished(), {"verify": 3.0})
    found = histograms(ledger.overview().counters)
    assert (found["work"].count, found["work"].sum_s) == (1, 5.0)
    assert (found["total"].count, found["wait"].count) == (1, 1)
    assert ledger.verdicts(1)[0].work_s == 5.0


@pytest.mark.parametrize("limits", [{"max_open": 0}, {"max_answers": -1}, {"answer_ttl_s": math.nan}])
def test_a_ledger_that_could_keep_nothing_is_not_made(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(limits))} is .*; it has to be at least"):
        Bounds(**limits)  # type: ignore[arg-type]


def test_a_key_keeps_its_first_digest(ledger: Ledger) -> None:
    assert ledger.once("key", "first") == "first"
    assert ledger.once("key", "second") == "first"
    assert ledger.once("key 2", "second") == "second"


def test_one_leads_until_its_term_is_over(ledger: Ledger) -> None:
    assert ledger.lead("one", 0.1)
    assert ledger.lead("one", 0.1)
    assert not ledger.lead("two", 0.1)
    deadline = time.monotonic() + 5
    while not ledger.lead("two", 60) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not ledger.lead("one", 60)

"""Messages may be lost, doubled, late, or not for this worker; a job is evaluated once."""

import time

import pytest

from kernelgym.serving.jobs import Priority
from kernelgym.serving.routing import Station, queue_of
from tests.kernelgym.serving.faults.service import Service, until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

FOUND_S = 8.0
"""Bound: 3 s until a message counts as lost, two looks, and the way through the queue."""


def lose_messages(service: Service) -> None:
    """Deletes every list of the broker's queues."""
    client = service.redis.client()
    for station in (Station.TRACE, Station.REPLAY):
        client.delete(queue_of(station), f"{queue_of(station)}:1")
    client.close()


def sequence(service: Service, id: str) -> int:
    """Returns the number of a job's newest message."""
    return next((job.sequence for job in service.ledger.open_jobs() if job.id == id), 0)


def test_a_message_that_is_delivered_five_times_is_one_evaluation(service: Service) -> None:
    service.worker(processes=3)
    job = service.job("doubled", pause_s={"trace": 0.5, "replay": 0.5})
    id = service.submit(job)
    for station in (Station.TRACE, Station.REPLAY):
        for _ in range(5):
            service.send(job, station)
    assert len(service.verdicts([id], 10.0)) == 1
    for _ in range(5):
        service.send(job, Station.REPLAY)
    later = service.submit(service.job("later"))
    assert len(service.verdicts([later], 10.0)) == 1
    assert [line[0] for line in service.began()] == ["trace", "replay", "trace", "replay"]


def test_jobs_whose_messages_are_lost_are_sent_again_in_time(service: Service) -> None:
    ids = [service.submit(service.job(f"lost {number}")) for number in range(10)]
    lose_messages(service)
    service.worker(processes=2)
    assert len(service.verdicts(ids, FOUND_S)) == 10
    assert len(service.began()) == 20


def test_a_message_lost_among_others_is_noticed_when_others_pass_its_job(service: Service) -> None:
    lost = service.submit(service.job("lost"))
    lose_messages(service)
    others = [service.submit(service.job(f"other {number}", pause_s={"replay": 0.5})) for number in range(20)]
    service.worker(processes=2)
    until(lambda: sequence(service, lost) > 1, FOUND_S, "it is sent again")
    waiting = [id for id in others if (view := service.view(id)) is not None and view.answer is None]
    assert waiting, "its queue was not empty"
    assert len(service.verdicts([lost, *others], 20.0)) == 21
    assert len(service.began()) == 42


def test_workers_of_two_versions_share_a_broker_and_each_takes_its_own_jobs(service: Service) -> None:
    service.worker(code="another")
    id = service.submit(service.job("ours"))
    time.sleep(2.0)  # the other version's worker has every chance to take it
    view = service.view(id)
    assert view is not None
    assert view.attempts == 0
    service.worker()
    assert len(service.verdicts([id], FOUND_S)) == 1
    versions = {worker.versions["code"] for worker in service.workers()}
    assert len(versions) == 2


def test_what_is_urgent_goes_first(service: Service) -> None:
    batch = [service.submit(service.job(f"batch {number}", pause_s={"trace": 0.3})) for number in range(12)]
    service.worker()
    until(lambda: service.began(), 10.0, "work begins")
    urgent = service.submit(service.job("urgent"), Priority.INTERACTIVE)
    assert len(service.verdicts([urgent], 6.0)) == 1
    done = [id for id in batch if (view := service.view(id)) is not None and view.answer is not None]
    assert len(done) <= 2

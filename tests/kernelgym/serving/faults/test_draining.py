"""Workers end when they are told to: what runs is finished, or given back."""

import signal
import time

import pytest

from tests.kernelgym.serving.faults.service import Service, alive, until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_a_worker_that_is_told_to_end_finishes_what_runs_and_takes_nothing_new(service: Service) -> None:
    host = service.worker(processes=2)
    running = [service.submit(service.job(f"running {n}", pause_s={"trace": 3.0})) for n in range(2)]
    until(lambda: len(service.began()) == 2, 10.0, "both run")
    waiting = service.submit(service.job("waiting"))
    everything = host.everything()
    host.process.send_signal(signal.SIGTERM)
    until(lambda: any(worker.draining for worker in service.workers()), 3.0, "it says that it drains")
    assert host.process.wait(timeout=10.0) == 0
    assert [line[0] for line in service.began()] == ["trace", "trace"]
    assert not [pid for pid in everything if alive(pid)]
    assert service.workers() == []
    assert not list(service.folder.glob("kernelgym-*"))
    service.worker(processes=2)
    assert len(service.verdicts([*running, waiting], 10.0)) == 3
    assert len(service.began()) == 6


def test_what_does_not_end_in_time_is_given_back_without_counting_as_an_attempt(service: Service) -> None:
    host = service.worker(drain_s=1.0)
    id = service.submit(service.job("long", pause_s={"replay": 8.0}))
    service.busy_with(id, "replay")
    began_s = time.monotonic()
    assert host.end(within_s=8.0) == 0
    assert time.monotonic() - began_s < 5.0
    view = service.view(id)
    assert view is not None
    assert (view.state, view.attempts) == ("queued", 0)
    service.worker()
    assert len(service.verdicts([id], 20.0)) == 1


def test_a_second_signal_gives_back_what_runs_at_once(service: Service) -> None:
    host = service.worker(drain_s=60.0)
    id = service.submit(service.job("long", pause_s={"replay": 5.0}))
    service.busy_with(id, "replay")
    host.process.send_signal(signal.SIGTERM)
    until(lambda: any(worker.draining for worker in service.workers()), 3.0, "it drains")
    began_s = time.monotonic()
    assert host.end(within_s=8.0) == 0
    assert time.monotonic() - began_s < 4.0
    view = service.view(id)
    assert view is not None
    assert (view.state, view.attempts) == ("queued", 0)


def test_a_worker_without_a_broker_ends_all_the_same(service: Service) -> None:
    host = service.worker(drain_s=1.0)
    id = service.submit(service.job("long", pause_s={"replay": 30.0}))
    service.busy_with(id, "replay")
    everything = host.everything()
    service.redis.kill()
    host.end(within_s=25.0)
    until(lambda: not [pid for pid in everything if alive(pid)], 3.0, "nothing is left")

"""A worker that vanishes or stands still costs a few seconds, never a job."""

import os
import signal
from functools import partial

import pytest

from kernelgym.evaluators.messages import Refusal, Refused
from kernelgym.serving.jobs import MAX_ATTEMPTS
from tests.kernelgym.serving.faults.service import Service, alive, until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

FOUND_S = 12.0
"""Bound: a lease of 6 s, two looks of the janitor, a beat and the way through the queue."""

KNOWN_S = 3.0
"""Bound where only a process of a worker has ended: its family looks every half a second; less than a lease."""

STAGES = ("trace", "verify", "compile", "replay", "profile")


def words_of(service: Service, stage: str, pause_s: float = 2.0) -> str:
    return f"verdict of {service.job(stage, pause_s={stage: pause_s}).submission.digest[:8]}"


def retried(service: Service, times: int) -> bool:
    return service.counters().get("retried", 0) == times


def test_a_job_whose_worker_is_killed_in_whatever_stage_is_with_another_one_at_once(
    service: Service,
) -> None:
    service.worker(processes=6)
    ids = [service.submit(service.job(stage, pause_s={stage: 4.0})) for stage in STAGES]
    for number, (id, stage) in enumerate(zip(ids, STAGES, strict=True), start=1):
        os.kill(service.busy_with(id, stage).pid, signal.SIGKILL)
        until(partial(retried, service, number), KNOWN_S, "its family has seen it, before the lease has passed")
    assert service.verdicts(ids, FOUND_S + 5.0) == [words_of(service, stage, 4.0) for stage in STAGES]
    assert service.counters()["retried"] == len(STAGES)
    assert service.counters()["computed"] == len(STAGES)


def test_an_evaluators_process_that_is_killed_in_whatever_stage_changes_no_verdict(service: Service) -> None:
    service.worker(processes=5)
    ids = [service.submit(service.job(stage, pause_s={stage: 2.0})) for stage in STAGES]
    for id, stage in zip(ids, STAGES, strict=True):
        worker = service.busy_with(id, stage)
        inner = [int(line[2]) for line in service.began() if int(line[1]) == worker.pid]
        os.kill(inner[-1], signal.SIGKILL)
    assert service.verdicts(ids, 20.0) == [words_of(service, stage) for stage in STAGES]
    assert service.counters()["computed"] == len(STAGES)


def test_nothing_below_a_worker_survives_its_sigkill_and_the_next_worker_has_its_jobs(service: Service) -> None:
    host = service.worker(processes=2)
    ids = [service.submit(service.job(stage, pause_s={stage: 2.0})) for stage in ("verify", "replay")]
    service.busy_with(ids[1], "replay")
    everything = host.everything()
    assert len(everything) >= 6  # parent, janitor, two processes, two evaluators
    host.process.kill()
    host.process.wait()
    until(lambda: not [pid for pid in everything if alive(pid)], 5.0, f"the end of {everything}")
    service.worker(processes=2, ready=False)
    assert service.verdicts(ids, FOUND_S + 6.0) == [words_of(service, stage) for stage in ("verify", "replay")]
    folders = list(service.folder.glob("kernelgym-host-*"))
    assert len(folders) == 1, "the next worker removes what was left"


def test_a_worker_that_is_halted_loses_its_job_and_what_it_says_afterwards_is_not_counted(service: Service) -> None:
    service.worker(processes=2)
    id = service.submit(service.job("replay", pause_s={"replay": 2.0}))
    halted = service.busy_with(id, "replay").pid
    os.kill(halted, signal.SIGSTOP)
    try:
        assert service.verdicts([id], FOUND_S + 3.0) == [words_of(service, "replay")]
    finally:
        os.kill(halted, signal.SIGCONT)
    until(lambda: halted in {worker.pid for worker in service.workers()}, 10.0, "the halted worker is back")
    assert service.submit(service.job("replay", pause_s={"replay": 2.0})) == id
    assert service.counters()["computed"] == 1
    after = service.submit(service.job("after"))
    assert len(service.verdicts([after], 10.0)) == 1


def test_an_evaluator_that_hangs_ends_at_the_deadline_and_its_worker_goes_on(service: Service) -> None:
    service.worker()
    id = service.submit(service.job("hang", pause_s={"replay": 60.0}), deadline_s=3.0)
    service.busy_with(id, "replay")
    os.kill(int(service.began()[-1][2]), signal.SIGSTOP)
    answer = service.answer(id, 3.0 + 4.0)
    assert isinstance(answer, Refused)
    assert answer.why is Refusal.INFRASTRUCTURE
    assert "no answer within the 3 s" in answer.message
    assert len(service.verdicts([service.submit(service.job("after"))], 8.0)) == 1


def test_a_job_that_takes_its_worker_along_each_time_is_quarantined_while_others_pass(service: Service) -> None:
    service.worker(processes=2)
    poison = service.submit(service.job("poison", kill="replay"))
    others = [service.submit(service.job(f"other {number}", pause_s={"replay": 0.2})) for number in range(20)]
    assert len(service.verdicts(others, 20.0)) == 20
    answer = service.answer(poison, MAX_ATTEMPTS * FOUND_S)
    assert isinstance(answer, Refused)
    assert answer.why is Refusal.INFRASTRUCTURE
    began = [line for line in service.began() if line[0] == "replay"]
    assert len(began) == 20 + MAX_ATTEMPTS
    assert service.counters()["quarantined"] == 1
    until(lambda: len(service.workers()) == 2, 15.0, "every process that died was replaced")

"""A worker that vanishes costs a few seconds, never a job."""

import os
import signal
import time

import pytest

from tests.kernelgym.serving.faults.service import Service

pytestmark = [pytest.mark.broker, pytest.mark.slow]

FOUND_S = 12.0
"""Bound: a lease of 6 s, two looks of the janitor, a beat and the way through the queue."""


@pytest.mark.parametrize("stage", ["trace", "verify", "compile", "replay", "profile"])
def test_a_job_whose_worker_is_killed_in_any_stage_is_done_by_another_one_within_the_lease(
    service: Service, stage: str
) -> None:
    service.worker(processes=2)
    job = service.job("victim", pause_s={stage: 2.0})
    id = service.submit(job)
    victim = service.busy_with(stage)
    os.kill(victim.pid, signal.SIGKILL)
    began_s = time.monotonic()
    words = service.verdicts([id], FOUND_S + 4.0)
    print(f"{stage}: {time.monotonic() - began_s:.1f} s")
    assert words == [f"verdict of {job.submission.digest[:8]}"]
    assert service.counters()["retried"] == 1
    assert service.counters()["computed"] == 1

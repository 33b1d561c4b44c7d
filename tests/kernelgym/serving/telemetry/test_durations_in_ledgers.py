"""Histograms are counters of the ledger: each answer counts once, whoever asks, in the bucket that Python names."""

import pytest

from kernelgym.evaluators.messages import Finished, Job, Refusal, Refused
from kernelgym.serving.jobs import Order, Priority
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import Station
from kernelgym.serving.telemetry.durations import BOUNDS_S, histograms, increments
from sandboxes.contracts import EvalConfig, Reference, Submission
from tests.kernelgym.serving.redis_server import RedisServer
from tests.reports import ok_report

pytestmark = pytest.mark.broker


def settled(ledger: RedisLedger, number: int, timings_s: dict[str, float]) -> str:
    task = Job(
        submission=Submission(source=f"x = {number}"), reference=Reference(id="core/x", source=""), config=EvalConfig()
    )
    view, _ = ledger.submit(Order(task=task, priority=Priority.BATCH, request_id="r"), "me")
    claim = ledger.claim(view.id, Station.TRACE, "w")
    assert claim is not None
    report = ok_report().model_copy(update={"timings_s": timings_s})
    assert ledger.settle(view.id, claim.token, Finished(report=report), {"trace": 0.01})
    return view.id


def test_each_answer_counts_once_in_the_bucket_that_python_names(redis_server: RedisServer) -> None:
    ledger = RedisLedger(redis_server.url)
    durations = [0.0, *BOUNDS_S, 1234.5, 0.0500001]
    for number, seconds in enumerate(durations):
        id = settled(ledger, number, {"trace": seconds, "made up": 1.0})
        ledger.settle(id, None, Refused(why=Refusal.INFRASTRUCTURE, message="late"), {})
    expected: dict[str, int] = {}
    for seconds in durations:
        for name, count in increments({"trace": seconds}).items():
            expected[name] = expected.get(name, 0) + count
    counters = ledger.overview().counters
    assert {name: count for name, count in counters.items() if name.startswith("seconds:trace:")} == expected
    found = histograms(counters)
    assert found["total"].count == found["work"].count == found["wait"].count == len(durations)
    assert abs(found["work"].sum_s - 0.01 * len(durations)) < 1e-6
    assert not any("made up" in name for name in counters)
    ledger.close()

"""Histograms are counters of the ledger: an answer counts once, in the bucket that Prometheus is told of."""

from kernelgym.evaluators.messages import Finished
from kernelgym.serving.routing import Station
from kernelgym.serving.telemetry.durations import BOUNDS_S, histograms, increments
from tests.kernelgym.serving.ledger.conftest import AnyLedger
from tests.kernelgym.serving.ledger.orders import order, refused
from tests.reports import ok_report


def settle(ledger: AnyLedger, number: int, timings_s: dict[str, float]) -> None:
    view, _ = ledger.submit(order(number), "me")
    claim = ledger.claim(view.id, Station.TRACE, "w")
    assert claim is not None
    answer = Finished(report=ok_report().model_copy(update={"timings_s": timings_s}))
    assert ledger.settle(view.id, claim.token, answer, {"trace": 0.01})
    assert not ledger.settle(view.id, None, refused(), {}), "a second answer counts nowhere"


def test_each_answer_counts_once_in_the_bucket_whose_bound_it_does_not_exceed(ledger: AnyLedger) -> None:
    durations = [0.0, *BOUNDS_S, 1234.5, 0.0500001]
    for number, seconds in enumerate(durations):
        settle(ledger, number, {"trace": seconds, "made up": 1.0})
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

from kernelgym.serving.telemetry.durations import BOUNDS_S, Histogram, histograms, increments, without_durations


def added(*answers: dict[str, float]) -> dict[str, int]:
    counters: dict[str, int] = {"submitted": 1}
    for durations in answers:
        for name, count in increments(durations).items():
            counters[name] = counters.get(name, 0) + count
    return counters


def test_a_duration_falls_into_the_bucket_whose_bound_it_does_not_exceed() -> None:
    found = histograms(added({"trace": 0.005}, {"trace": 0.0051}, {"trace": 1e6}))["trace"]
    assert found.counts[:2] == (1, 1)
    assert found.counts[-1] == 1
    assert found.count == 3
    assert abs(found.sum_s - 1_000_000.0101) < 1e-6


def test_names_that_a_worker_makes_up_and_times_that_are_none_are_not_counted() -> None:
    assert increments({"evil{}": 1.0, "trace": float("nan"), "verify": -1.0, "total": float("inf")}) == {}


def test_counters_for_people_have_no_buckets_among_them() -> None:
    assert without_durations(added({"trace": 0.1})) == {"submitted": 1}


def test_quantiles_are_within_the_bucket_that_holds_them() -> None:
    counts = [0] * (len(BOUNDS_S) + 1)
    counts[4], counts[7] = 90, 10
    histogram = Histogram(tuple(counts), 0.0)
    assert 0.05 < (histogram.quantile_s(0.5) or 0) <= 0.1
    assert 0.5 < (histogram.quantile_s(0.99) or 0) <= 1.0
    assert Histogram((0,) * len(counts), 0.0).quantile_s(0.5) is None
    counts[-1] = 1000
    assert Histogram(tuple(counts), 0.0).quantile_s(0.99) == BOUNDS_S[-1]

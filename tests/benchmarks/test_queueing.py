"""The model of the service agrees with what queueing theory knows exactly."""

import math
import random

import pytest

from benchmarks.queueing import URGENT, Arrival, Visit, at_once, mean, poisson, simulate


def test_one_exponential_server_is_as_slow_as_its_formula() -> None:
    arrivals = poisson(0.7, 20_000, lambda chance: (Visit("cpu", chance.expovariate(1.0)),), random.Random(1))
    course = simulate(arrivals, {"cpu": 1})
    assert mean(course.latencies_s()) == pytest.approx(1 / (1.0 - 0.7), rel=0.06)
    assert course.percentile_s(0.99) == pytest.approx(math.log(100) / (1.0 - 0.7), rel=0.12)  # it is exponential, too


def test_several_exponential_servers_are_as_slow_as_erlang_says() -> None:
    servers, load = 4, 2.4
    arrivals = poisson(load, 20_000, lambda chance: (Visit("cpu", chance.expovariate(1.0)),), random.Random(2))
    course = simulate(arrivals, {"cpu": servers})
    queued = load**servers / math.factorial(servers) * servers / (servers - load)
    waits = queued / (sum(load**n / math.factorial(n) for n in range(servers)) + queued)
    assert mean(course.latencies_s()) == pytest.approx(1 + waits / (servers - load), rel=0.06)


def test_one_steady_server_is_as_slow_as_its_formula() -> None:
    arrivals = poisson(0.8, 20_000, lambda chance: (Visit("cpu", 1.0),), random.Random(3))
    assert mean(simulate(arrivals, {"cpu": 1}).latencies_s()) == pytest.approx(1 + 0.8 / (2 * 0.2), rel=0.06)


@pytest.mark.parametrize(("jobs", "workers"), [(768, 5), (768, 768), (7, 3)])
def test_a_batch_of_equal_jobs_takes_whole_rounds(jobs: int, workers: int) -> None:
    course = simulate(at_once(jobs, lambda chance: (Visit("gpu", 2.0),), random.Random(0)), {"gpu": workers})
    assert course.ended_s == pytest.approx(2.0 * math.ceil(jobs / workers))
    assert course.busy_s["gpu"] == pytest.approx(2.0 * jobs)


def test_littles_law_holds_between_two_stations() -> None:
    visits = lambda chance: (Visit("cpu", chance.expovariate(2.0)), Visit("gpu", 0.4))  # noqa: E731 # as short as it is
    arrivals = poisson(1.5, 5_000, visits, random.Random(4))
    course = simulate(arrivals, {"cpu": 2, "gpu": 1})
    chance = random.Random(5)
    moments = [chance.uniform(0, course.ended_s) for _ in range(400)]
    inside = mean([sum(job.arrived_s <= moment < job.ended_s for job in course.answered) for moment in moments])
    assert inside == pytest.approx(1.5 * mean(course.latencies_s()), rel=0.1)


def test_who_is_urgent_waits_for_no_batch() -> None:
    batch = [Arrival(0.0, (Visit("gpu", 1.0),)) for _ in range(100)]
    urgent = [Arrival(10.5, (Visit("gpu", 1.0),), URGENT)]
    course = simulate([*batch, *urgent], {"gpu": 1})
    assert course.latencies_s(URGENT) == pytest.approx([1.5])
    assert course.ended_s == pytest.approx(101.0)


def test_what_a_visit_costs_beside_the_work_takes_no_worker() -> None:
    arrivals = at_once(10, lambda chance: (Visit("cpu", 1.0), Visit("cpu", 1.0)), random.Random(0))
    course = simulate(arrivals, {"cpu": 10}, overhead_s=0.25)
    assert course.latencies_s() == pytest.approx([2.5] * 10)
    assert course.busy_s["cpu"] == pytest.approx(20.0)

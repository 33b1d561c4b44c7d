import itertools

import numpy as np
import pytest

from sandboxes.contracts import Clocks
from sandboxes.devices.cuda.gpu import DeviceEvent
from sandboxes.devices.cuda.timing.agreement import busy_us, hidden_us, host_is_behind, profiler_disagrees
from tests.sandboxes.devices.cuda.scripted import noisy, sample


def test_measuring_ends_when_the_interval_is_narrow() -> None:
    quiet = sample(noisy(50, 0.001, 1), noisy(75, 0.001, 2))
    noisier = sample(noisy(50, 0.01, 1), noisy(75, 0.01, 2))
    assert quiet.narrow
    assert noisier.narrow
    assert quiet.number == 16 < noisier.number
    assert float(quiet.estimate.speedup) == pytest.approx(1.5, rel=0.005)


def test_measuring_ends_when_the_time_is_up() -> None:
    found = sample(noisy(2000, 0.2, 1), noisy(3000, 0.2, 2), time_s=0.5)
    assert not found.narrow
    assert found.elapsed_s <= 0.51


def test_what_takes_longer_than_the_time_still_has_an_interval() -> None:
    found = sample(noisy(2e6, 0.001, 1), noisy(2e6, 0.001, 2), time_s=0.5)
    assert found.number == 2
    assert 0 < float(found.estimate.low) < 1 < float(found.estimate.high) < float("inf")


def test_rounds_before_times_are_stable_do_not_count() -> None:
    cold = itertools.count(1)
    found = sample(lambda run, now: 50 * (1 + 2 * 0.7**run), lambda run, now: 75 + next(cold) * 1e-6)
    assert found.stable
    assert found.warm_up_rounds > 4
    assert float(found.rounds.candidate_us.max()) < 50 * 1.05


def test_warming_up_ends_also_if_times_never_settle() -> None:
    found = sample(lambda run, now: 50.0 * (1 + run), noisy(75, 0.001, 1), time_s=0.1)
    assert not found.stable
    assert found.warm_up_rounds <= 16


def test_a_side_that_is_fast_every_other_time_is_charged_for_both() -> None:
    found = sample(lambda run, now: 10.0 if run % 2 else 90.0, noisy(50, 0.001, 1))
    assert float(found.estimate.speedup) == pytest.approx(1.0, rel=0.01)


def test_a_clock_that_changes_while_measuring_changes_no_speedup() -> None:
    def state(now: float) -> float:
        return 1.3 if int(now * 200) % 3 == 0 else 1.0

    found = sample(lambda run, now: 40 * state(now), lambda run, now: 60 * state(now))
    assert float(found.estimate.low) == pytest.approx(1.5, rel=0.005)
    assert float(found.estimate.high) == pytest.approx(1.5, rel=0.005)


def test_reasons_to_throttle_are_remembered() -> None:
    reasons = iter([(), ("power",), *[()] * 1000])

    def clocks() -> Clocks:
        return Clocks(
            sm_mhz=1500, memory_mhz=2600, most_sm_mhz=1980, temperature_c=50, power_w=400, throttled=next(reasons)
        )

    found = sample(noisy(500, 0.02, 1), noisy(500, 0.02, 2), clocks=clocks)
    assert found.clocks is not None
    assert found.clocks.throttled == ("power",)


def test_both_orders_of_a_round_are_drawn() -> None:
    order: list[int] = []

    def note(which: int, time_us: float) -> float:
        order.append(which)
        return time_us

    sample(lambda run, now: note(0, 50.0), lambda run, now: note(1, 50.0))
    rounds = {tuple(order[start : start + 4]) for start in range(0, len(order), 4)}
    assert rounds == {(0, 1, 1, 0), (1, 0, 0, 1)}


def test_work_that_events_do_not_see_is_seen_by_the_host() -> None:
    device, reference = np.full((20, 2), 10.0), np.full((20, 2), 60.0)
    assert hidden_us(device, device + 70, reference, reference + 12) == pytest.approx(58)
    assert hidden_us(device, device + 20, reference, reference + 12) == 0
    assert not host_is_behind(device, device + 12)
    assert host_is_behind(reference, reference / 2)


def test_work_that_events_do_not_see_is_seen_by_the_profiler() -> None:
    events = [DeviceEvent(name="k", kind="kernel", start_us=start, duration_us=30, node=0) for start in (0, 20, 100)]
    assert busy_us(events) == 80
    assert profiler_disagrees(events, np.full((4, 2), 30.0))
    assert not profiler_disagrees(events, np.full((4, 2), 70.0))

"""Time on the device belongs to the launch that caused it, once, whatever a kernel is called."""

import random
from collections.abc import Sequence

import pytest

from sandboxes.devices.cuda.gpu import DeviceEvent
from sandboxes.devices.cuda.profiles.attribution import Attribution, attribute, typical


def event(start: float, end: float, node: int | None, name: str = "kernel") -> DeviceEvent:
    return DeviceEvent(name=name, kind="kernel", start_us=start, duration_us=end - start, node=node)


def test_a_node_has_the_time_of_all_it_launched() -> None:
    found = attribute([event(0, 2, 0), event(3, 4, 1), event(5, 8, 0)], nodes=2)
    assert dict(found.node_us) == {0: 5, 1: 1}
    assert found.busy_us == 6
    assert found.other_us == 0


def test_what_runs_at_the_same_time_shares_it_and_nothing_counts_twice() -> None:
    found = attribute([event(0, 10, 0), event(4, 6, 1)], nodes=2)
    assert dict(found.node_us) == {0: 9, 1: 1}


def test_two_kernels_of_one_node_at_the_same_time_count_once() -> None:
    assert dict(attribute([event(0, 10, 0), event(5, 12, 0)], nodes=1).node_us) == {0: 12}


def test_a_name_gains_nothing() -> None:
    events = [event(0, 10, None, "softmax_kernel"), event(10, 12, 0, "ampere_sgemm_128x64_nn")]
    found = attribute(events, nodes=1)
    assert dict(found.node_us) == {0: 2}
    assert found.other_us == 10


@pytest.mark.parametrize("owner", [None, 1, 7, -1])
def test_what_belongs_to_no_node_is_nobodys(owner: int | None) -> None:
    found = attribute([event(0, 3, owner, "fill"), event(3, 5, 0)], nodes=1)
    assert dict(found.node_us) == {0: 2}
    assert found.other_us == 3


def test_a_kernel_too_short_for_the_clock_was_still_seen() -> None:
    assert dict(attribute([event(1, 1, 0)], nodes=1).node_us) == {0: 0}


def painted(events: Sequence[DeviceEvent]) -> dict[int | None, float]:
    """The same in unit steps: who is active in each, and how many."""
    shares: dict[int | None, float] = {}
    for step in range(60):
        active = {each.node for each in events if each.start_us <= step < each.start_us + each.duration_us}
        for owner in active:
            shares[owner] = shares.get(owner, 0) + 1 / len(active)
    return shares


def test_any_events_on_any_streams_add_up_to_the_time_in_which_the_device_was_busy() -> None:
    draw = random.Random(3)
    for _ in range(200):
        events = []
        for _ in range(draw.randrange(12)):
            start = draw.randrange(40)
            events.append(event(start, start + draw.randrange(1, 20), draw.choice([None, 0, 1, 2])))
        draw.shuffle(events)
        found = attribute(events, nodes=3)
        expected = painted(events)
        assert found.other_us == pytest.approx(expected.pop(None, 0))
        assert dict(found.node_us) == pytest.approx(expected)


def test_of_several_runs_the_median_of_each_node_counts() -> None:
    runs = [Attribution(node_us={0: time, 1: 1.0}, other_us=time) for time in (5.0, 6.0, 100.0)]
    assert dict(typical(runs).node_us) == {0: 6.0, 1: 1.0}
    assert typical(runs).other_us == 6.0


def test_a_node_that_was_seen_once_in_five_runs_was_not_seen() -> None:
    runs = [Attribution(node_us={0: 5.0}, other_us=0.0)] * 4 + [Attribution(node_us={0: 5.0, 1: 3.0}, other_us=0.0)]
    assert dict(typical(runs).node_us) == {0: 5.0}

"""What is counted wins over what is sampled."""

from dataclasses import replace

import pytest

from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.reconciling import reconciled
from sandboxes.ttir import ArgumentCount, Counters, MemoryCount
from sandboxes.ttir.ir import Frame, Location

LINE = Location((Frame("candidate.py", 7, 1),))
LOAD = AccessFacts(
    kind="load",
    argument="x",
    line=7,
    requested_bytes=1000.0,
    requests=10.0,
    sectors=80.0,
    least_sectors=32.0,
    distinct_bytes=500.0,
    dram_bytes=600.0,
    l2_sectors=40.0,
)


def counters(amount: int, unique: int = 0, kind: str = "load") -> Counters:
    count = MemoryCount(kind, "x", LINE, bytes=amount, lanes=amount // 4, executions=1)
    return Counters(memory=[count], arguments={"x": ArgumentCount(bytes_loaded=amount, unique_bytes_loaded=unique)})


def test_an_access_behaves_as_sampled_and_amounts_to_what_was_counted() -> None:
    (found,) = reconciled([LOAD], counters(3000))
    assert found == replace(
        LOAD,
        requested_bytes=3000.0,
        requests=30.0,
        sectors=240.0,
        least_sectors=96.0,
        distinct_bytes=1500.0,
        dram_bytes=1800.0,
        l2_sectors=120.0,
    )


def test_accesses_of_one_line_share_what_was_counted_there() -> None:
    found = reconciled([LOAD, replace(LOAD, requested_bytes=3000.0)], counters(8000))
    assert [each.requested_bytes for each in found] == [2000.0, 6000.0]


def test_nothing_that_is_only_read_moves_less_than_the_bytes_it_touches() -> None:
    (found,) = reconciled([LOAD], counters(1000, unique=900))
    assert found.dram_bytes == pytest.approx(900.0)
    store = replace(LOAD, kind="store", line=9)
    written = Counters(
        memory=[*counters(1000).memory, MemoryCount("store", "x", Location((Frame("c.py", 9, 1),)), bytes=1000)],
        arguments={"x": ArgumentCount(unique_bytes_loaded=5000)},
    )
    load, _ = reconciled([LOAD, store], written)
    assert load.dram_bytes == 600.0  # its own stores may have left it in the cache


def test_what_the_sample_has_never_seen_is_as_bad_as_can_be() -> None:
    (found,) = reconciled([], counters(4000))
    assert (found.requested_bytes, found.sectors, found.dram_bytes) == (4000.0, 1000.0, 32_000.0)
    assert reconciled([replace(LOAD, requested_bytes=0.0)], counters(4000)) == (found,)


def test_what_never_happens_costs_nothing() -> None:
    (found,) = reconciled([LOAD], Counters())
    assert (found.requested_bytes, found.dram_bytes) == (0.0, 0.0)

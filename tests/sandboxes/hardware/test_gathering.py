"""What is known of a launch is put together so that nobody gains by being looked at badly, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from sandboxes.contracts import Variant
from sandboxes.devices.looking import Looker
from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.gathering.accesses import BELIEVED, accesses_of
from sandboxes.hardware.gathering.launch import facts_of
from sandboxes.hardware.pricing import price_launch
from sandboxes.hardware.traffic.examining import Examination, examine
from sandboxes.ttir import Counters, Execution, ExecutionOptions, Module, execute, parse
from tests.sandboxes.devices.looked_at import H200, RESOURCES, variant
from tests.sandboxes.hardware.traffic import kernels

FLOATS = ("*fp32", "*fp32")
Case = tuple[Variant, list[Any]]


def copy(stride: int = 1) -> Case:
    args = [torch.ones(2**17 * stride), torch.zeros(2**17), 2**17]
    return variant(kernels.strided_copy, (*FLOATS, "i32"), (512,), args, stride=stride, block=256), args


def rows() -> Case:
    args = [torch.ones(64, 4096), torch.zeros(64, 4096), 4096]
    return variant(kernels.twice, (*FLOATS, "i32"), (64,), args, block=1024), args


def product() -> Case:
    args = [torch.ones(256, 256), torch.ones(256, 256), torch.zeros(256, 256), 256, 256, 256]
    sizes = {"tile_m": 64, "tile_n": 64, "tile_k": 32, "group_size": 2, "parts": 1}
    return variant(kernels.product, (*FLOATS, "*fp32", "i32", "i32", "i32"), (16, 1), args, **sizes), args


def histogram() -> Case:
    args = [torch.randint(0, 1000, (2**16,), dtype=torch.int32), torch.zeros(64, dtype=torch.int32), 64]
    return variant(kernels.histogram, ("*i32", "*i32", "i32"), (64,), args, block=1024), args


CASES: dict[str, Callable[[], Case]] = {
    "copy": copy, "strided": lambda: copy(7), "scattered": lambda: copy(32), "rows": rows, "product": product,
    "histogram": histogram,
}  # fmt: skip


def known(case: Case) -> tuple[Module, Execution, Examination]:
    one, args = case
    module = parse(one.ttir)
    seen = examine(module, one.grid, args, None, RESOURCES, H200, seed=1)
    return module, execute(module, one.grid, args, options=ExecutionOptions(count=True)), seen


def gathered(
    case: Case, module: Module, counters: Counters, execution: Execution, seen: Examination | None
) -> LaunchFacts:
    work = work_of_launch(execution, scale=1.0)
    return facts_of(module, work, counters, 1.0, case[0], RESOURCES, H200, None, seen)


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.8, 3.0])
@pytest.mark.parametrize("name", ["strided", "product", "histogram"])
def test_exact_totals_win_over_what_a_sample_says(name: str, factor: float) -> None:
    """Of what was seen far too little of, the rest counts as unseen: never cheaper."""
    module, execution, seen = known(case := CASES[name]())
    scaled = tuple(
        replace(
            access, requested_bytes=access.requested_bytes * factor, requests=access.requests * factor,
            sectors=access.sectors * factor, least_sectors=access.least_sectors * factor,
            distinct_bytes=access.distinct_bytes * factor, dram_bytes=access.dram_bytes * factor,
            l2_sectors=None if access.l2_sectors is None else access.l2_sectors * factor,
            busiest_address=access.busiest_address * factor,
        )
        for access in seen.accesses
    )  # fmt: skip
    honest = gathered(case, module, execution.counters, execution, seen)
    wrong = gathered(case, module, execution.counters, execution, replace(seen, accesses=scaled))
    exact = execution.counters.bytes_loaded + execution.counters.bytes_stored
    assert sum(access.requested_bytes for access in wrong.accesses) == pytest.approx(exact)
    paid, deserved = price_launch(H200, wrong).time_us, price_launch(H200, honest).time_us
    assert paid >= 0.98 * deserved
    assert factor * BELIEVED < 1 or paid == pytest.approx(deserved, rel=0.02)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_launch_that_nobody_could_look_at_is_never_cheaper(name: str) -> None:
    module, execution, seen = known(case := CASES[name]())
    looked = price_launch(H200, gathered(case, module, execution.counters, execution, seen)).time_us
    unseen = price_launch(H200, gathered(case, module, execution.counters, execution, None)).time_us
    assert unseen >= looked


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_access_that_the_sample_misses_is_as_dear_as_it_can_be(name: str) -> None:
    module, execution, seen = known(case := CASES[name]())
    whole = gathered(case, module, execution.counters, execution, seen)
    for missing in seen.accesses:
        rest = replace(seen, accesses=tuple(access for access in seen.accesses if access is not missing))
        facts = gathered(case, module, execution.counters, execution, rest)
        found = next(a for a in facts.accesses if (a.kind, a.argument, a.line) == _key(missing))
        counted = sum(
            count.lanes
            for count in execution.counters.memory
            if (count.argument, count.location.user_line()) == (missing.argument, missing.line)
        )
        assert found.sectors == found.requests == counted
        assert price_launch(H200, facts).time_us >= price_launch(H200, whole).time_us


def _key(access: Any) -> tuple[str, str, int]:
    return access.kind, access.argument, access.line


def test_an_access_that_did_not_happen_costs_nothing() -> None:
    """A sample may believe in loads that the execution never did."""
    _, execution, seen = known(copy())
    ghost = replace(seen.accesses[0], line=seen.accesses[0].line + 100, requested_bytes=1e12, sectors=1e12)
    with_ghost = replace(seen, accesses=(*seen.accesses, ghost))
    assert accesses_of(execution.counters, 1.0, with_ghost) == accesses_of(execution.counters, 1.0, seen)


def test_what_the_cache_keeps_of_an_execution_in_full_is_loaded_once() -> None:
    module, execution, seen = known(case := rows())
    worse = replace(seen, accesses=tuple(replace(a, dram_bytes=5 * a.dram_bytes) for a in seen.accesses))
    facts = gathered(case, module, execution.counters, execution, worse)
    loaded = sum(access.dram_bytes for access in facts.accesses if access.kind == "load")
    assert loaded == pytest.approx(execution.counters.arguments["x"].unique_bytes_loaded)


def test_programs_that_were_counted_stand_for_the_others() -> None:
    one, args = copy()
    module = parse(one.ttir)
    part = execute(module, one.grid, args, options=ExecutionOptions(count=True, programs=[0, 100, 200, 300]))
    facts = facts_of(module, work_of_launch(part, scale=128), part.counters, 128.0, one, RESOURCES, H200)
    assert sum(access.requested_bytes for access in facts.accesses) == 2 * 4 * 2**17
    assert facts.sampled == 0.0  # nobody looked at their addresses
    assert sum(kinds.get("bytes", 0) for kinds in facts.lines.values()) == 2 * 4 * 2**17


def test_loads_of_one_loop_are_waited_for_once_per_turn() -> None:
    one, args = rows()
    module = parse(one.ttir)
    execution = execute(module, one.grid, args, options=ExecutionOptions(count=True))
    facts = facts_of(module, work_of_launch(execution, scale=1.0), execution.counters, 1.0, one, RESOURCES, H200)
    assert facts.rounds == 2 * 4096 / 1024


def test_how_a_launch_is_looked_at_is_the_same_for_everybody() -> None:
    """Two lookers with one seed agree; the price depends on nothing else."""
    one, args = product()
    module = parse(one.ttir)
    found = [Looker(H200, 7).examined(module, one, args, RESOURCES, None) for _ in range(2)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].accesses == found[1].accesses

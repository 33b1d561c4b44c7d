"""Launches are looked at once, in time, and gain nothing by not being looked at."""

import time
from dataclasses import replace
from typing import Any

import pytest
import torch

from sandboxes.contracts import Launch, Precision, Profile, Resources, TensorRef
from sandboxes.devices import looking
from sandboxes.devices.device import Program
from sandboxes.devices.hollow import hollow_storage
from sandboxes.devices.launching import Launched
from sandboxes.devices.looking import Looker
from sandboxes.devices.modelled import NOT_COUNTED, modelled_profile
from sandboxes.hardware.pricing import price_launch
from sandboxes.hardware.traffic.examining import WORK, NotExamined, examine
from sandboxes.ttir import parse
from tests.sandboxes.devices.cuda.programs import compile_all, program
from tests.sandboxes.devices.looked_at import H200, RESOURCES, launched, variant
from tests.sandboxes.hardware.traffic import kernels
from tests.tracer import Tracer, forward, spec

FLOATS = ("*fp32", "*fp32", "i32")
CHASE = ("*i64", "*i64", "i32", "i32")


LIMIT = 2**22


class Watched:
    """Counts who is really looked at."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def __call__(self, *args: Any, work: int, **others: Any) -> Any:
        self.limits.append(work)
        return examine(*args, work=work, **others)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    found = Watched()
    monkeypatch.setattr(looking, "examine", found)
    return found


def copy(count: int = 2**14, grid: int = 64) -> tuple[Any, list[Any]]:
    args = [torch.ones(2**14), torch.zeros(2**14), count]
    return variant(kernels.strided_copy, FLOATS, (grid,), args, stride=1, block=256), args


def look(looker: Looker, one: Any, args: list[Any], resources: Resources = RESOURCES) -> Any:
    return looker.examined(parse(one.ttir), one, args, resources, None)


def test_the_same_launch_is_looked_at_once(watched: Watched) -> None:
    looker = Looker(H200, 1)
    first = look(looker, *copy())
    assert look(looker, *copy()) is first
    assert len(watched.limits) == 1


def test_a_launch_that_differs_is_looked_at_again(watched: Watched) -> None:
    looker, (one, args) = Looker(H200, 1), copy()
    shared = torch.zeros(2**14)
    look(looker, one, args)
    look(looker, *copy(count=5000))
    look(looker, *copy(grid=32))
    look(looker, one, [args[0][1:], args[1], args[2]])
    look(looker, one, [shared, shared, args[2]])
    look(looker, one, args, RESOURCES.model_copy(update={"registers": 255, "occupancy": 0.25}))
    assert len(watched.limits) == 6


def test_addresses_that_depend_on_values_are_looked_at_each_time(watched: Watched) -> None:
    looker = Looker(H200, 1)
    for numbers in (torch.zeros(4096, dtype=torch.int32), torch.arange(4096, dtype=torch.int32)):
        args = [numbers, torch.zeros(4096, dtype=torch.int32), 4096]
        one = variant(kernels.histogram, ("*i32", "*i32", "i32"), (4,), args, block=1024)
        found = look(looker, one, args)
        busiest = max(access.busiest_address for access in found.accesses)
        assert busiest == 4096 if not numbers.any() else busiest < 8
    assert len(watched.limits) == 2


def stalling() -> tuple[Any, list[Any]]:
    """Each of its programs runs for a billion turns that addresses depend on."""
    args = [torch.randint(0, 2**16, (2**16,)), torch.zeros(2**16, dtype=torch.int64), 2**16, 2**30]
    return variant(kernels.chase, CHASE, (64,), args, block=1024), args


def test_a_kernel_that_stalls_ends_in_time(watched: Watched) -> None:
    started = time.thread_time()
    assert look(Looker(H200, 1), *stalling()) is None
    assert time.thread_time() - started < 5.0
    assert watched.limits == [WORK]


def test_a_program_of_stalling_kernels_has_one_limit_for_all(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PROGRAM_WORK", 10 * LIMIT)
    monkeypatch.setattr(looking, "LEAST_WORK", LIMIT // 8)
    looker, case = Looker(H200, 1, work=LIMIT), stalling()
    for _ in range(200):
        assert look(looker, *case) is None
    assert sum(watched.limits) == 10 * LIMIT
    assert look(looker, *copy()) is None


def test_what_can_not_be_looked_at_at_all_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(*args: Any, **others: Any) -> Any:
        tried.append(args)
        raise NotExamined("unknown operation")

    monkeypatch.setattr(looking, "examine", refuse)
    assert look(Looker(H200, 1), *copy()) is None
    assert len(tried) == 1


def test_a_kernel_that_stalls_observing_is_dearer_than_if_it_had_not() -> None:
    args = [torch.randint(0, 2**16, (2**16,)), torch.zeros(2**16, dtype=torch.int64), 2**16, 4]
    one = variant(kernels.chase, CHASE, (64,), args, block=1024)
    open_, hiding = (launched(one, args, Looker(H200, 1, work=limit)) for limit in (WORK, 0))
    assert open_.facts is not None
    assert hiding.facts is not None
    assert hiding.facts.accesses
    assert all(access.sectors >= access.least_sectors for access in hiding.facts.accesses)
    assert price_launch(H200, hiding.facts).time_us >= price_launch(H200, open_.facts).time_us


def hollow(size: int) -> torch.Tensor:
    return torch.empty(0, dtype=torch.float32).set_(hollow_storage(4 * size), 0, (size,), (1,))


def test_hollow_programs_are_priced_by_programs_that_are_run_abstractly() -> None:
    """One program of 32 loads 65 times as much; eight programs that are executed say little of that."""
    grid, block = 4096, 256
    args = [hollow(1 << 26), hollow(grid * block), 32, 65]
    one = variant(kernels.lazy, ("*fp32", "*fp32", "i32", "i32"), (grid,), args, block=block)
    found = launched(one, args, Looker(H200, 1, hollow=True), sample=True)
    assert found.execution.programs == 8
    assert found.facts is not None
    loads = 4 * grid * block * (1 + 64 / 32)
    loaded, stored = (
        sum(access.requested_bytes for access in found.facts.accesses if access.kind == kind)
        for kind in ("load", "store")
    )
    assert stored == pytest.approx(4 * grid * block)
    assert loaded == pytest.approx(loads, rel=0.35)
    assert found.facts.work.requested_bytes == pytest.approx(loaded + stored, rel=0.01)


@pytest.fixture(scope="module")
def doubled(tracer: Tracer) -> Program:
    return compile_all(program(tracer, forward("return scale(x)"), spec(4000)))


def launch_of(of: Program) -> tuple[int, Launch]:
    (found,) = ((index, each) for index, each in enumerate(of.trace.nodes) if isinstance(each, Launch))
    return found


def profiled(of: Program, did: dict[int, Launched]) -> Profile:
    return modelled_profile(of, {launch_of(of)[0]: 0}, did, of.trace, H200, Precision.TF32)


def test_a_node_that_could_not_be_counted_pays_no_speedup_and_says_why(doubled: Program) -> None:
    found = profiled(doubled, {})
    assert found.speedup == 0.0
    assert found.speedup_band is None
    assert found.unpriced == NOT_COUNTED


def test_a_node_whose_addresses_are_made_up_pays_no_speedup_and_says_why(doubled: Program) -> None:
    index, node = launch_of(doubled)
    args = [torch.zeros(4000) if isinstance(each, TensorRef) else each for each in node.variants[0].args]
    one = node.variants[0].model_copy(
        update={"args": tuple(TensorRef(id=n) if isinstance(a, torch.Tensor) else a for n, a in enumerate(args))}
    )
    did = launched(one, args, Looker(H200, 1))
    assert did.facts is not None
    assert profiled(doubled, {index: did}).unpriced == ""
    guessed = replace(did, facts=replace(did.facts, guessed=True, dependent_share=0.9))
    found = profiled(doubled, {index: guessed})
    assert found.speedup == 0.0
    assert found.speedup_band is None
    assert "depend on loaded values" in found.unpriced

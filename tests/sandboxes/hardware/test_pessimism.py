"""What the hardware model was kept from seeing is never cheaper than what it saw."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sandboxes.contracts import Launch, Resources, TensorRef, Variant
from sandboxes.devices.launching import launch
from sandboxes.devices.looking import Look, Looker
from sandboxes.hardware.code.code import Code, DotCode
from sandboxes.hardware.facts import LaunchFacts, Unit
from sandboxes.hardware.pricing import price_launch, why_unpriced
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import WORK
from sandboxes.ttir import parse
from tests.sandboxes.hardware import gathered
from tests.sandboxes.ttir.frontend import ttir_of

H200 = get_target("h200")
RESOURCES = Resources(registers=32, spill_bytes=0, shared_bytes=0, threads=128, occupancy=1.0, limited_by="nothing")
CODE = Code()
NO_WORK = 0


def facts(
    ttir: str,
    args: Sequence[Any],
    programs: int,
    *,
    code: Code | None = CODE,
    work: int = WORK,
    hollow: bool = False,
) -> LaunchFacts:
    """Returns what is known of a launch that runs in full, or of a hollow one."""
    values = {number: each for number, each in enumerate(args) if isinstance(each, torch.Tensor)}
    refs = tuple(TensorRef(id=number) if number in values else each for number, each in enumerate(args))
    variant = Variant(config="", ttir=ttir, grid=(programs, 1, 1), args=refs, num_warps=4, num_stages=3)
    looker = Looker(H200, seed=7, hollow=hollow, work=work)
    launched = launch(
        0, Launch(kernel="k", variants=(variant,)), 0, values, time.monotonic() + 60, count=True, sample=hollow,
        look=Look(looker=looker, resources=RESOURCES, code=code),
    )  # fmt: skip
    assert launched.facts is not None
    return launched.facts


def sectors(found: LaunchFacts, argument: str) -> float:
    return sum(access.sectors for access in found.accesses if access.argument == argument)


def lines_of_loads(ttir: str) -> list[int]:
    loads = [operation for operation in parse(ttir).kernel.walk() if operation.name == "tt.load"]
    return [operation.location.user_line() for operation in loads]


def time_us(found: LaunchFacts) -> float:
    return price_launch(H200, found).time_us


COUNT = 2**14


def gathers(hollow: bool) -> tuple[LaunchFacts, LaunchFacts]:
    """Returns the facts of a gather at known addresses, and of the same at addresses that are not known."""
    index = torch.randint(0, 2**18, (COUNT,), dtype=torch.int32)
    table, out = torch.zeros(2**18), torch.zeros(COUNT)
    direct = ttir_of(gathered.gather, ("*i32", "*fp32", "*fp32"), block=1024)
    known = facts(direct, [index, table, out], COUNT // 1024)
    if hollow:
        return known, facts(direct, [torch.zeros_like(index), table, out], COUNT // 1024, hollow=True)
    detour = ttir_of(gathered.through_scratch, ("*i32", "*i32", "*fp32", "*fp32"), block=1024)
    return known, facts(detour, [index, torch.zeros_like(index), table, out], COUNT // 1024)


@pytest.mark.parametrize("hollow", [False, True])
def test_made_up_addresses_look_like_one_cached_row_and_are_not_priced_so(hollow: bool) -> None:
    known, guessed = gathers(hollow)
    assert guessed.guessed
    assert not known.guessed
    assert sectors(guessed, "table") >= sectors(known, "table") > 0.9 * COUNT
    read = {name: sum(a.dram_bytes for a in each.accesses if a.argument == "table")
            for name, each in (("known", known), ("guessed", guessed))}  # fmt: skip
    assert read["guessed"] >= read["known"]


def test_work_that_is_hidden_in_one_iteration_of_many_is_not_priced_like_the_others() -> None:
    """Where iterations are drawn, it is seen in one of thirty evaluations."""
    text = ttir_of(gathered.hidden_columns, ("*fp32", "*fp32", "i32", "i32", "i32"), block=128)
    x, y = torch.zeros(128 * 128), torch.zeros(128 * 128)
    hidden = facts(text, [x, y, 128, 171, 300], 128)
    shown = facts(text, [x, y, 128, 0, 2], 128)
    assert sectors(shown, "x") > 128 * 128
    assert sectors(hidden, "x") > sectors(shown, "x")


def test_a_chain_of_loads_waits_for_each_even_if_nobody_was_allowed_to_look() -> None:
    text = ttir_of(gathered.chase, ("*i64", "*i64"), steps=32)
    args = [torch.randperm(2**12), torch.zeros(512, dtype=torch.int64)]
    seen, unseen = facts(text, args, 512), facts(text, args, 512, work=NO_WORK)
    assert seen.rounds == unseen.rounds == 32
    assert time_us(unseen) >= 0.99 * time_us(seen)
    assert price_launch(H200, unseen).band[1] > price_launch(H200, seen).band[1]


@pytest.mark.parametrize("work", [WORK, NO_WORK])
def test_what_a_loaded_number_decides_has_no_price_where_there_are_no_numbers(work: int) -> None:
    text = ttir_of(gathered.as_often_as_told, ("*fp32", "*fp32", "*i32"), block=128)
    args = [torch.zeros(128), torch.zeros(128), torch.zeros(1, dtype=torch.int32)]
    assert "decide" in why_unpriced(facts(text, args, 1, hollow=True, work=work))
    assert not why_unpriced(facts(text, args, 1, work=work))


def test_every_warp_loads_a_number_even_if_nobody_was_allowed_to_look() -> None:
    text = ttir_of(gathered.scalars, ("*fp32", "*fp32", "i32"))
    args = [torch.zeros(64), torch.zeros(1), 64]
    assert sectors(facts(text, args, 1, work=NO_WORK), "x") >= sectors(facts(text, args, 1), "x") == 64 * 4


def test_a_loop_that_is_pipelined_hides_nothing_of_one_that_is_not() -> None:
    text = ttir_of(gathered.two_loops, ("*fp32", "*fp32", "*fp32", "i32", "i32"), block=128)
    first, second = lines_of_loads(text)
    args = [torch.zeros(8 * 128), torch.zeros(256 * 128), torch.zeros(128), 8, 256]
    pipelined = {
        ahead: facts(text, args, 1, code=Code(pipelined=8, ahead=ahead)).pipelined
        for ahead in (((first, 8), (second, 8)), ((first, 8), (second, 1)), ((first, 8),))
    }
    assert list(pipelined.values()) == [8, 1, 1]


def test_a_large_product_lends_its_rate_to_no_small_one_on_its_line() -> None:
    text = ttir_of(gathered.product, ("*fp16", "*fp16", "*fp32"), size=16)
    line = next(op.location.user_line() for op in parse(text).kernel.walk() if op.name == "tt.dot")
    large = DotCode(line=line, column=1, unit=Unit.WGMMA, tile=(128, 256, 64), instruction=(64, 256, 16))
    small = DotCode(line=line, column=9, unit=Unit.MMA, tile=(16, 16, 16), instruction=(16, 8, 16))
    memory = [torch.zeros(256, dtype=torch.float16), torch.zeros(256, dtype=torch.float16), torch.zeros(256)]
    for dots in ((large, small), (small, large)):
        found = facts(text, memory, 1, code=Code(dots=dots)).dots
        assert [(dot.unit, dot.flops) for dot in found] == [(Unit.MMA, 2 * 16**3)]


def test_code_that_cannot_be_read_pipelines_nothing_and_multiplies_small_tiles() -> None:
    text = ttir_of(gathered.product, ("*fp16", "*fp16", "*fp32"), size=16)
    memory = [torch.zeros(256, dtype=torch.float16), torch.zeros(256, dtype=torch.float16), torch.zeros(256)]
    found = facts(text, memory, 1, code=None)
    assert found.pipelined == 1
    assert [(dot.unit, dot.kind, dot.flops) for dot in found.dots] == [(Unit.MMA, "fp16", 2 * 16**3)]

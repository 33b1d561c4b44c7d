"""Whatever is known of a launch: more to do is never faster, a better GPU never slower, and nothing jumps."""

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.contracts import Target
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, Part, SharedFacts, Unit
from sandboxes.hardware.pricing import DEFAULT, Constants, plain, price_launch, roofline_us
from sandboxes.hardware.targets import TARGETS
from sandboxes.hardware.work import Work
from tests.sandboxes.hardware.pricing.kernels import A100, H200, copy, needs, product

SLACK = 1 + 1e-9

amounts = st.floats(0, 2**36)
kinds = st.sampled_from(["load", "store", "atomic"])


@st.composite
def accesses(draw: st.DrawFn) -> AccessFacts:
    requested = draw(amounts)
    least = requested / 32
    sectors = least * draw(st.floats(1, 32))
    distinct = 32 * sectors * draw(st.floats(0.001, 1))
    return AccessFacts(
        kind=draw(kinds), argument=draw(st.sampled_from("xyz")), line=draw(st.integers(0, 9)),
        requested_bytes=requested, requests=requested / draw(st.sampled_from([32, 128, 512])), sectors=sectors,
        least_sectors=least, distinct_bytes=distinct, dram_bytes=distinct * draw(st.floats(1, 4)),
        l2_sectors=draw(st.one_of(st.none(), st.just(sectors * 0.5))), busiest_address=draw(st.floats(0, 2**24)),
        dependent=draw(st.booleans()),
    )  # fmt: skip


dots = st.builds(
    DotFacts,
    line=st.integers(0, 9),
    unit=st.sampled_from([Unit.MMA, Unit.WGMMA, Unit.FMA]),
    kind=st.sampled_from(["bf16", "tf32"]),
    flops=st.floats(0, 2**44),
    tile=st.sampled_from([(16, 16, 16), (64, 64, 32), (128, 256, 64)]),
    instruction=st.sampled_from([(16, 8, 16), (64, 32, 16), (64, 256, 16), (0, 0, 0)]),
)
ways = st.builds(SharedFacts, line=st.integers(0, 9), bytes=amounts, conflicts=st.floats(1, 32))
counts = st.integers(0, 2**40)
works = st.builds(
    Work,
    read_bytes=counts,
    written_bytes=counts,
    requested_bytes=counts,
    flops=st.fixed_dictionaries({"bf16": counts, "tf32": counts, "fp32": counts, "special": counts}),
    integer_ops=counts,
    uneven_bytes=st.floats(1, 100),
    uneven_operations=st.floats(1, 100),
)
known = st.builds(
    LaunchFacts,
    grid=st.tuples(st.integers(1, 2**16), st.integers(1, 4), st.just(1)),
    resources=st.builds(
        needs,
        registers=st.integers(16, 64),
        shared=st.integers(0, 99 * 1024),
        threads=st.sampled_from([32, 128, 1024]),
        spills=st.sampled_from([0, 64]),
    ),
    num_stages=st.integers(1, 4),
    work=works,
    accesses=st.lists(accesses(), max_size=3).map(tuple),
    dots=st.lists(dots, max_size=2).map(tuple),
    shared=st.lists(ways, max_size=2).map(tuple),
    pipelined=st.one_of(st.none(), st.integers(1, 4)),
    rounds=st.floats(0, 1000),
    lines=st.just({3: {"bytes": 5.0, "fp32": 2.0}, 7: {"bf16": 1.0, "special": 1.0}}),
)
targets = st.sampled_from([target for target in TARGETS.values() if target.tflops.get("bf16")])


def scaled(items: tuple[Any, ...], name: str, factor: float) -> tuple[Any, ...]:
    """The same facts with one number of each multiplied."""
    return tuple(
        item if getattr(item, name) is None else replace(item, **{name: factor * getattr(item, name)}) for item in items
    )


def of_work(facts: LaunchFacts, name: str, factor: float) -> LaunchFacts:
    value = getattr(facts.work, name)
    more = {kind: round(factor * count) for kind, count in value.items()} if name == "flops" else factor * value
    return replace(
        facts, work=replace(facts.work, **{name: more if "uneven" in name or name == "flops" else int(more)})
    )


MORE: dict[str, Callable[[LaunchFacts, float], LaunchFacts]] = {
    **{
        name: (lambda facts, factor, name=name: replace(facts, accesses=scaled(facts.accesses, name, factor)))
        for name in ("requested_bytes", "requests", "sectors", "l2_sectors", "dram_bytes", "busiest_address")
    },
    **{
        f"shared {name}": (lambda facts, factor, name=name: replace(facts, shared=scaled(facts.shared, name, factor)))
        for name in ("bytes", "conflicts")
    },
    **{
        f"work {name}": (lambda facts, factor, name=name: of_work(facts, name, factor))
        for name in (
            "read_bytes", "written_bytes", "requested_bytes", "flops", "integer_ops", "uneven_bytes",
            "uneven_operations",
        )
    },
    "rounds": lambda facts, factor: replace(facts, rounds=factor * facts.rounds),
    "spills": lambda facts, factor: replace(
        facts, resources=facts.resources.model_copy(update={"spill_bytes": factor * facts.resources.spill_bytes})
    ),
}  # fmt: skip
"""What a launch may do more of."""


@settings(max_examples=60, deadline=None)
@given(target=targets, facts=known)
def test_nothing_known_beats_the_roofline(target: Target, facts: LaunchFacts) -> None:
    price = price_launch(target, facts)
    assert price.time_us >= price.roofline_us == roofline_us(target, facts.work)
    assert price.band[0] <= price.time_us <= price.band[1]
    assert all(taken >= 0 for taken in price.parts_us.values())


@pytest.mark.parametrize("name", MORE)
@settings(max_examples=12, deadline=None)
@given(target=targets, facts=known, factor=st.floats(1, 16))
def test_more_of_anything_is_never_faster(name: str, target: Target, facts: LaunchFacts, factor: float) -> None:
    more = MORE[name](facts, factor)
    assert price_launch(target, more).time_us * SLACK >= price_launch(target, facts).time_us


@pytest.mark.parametrize("name", MORE)
@settings(max_examples=12, deadline=None)
@given(target=targets, facts=known)
def test_one_percent_more_takes_hardly_more_than_one_percent_longer(
    name: str, target: Target, facts: LaunchFacts
) -> None:
    more = MORE[name](facts, 1.01)
    assert price_launch(target, more).time_us <= 1.03 * price_launch(target, facts).time_us


BETTER = {
    name: (lambda target, name=name: {name: 1.5 * getattr(target, name)})
    for name in (
        "dram_gb_per_s", "l2_gb_per_s", "clock_mhz", "l1_bytes_per_clock", "shared_bytes_per_clock",
        "l2_atomics_per_clock", "l1_kib",
    )
} | {
    "dram_latency_ns": lambda target: {"dram_latency_ns": target.dram_latency_ns / 1.5},
    "l2_latency_ns": lambda target: {"l2_latency_ns": target.l2_latency_ns / 1.5},
    "launch_overhead_us": lambda target: {"launch_overhead_us": target.launch_overhead_us / 1.5},
    "tflops": lambda target: {"tflops": {kind: 1.5 * rate for kind, rate in target.tflops.items()}},
    "multiprocessors": lambda target: {
        "multiprocessors": 2 * target.multiprocessors,
        "tflops": {kind: 2 * rate for kind, rate in target.tflops.items()},
    },
}  # fmt: skip
"""What a GPU may be better at; more multiprocessors bring their own arithmetic."""


@pytest.mark.parametrize("name", BETTER)
@settings(max_examples=12, deadline=None)
@given(target=targets, facts=known)
def test_a_better_gpu_is_never_slower(name: str, target: Target, facts: LaunchFacts) -> None:
    better = target.model_copy(update=BETTER[name](target))
    assert price_launch(better, facts).time_us <= price_launch(target, facts).time_us * SLACK


@pytest.mark.parametrize("name", [field.name for field in fields(Constants)])
@settings(max_examples=5, deadline=None)
@given(target=targets, facts=known)
def test_prices_hardly_change_with_a_constant(name: str, target: Target, facts: LaunchFacts) -> None:
    """They can be fitted: no constant makes a price jump."""
    near = replace(DEFAULT, **{name: 1.01 * getattr(DEFAULT, name)})
    assert price_launch(target, facts, near).time_us == pytest.approx(price_launch(target, facts).time_us, rel=0.03)


@settings(max_examples=40, deadline=None)
@given(target=targets, facts=known)
def test_the_time_of_a_launch_is_divided_among_lines(target: Target, facts: LaunchFacts) -> None:
    price = price_launch(target, facts)
    assert sum(price.lines_us.values()) == pytest.approx(price.time_us)
    assert set(price.lines_us) <= set(range(10))


@settings(max_examples=40, deadline=None)
@given(target=targets, facts=known, resident=st.dictionaries(st.sampled_from("xyz"), amounts))
def test_what_is_cached_is_never_slower(target: Target, facts: LaunchFacts, resident: dict[str, float]) -> None:
    cold, warm = price_launch(target, facts), price_launch(target, facts, resident=resident)
    assert warm.roofline_us <= warm.time_us <= cold.time_us * SLACK


@pytest.mark.parametrize("facts", [copy(2**28), copy(2**22), product(4096, (128, 128, 64), warps=8, missed=1.0)])
def test_totals_of_a_coalesced_kernel_give_about_the_same_price(facts: LaunchFacts) -> None:
    totals = plain(facts.work, facts.resources, facts.grid, facts.num_stages)
    assert price_launch(H200, totals).time_us == pytest.approx(price_launch(H200, facts).time_us, rel=0.15)


def test_an_empty_grid_takes_no_time() -> None:
    assert price_launch(H200, replace(copy(2**20), grid=(0, 1, 1))).time_us == 0


def test_products_without_tensor_cores_run_on_the_fma_pipe() -> None:
    """989 against 67 TFLOP/s."""
    facts = product(4096, (64, 64, 32))
    plainly = replace(facts, dots=tuple(replace(dot, unit=Unit.FMA) for dot in facts.dots))
    price = price_launch(H200, plainly)
    assert price.parts_us[Part.TENSOR] == 0
    assert price.parts_us[Part.FP32] > 2 * 4096**3 / (67e6)


def test_old_instructions_reach_less_of_hopper() -> None:
    """Luo et al. (arXiv 2402.13499): 62.9 % of the peak by `mma`. On A100 there is nothing else."""
    facts = product(4096, (128, 128, 64), warps=8)
    (dot,) = facts.dots
    old = replace(facts, dots=(replace(dot, unit=Unit.MMA, instruction=(16, 8, 16)),))
    slower = price_launch(H200, old).parts_us[Part.TENSOR] / price_launch(H200, facts).parts_us[Part.TENSOR]
    assert slower == pytest.approx(1 / 0.629, rel=0.02)
    whole = 2 * 4096**3 / (A100.tflops["bf16"] * 1e6 * DEFAULT.tensor_share)
    assert price_launch(A100, old).parts_us[Part.TENSOR] == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize(("columns", "share"), [(8, 0.11), (16, 0.22), (32, 0.72), (64, 1.0), (256, 1.0)])
def test_narrow_instructions_wait_for_their_operands(columns: int, share: float) -> None:
    """An instruction of 64 x n x 16 reads (64 + n) * 32 bytes at 128 a clock and computes 2048 * n operations at 3785 a
    clock: shares of 0.11 to 0.24 for n below 32; from 64 on, tensor cores bind, as Luo et al. measure.
    """
    per_clock = 989.4e6 / (132 * 1980)
    expected = min(1.0, (2 * 64 * columns * 16 / per_clock) / ((64 + columns) * 32 / 128))
    facts = product(4096, (64, 256, 64))
    (dot,) = facts.dots
    narrow = replace(facts, dots=(replace(dot, instruction=(64, columns, 16)),))
    wide = price_launch(H200, facts).parts_us[Part.TENSOR]
    assert wide / price_launch(H200, narrow).parts_us[Part.TENSOR] == pytest.approx(expected, rel=0.01)
    assert expected >= share


def test_warps_without_a_piece_of_the_tile_do_not_help() -> None:
    """A tile of 16 x 16 is two instructions of 16 x 8: four warps do each twice."""
    two, four = (product(1024, (16, 16, 32), warps=warps) for warps in (2, 4))
    ratio = price_launch(H200, four).parts_us[Part.TENSOR] / price_launch(H200, two).parts_us[Part.TENSOR]
    assert ratio == pytest.approx(2, rel=0.05)


def test_grids_of_any_size_are_priced_without_jumps_but_for_waves() -> None:
    """From one grid to the next larger one with the same work per program, a launch takes at most a wave more."""
    times = [price_launch(H200, copy(4096 * programs)).time_us for programs in range(1, 9000, 37)]
    assert all(later >= 0.999 * earlier for earlier, later in itertools.pairwise(times))
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < times[2112 // 37]

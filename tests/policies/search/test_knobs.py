"""Numbers that have to agree are turned together, within limits."""

import pytest

from kernelgym.problems import list_solutions
from policies.search.knobs import Knob, find_knobs
from policies.search.places import Kind

LAUNCHES = """
import triton

@triton.jit
def first(x, BLOCK: tl.constexpr): ...

@triton.jit
def second(x, ROWS: tl.constexpr, BLOCK: tl.constexpr): ...

def forward(x):
    grid = (triton.cdiv(n, 32),)
    first[grid](x, BLOCK=32, num_warps=1)
    second[grid](x, ROWS=4, BLOCK=32, WINDOW=2)
"""


def turns(source: str) -> dict[tuple[str, tuple[int, ...]], Knob]:
    places, knobs = find_knobs(source)
    return {(knob.name, tuple(places[index].value for index in knob.places)): knob for knob in knobs}


def test_a_launch_and_its_grid_are_turned_together_and_warps_alone_or_with_all_others() -> None:
    found = turns(LAUNCHES)
    assert list(found)[:2] == [
        ("BLOCK and num_warps and ROWS", (32, 32, 1, 4, 32, 4)),
        ("BLOCK", (32, 32, 32)),
    ]
    assert set(list(found)[2:]) == {
        ("num_warps", (1, 4)),
        ("num_warps", (1,)),
        ("num_warps", (4,)),
        ("ROWS", (4,)),
    }


def test_equal_sizes_of_different_functions_and_configs_are_knobs_of_their_own() -> None:
    found = turns(
        "CONFIGS = [Config({'M': 64, 'N': 64}, num_stages=2), Config({'M': 64}, num_stages=4)]\n"
        "BLOCK = 64\nSIZE = 64\n"
        "def f(): k[cdiv(n, 64)](BLOCK=64)\n"
        "def g(): k[cdiv(n, 64)](BLOCK=64)\n"
    )
    sizes = [(name, values) for name, values in found if 64 in values]
    assert sorted(sizes) == [
        ("BLOCK", (64,)), ("BLOCK", (64, 64)), ("M", (64,)), ("N", (64,)), ("SIZE", (64,)),
    ]  # fmt: skip
    assert ("num_stages", (2, 4)) in found
    assert ("num_stages", (4,)) in found


@pytest.mark.parametrize("code", ["SMALL = 4", "k[grid](CAUSAL=1)", "def f(): return cdiv(n, 64)", "EPS = 2"])
def test_numbers_that_look_like_no_size_are_no_knobs(code: str) -> None:
    assert turns(code) == {}


@pytest.mark.parametrize(
    ("code", "steps", "value"),
    [
        ("k[g](BLOCK=32)", 2, 128),
        ("k[g](BLOCK=32)", -1, 16),
        ("k[g](BLOCK=32)", -2, None),
        ("k[g](BLOCK=8)", -3, 1),
        ("k[g](BLOCK=8)", -4, None),
        ("k[g](BLOCK=65536)", 1, None),
        ("k[g](BLOCK=131072)", -1, 65536),
        ("k[g](num_warps=16)", 1, 32),
        ("k[g](num_warps=32)", 1, None),
        ("k[g](num_warps=1)", -1, None),
        ("k[g](num_stages=3)", 2, 5),
        ("k[g](num_stages=1)", -1, None),
    ],
)
def test_a_knob_is_turned_within_its_limits(code: str, steps: int, value: int | None) -> None:
    places, (knob,) = find_knobs(code)
    assert knob.turned((places[0].value,), steps) == (None if value is None else (value,))


def test_a_way_back_is_never_closed() -> None:
    places, (knob,) = find_knobs("k[g](BLOCK=8)")
    up = knob.turned(tuple(place.value for place in places), 2)
    assert up == (32,)
    assert knob.turned(up, -2) == (8,)


def test_every_slow_solution_has_knobs() -> None:
    for solution in list_solutions():
        if solution.name == "slow":
            kinds = {knob.kind for knob in find_knobs(solution.source)[1]}
            assert {Kind.TILE, Kind.WARPS} <= kinds, solution.problem_id

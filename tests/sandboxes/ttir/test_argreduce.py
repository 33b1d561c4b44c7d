"""The short way to argmax and argmin gives what the tree of selects gives."""

import math

import pytest
import torch
import triton
import triton.language as tl

from sandboxes.ttir import Module, execute, parse
from sandboxes.ttir.engine.execution import prepared
from sandboxes.ttir.operations import reductions
from tests.sandboxes.ttir.frontend import ttir_of

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention


@triton.jit
def extremes(x, values, places, N: tl.constexpr, LEFT: tl.constexpr):
    row = tl.program_id(0)
    v = tl.load(x + row * N + tl.arange(0, N))
    high, at_high = tl.max(v, 0, return_indices=True, return_indices_tie_break_left=LEFT)
    low, at_low = tl.min(v, 0, return_indices=True, return_indices_tie_break_left=LEFT)
    tl.store(values + row * 2, high)
    tl.store(values + row * 2 + 1, low)
    tl.store(places + row * 2, at_high)
    tl.store(places + row * 2 + 1, at_low)


def directions(module: Module) -> list[str]:
    return [step.constant.best for step in prepared(module).steps if step.operation.name == "tt.reduce"]


def compiled(element: str, *, left: bool = True) -> str:
    return ttir_of(extremes, (f"*{element}", f"*{element}", "*i32"), N=16, LEFT=left)


@pytest.mark.parametrize("element", ["fp32", "fp16", "i32", "i64"])
def test_argmax_and_argmin_of_the_frontend_are_recognised(element: str) -> None:
    assert directions(parse(compiled(element))) == ["largest", "smallest"]


def test_an_argmax_with_any_other_rule_for_ties_is_not() -> None:
    assert directions(parse(compiled("fp32", left=False))) == ["", ""]
    turned = compiled("fp32").replace("arith.cmpi slt", "arith.cmpi sgt")
    assert directions(parse(turned)) == ["", ""]


ROWS = {
    "distinct": [float(i * 7 % 16) + 1 for i in range(16)],
    "ties": [1.0, 3.0, 3.0, 1.0] * 4,
    "all equal": [2.0] * 16,
    "zeros of two signs": [0.0, -0.0] * 8,
    "infinities": [math.inf, -math.inf, 1.0, 2.0] * 4,
    "masked off": [-math.inf] * 16,
    "one NaN": [1.0, math.nan, 3.0, 2.0] * 4,
    "only NaN": [math.nan] * 16,
}


@pytest.mark.parametrize("name", ROWS)
def test_the_short_way_gives_the_bits_of_the_tree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([ROWS[name], ROWS[name][::-1], ROWS["distinct"]])
    text = compiled("fp32")

    def run(module: Module) -> tuple[torch.Tensor, torch.Tensor]:
        values, places = torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.int32)
        execute(module, (3, 1, 1), [x, values, places])
        return values.view(torch.int32), places

    short = run(parse(text))
    monkeypatch.setattr(reductions, "direction", lambda block: "")
    tree = run(parse(text + "\n// planned anew"))
    assert torch.equal(short[0], tree[0])
    assert torch.equal(short[1], tree[1])

"""Functions of real numbers stay within the bounds that the documentation states."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.sandboxes.ttir.text import elementwise

PAGE = Path(__file__).resolve().parents[3] / "docs" / "executor.md"
ROW = re.compile(r"^\| `([a-z0-9_.]+)` \| ([0-9.]+) \| ([0-9.]+) \|", re.MULTILINE)
BOUNDS = {name: (float(measured), float(bound)) for name, measured, bound in ROW.findall(PAGE.read_text())}
"""Per operation: what was measured and what is promised, in units in the last place of float32."""

COUNT = 2**15
REAL = torch.randn(COUNT, generator=torch.Generator().manual_seed(0)) * 3.0
POSITIVE = torch.exp(torch.randn(COUNT, generator=torch.Generator().manual_seed(1)) * 8.0)
UNIT = torch.rand(COUNT, generator=torch.Generator().manual_seed(2)) * 2.0 - 1.0
FUNCTIONS: dict[str, tuple[Callable[..., Tensor], Tensor]] = {
    "math.exp": (torch.exp, REAL * 8),
    "math.exp2": (torch.exp2, REAL * 10),
    "math.expm1": (torch.expm1, REAL),
    "math.log": (torch.log, POSITIVE),
    "math.log2": (torch.log2, POSITIVE),
    "math.log10": (torch.log10, POSITIVE),
    "math.log1p": (torch.log1p, POSITIVE),
    "math.sqrt": (torch.sqrt, POSITIVE),
    "tt.precise_sqrt": (torch.sqrt, POSITIVE),
    "math.rsqrt": (torch.rsqrt, POSITIVE),
    "math.sin": (torch.sin, REAL * 10),
    "math.cos": (torch.cos, REAL * 10),
    "math.tan": (torch.tan, REAL),
    "math.asin": (torch.asin, UNIT),
    "math.acos": (torch.acos, UNIT),
    "math.atan": (torch.atan, REAL),
    "math.sinh": (torch.sinh, REAL),
    "math.cosh": (torch.cosh, REAL),
    "math.tanh": (torch.tanh, REAL),
    "math.asinh": (torch.asinh, REAL),
    "math.acosh": (torch.acosh, POSITIVE + 1.0),
    "math.atanh": (torch.atanh, UNIT),
    "math.erf": (torch.erf, REAL),
    "math.erfc": (torch.erfc, REAL),
    "math.cbrt": (lambda x: torch.sign(x) * x.abs().pow(1 / 3), REAL),
    "arith.divf": (torch.div, REAL),
    "math.powf": (torch.pow, POSITIVE),
    "math.atan2": (torch.atan2, REAL),
}


def _measured(name: str, dtype: torch.dtype = torch.float32) -> float:
    """The largest error in units in the last place of ``dtype`` of the exact result."""
    function, x = FUNCTIONS[name]
    x = x.to(dtype)
    operands = [x, REAL.flip(0).to(dtype)] if name in ("arith.divf", "math.powf", "math.atan2") else [x]
    kind = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}[dtype]
    names = ", ".join(f"%{letter}" for letter in "ab"[: len(operands)])
    found = elementwise(f"%r = {name} {names} : tensor<Nx{kind}>", *operands, output=dtype).double()
    exact = function(*(operand.double() for operand in operands))
    normal = torch.isfinite(exact) & (exact.abs() >= torch.finfo(dtype).tiny) & (exact.abs() <= torch.finfo(dtype).max)
    digits = {torch.float32: 23, torch.float16: 10, torch.bfloat16: 7}[dtype]
    unit = torch.exp2(torch.floor(torch.log2(exact.abs())) - digits)
    return float(((found - exact).abs() / unit)[normal].max())


def test_the_page_has_a_row_for_every_function() -> None:
    assert sorted(BOUNDS) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_is_as_precise_as_its_row_says(name: str) -> None:
    stated, bound = BOUNDS[name]
    assert stated <= bound
    assert _measured(name) <= bound


@pytest.mark.parametrize("name", ["math.exp", "math.log2", "math.tanh", "math.rsqrt", "math.erf", "arith.divf"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_rounded_once(name: str, dtype: torch.dtype) -> None:
    assert _measured(name, dtype) <= 0.51


def test_the_same_text_and_inputs_give_the_same_bits() -> None:
    for name in ("math.exp", "math.sin", "math.powf"):
        operands = [POSITIVE, REAL][: 2 if name == "math.powf" else 1]
        names = ", ".join(f"%{letter}" for letter in "ab"[: len(operands)])
        runs = [elementwise(f"%r = {name} {names} : tensor<Nxf32>", *operands, output=torch.float32) for _ in range(3)]
        assert all(torch.equal(r.view(torch.int32), runs[0].view(torch.int32)) for r in runs)

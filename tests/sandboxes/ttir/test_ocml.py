"""AMD's device functions are the same functions as NVIDIA's, and every one that Triton names is known."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from triton.language.extra.hip import libdevice as hip

from sandboxes.ttir.operations import libdevice, ocml
from sandboxes.ttir.operations.external import SYMBOLS

NAMED = sorted(set(re.findall(r'"(__(?:ocml|ockl|triton_hip)_\w+)"', inspect.getsource(hip))))
X = torch.tensor([-2.5, -1.0, -0.0, 0.3, 0.5, 1.0, 1.5, 7.0], dtype=torch.float64)
TRUTHS: dict[str, Callable[..., Any]] = {
    "exp": torch.exp, "log1p": torch.log1p, "tanh": torch.tanh, "erf": torch.erf, "rsqrt": torch.rsqrt,
    "round": lambda x: torch.sign(x) * torch.floor(x.abs() + 0.5), "nearbyint": torch.round, "trunc": torch.trunc,
    "i0": torch.special.i0, "expm1": torch.expm1, "isnan": torch.isnan, "signbit": torch.signbit,
}  # fmt: skip


def test_every_symbol_that_triton_names_for_amd_is_known() -> None:
    assert len(NAMED) > 100
    assert set(NAMED) <= set(SYMBOLS)
    assert not set(ocml.SYMBOLS) & set(libdevice.SYMBOLS)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("width", ["f32", "f64"])
def test_a_function_computes_what_its_name_says(name: str, width: str) -> None:
    dtype = torch.float32 if width == "f32" else torch.float64
    found = SYMBOLS[f"__ocml_{name}_{width}"](X.to(dtype))
    wanted = TRUTHS[name](X.to(dtype))
    torch.testing.assert_close(found.to(dtype), wanted.to(dtype), equal_nan=True)


def test_functions_of_several_numbers_and_of_bits() -> None:
    two, power = torch.tensor([2.0, -2.0]), torch.tensor([3, 3], dtype=torch.int32)
    assert SYMBOLS["__ocml_pown_f32"](two, power).tolist() == [8.0, -8.0]
    assert SYMBOLS["__ocml_fma_f64"](*(torch.tensor([value], dtype=torch.float64) for value in (2, 3, 4))).item() == 10
    assert SYMBOLS["__ockl_clz_u32"](torch.tensor([1, 0], dtype=torch.int32)).tolist() == [31, 32]
    assert SYMBOLS["__ockl_popcount_u64"](torch.tensor([-1, 5])).tolist() == [64, 2]
    assert SYMBOLS["__triton_hip_llrint"](torch.tensor([2.5, -3.6])).tolist() == [2, -4]
    assert SYMBOLS["__triton_hip_fast_fdividef"](two, torch.tensor([4.0, 4.0])).tolist() == [0.5, -0.5]

"""Index arithmetic that is kept as short sums gives the numbers that full tensors give."""

import pytest
import torch
import triton
import triton.language as tl

from sandboxes.ttir import execute, parse
from tests.sandboxes.ttir.frontend import ttir_of


@triton.jit
def divided(out, start, divisor, BLOCK: tl.constexpr):  # noqa: N803 - Triton's convention
    position = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = start + position
    tl.store(out + position * 3, value % divisor)
    tl.store(out + position * 3 + 1, value // divisor)
    tl.store(out + position * 3 + 2, value)


@pytest.mark.parametrize("start", [0, 1, 37, -40, -1000])
@pytest.mark.parametrize("divisor", [1, 2, 7, 64, 65, 128, 640, 10_000, -3, -64])
def test_quotients_and_remainders_of_indices_are_those_of_c(start: int, divisor: int) -> None:
    out = torch.zeros(5 * 64, 3, dtype=torch.int32)
    text = ttir_of(divided, ("*i32", "i32", "i32"), BLOCK=64)
    execute(parse(text), (5, 1, 1), [out, start, divisor])
    value = torch.arange(start, start + 5 * 64)
    assert torch.equal(out[:, 0].long(), torch.fmod(value, divisor))
    assert torch.equal(out[:, 1].long(), torch.div(value, divisor, rounding_mode="trunc"))
    assert torch.equal(out[:, 2].long(), value)

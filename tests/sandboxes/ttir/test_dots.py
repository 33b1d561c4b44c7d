"""Products of matrices have the precision that the kernel asked for."""

from collections.abc import Callable

import pytest
import torch
import triton.language as tl
from torch import Tensor

from sandboxes.ttir.operations.dots import round_tf32
from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


KINDS = {
    torch.float16: tl.float16,
    torch.float32: tl.float32,
    torch.float64: tl.float64,
    torch.int32: tl.int32,
}


def _product(a: Tensor, b: Tensor, out: torch.dtype, precision: str | None = None) -> Tensor:
    result = torch.zeros(a.shape, dtype=out)
    run(zoo.product, a, b, result, S=a.shape[0], PRECISION=precision, KIND=KINDS[out])
    return result


def _error(found: Tensor, a: Tensor, b: Tensor) -> float:
    exact = a.double() @ b.double()
    return float((found.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize(
    ("precision", "low", "high"),
    [
        ("ieee", 0.0, 2e-7),
        ("tf32", 1e-4, 5e-4),
        ("tf32x3", 0.0, 1e-6),
        ("bf16x3", 1e-7, 2e-5),
        ("bf16x6", 0.0, 1e-6),
    ],
)
def test_a_float32_product_is_as_precise_as_its_input_precision(precision: str, low: float, high: float) -> None:
    a, b = _random(64, 64), _random(64, 64, seed=1)
    assert low <= _error(_product(a, b, torch.float32, precision), a, b) <= high


def test_tf32_is_the_default_and_rounds_the_inputs() -> None:
    a, b = _random(32, 32), _random(32, 32, seed=1)
    expected = (round_tf32(a).double() @ round_tf32(b).double()).float()
    torch.testing.assert_close(_product(a, b, torch.float32), expected, rtol=1e-5, atol=1e-5)


def test_tf32_rounds_ties_away_from_zero() -> None:
    x = torch.tensor([1.0 + 2.0**-11, 1.0 + 2.0**-11 - 2.0**-20, -1.0 - 2.0**-11, 1.0 + 3 * 2.0**-11])
    assert round_tf32(x).tolist() == [1.0 + 2.0**-10, 1.0, -1.0 - 2.0**-10, 1.0 + 2.0**-9]
    assert round_tf32(torch.tensor([torch.inf, -torch.inf])).tolist() == [torch.inf, -torch.inf]
    assert torch.isnan(round_tf32(torch.tensor([torch.nan, 1.0]))[0])


@pytest.mark.parametrize("precision", ["tf32x3", "bf16x3", "bf16x6"])
def test_infinity_survives_the_split_into_parts(precision: str) -> None:
    a = torch.eye(32)
    b = torch.full((32, 32), 1.1)
    b[0, 0] = torch.inf
    b[1:, 0] = 0.0
    a[0, 1:] = 0.0
    found = _product(a[:, :], b, torch.float32, precision)
    assert found[0, 0] == torch.inf


@pytest.mark.parametrize(
    ("dtype", "out", "tolerance"),
    [
        (torch.float16, torch.float32, 1e-6),
        (torch.bfloat16, torch.float32, 1e-6),
        (torch.float8_e4m3fn, torch.float32, 1e-6),
        (torch.float8_e5m2, torch.float32, 1e-6),
        (torch.float64, torch.float64, 1e-15),
    ],
)
def test_products_of_narrow_floats_are_exact_and_summed_in_float32(
    dtype: torch.dtype, out: torch.dtype, tolerance: float
) -> None:
    a, b = _random(32, 32).to(dtype), _random(32, 32, seed=1).to(dtype)
    assert _error(_product(a, b, out), a, b) <= tolerance


def test_sums_do_not_overflow_half_precision_on_the_way() -> None:
    a = torch.full((32, 32), 200.0, dtype=torch.float16)
    b = torch.full((32, 32), 100.0, dtype=torch.float16)
    b[16:] = -100.0
    found = _product(a, b, torch.float16)
    assert found.unique().tolist() == [0.0]
    assert _product(a, b.abs(), torch.float16).unique().tolist() == [torch.inf]


def test_integer_products_are_exact() -> None:
    a = torch.full((32, 32), -128, dtype=torch.int8)
    found = _product(a, a, torch.int32)
    assert found.unique().tolist() == [128 * 128 * 32]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_products_may_be_batched(dtype: torch.dtype) -> None:
    a, b = _random(2, 16, 16).to(dtype), _random(2, 16, 16, seed=1).to(dtype)
    found = torch.zeros(2, 16, 16)
    run(zoo.batched_product, a, b, found, B=2, S=16)
    torch.testing.assert_close(found, a.float() @ b.float(), rtol=1e-2, atol=1e-2)


# -- microscaling ----------------------------------------------------------------------------------------------------

FOUR = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0]
READ: dict[str, Callable[[int], float]] = {
    "e2m1": lambda code: FOUR[code],
    "e4m3": lambda code: torch.tensor([code], dtype=torch.uint8).view(torch.float8_e4m3fn).float().item(),
    "e5m2": lambda code: torch.tensor([code], dtype=torch.uint8).view(torch.float8_e5m2).float().item(),
}


def _operand(name: str, rows: int, columns: int, packed_axis: int, seed: int) -> tuple[Tensor, Tensor]:
    """Storage as the kernel sees it, and the values one by one."""
    generator = torch.Generator().manual_seed(seed)
    if name in ("bf16", "fp16"):
        x = torch.randn(rows, columns, generator=generator).to(torch.bfloat16 if name == "bf16" else torch.float16)
        return x, x.double()
    codes = torch.randint(0, 16 if name == "e2m1" else 0x78, (rows, columns), generator=generator)
    values = torch.tensor([[READ[name](code) for code in row] for row in codes.tolist()], dtype=torch.float64)
    if name != "e2m1":
        return codes.to(torch.uint8), values
    first, second = (codes[::2], codes[1::2]) if packed_axis == 0 else (codes[:, ::2], codes[:, 1::2])
    return (first | (second << 4)).to(torch.uint8), values


def _scale(rows: int, blocks: int, seed: int) -> tuple[Tensor, Tensor]:
    codes = torch.randint(120, 134, (rows, blocks), generator=torch.Generator().manual_seed(seed))
    return codes.to(torch.uint8), torch.pow(2.0, codes.double() - 127.0)


SCALED = [
    ("e2m1", "e2m1", True, True, True, True),
    ("e2m1", "e2m1", True, True, False, False),
    ("e2m1", "bf16", True, False, True, True),
    ("e4m3", "e5m2", True, True, True, True),
    ("e5m2", "e2m1", False, True, True, False),
    ("e2m1", "e4m3", True, True, False, True),
    ("bf16", "e4m3", False, True, True, True),
    ("fp16", "e2m1", False, True, True, True),
]


@pytest.mark.parametrize(("left", "right", "left_scaled", "right_scaled", "left_k", "right_k"), SCALED)
def test_scaled_products_are_what_their_formats_say(
    left: str, right: str, left_scaled: bool, right_scaled: bool, left_k: bool, right_k: bool
) -> None:
    m, n, k = 128, 32, 64
    a, x = _operand(left, m, k, 1 if left_k else 0, seed=0)
    b, y = _operand(right, k, n, 0 if right_k else 1, seed=1)
    sa, p = _scale(m, k // 32, seed=2)
    sb, q = _scale(n, k // 32, seed=3)
    start = _random(m, n, seed=4)
    expected = start.double()
    for block in range(k // 32):
        part = slice(32 * block, 32 * block + 32)
        product = x[:, part] @ y[part]
        product = product * p[:, block : block + 1] if left_scaled else product
        expected += product * q[:, block] if right_scaled else product
    out = start.clone()
    run(
        zoo.scaled, a, b, sa, sb, out,
        M=m, N=n, K=k, AF=left, BF=right, AR=a.shape[0], AC=a.shape[1], BR=b.shape[0], BC=b.shape[1], BLOCK=32,
        LEFT=left_scaled, RIGHT=right_scaled, AK=left_k, BK=right_k, FAST=False,
    )  # fmt: skip
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-3 * float(expected.abs().mean()))


def test_nvfp4_has_float_scales_for_blocks_of_sixteen() -> None:
    m, n, k = 128, 32, 64
    (a, x), (b, y) = _operand("e2m1", m, k, 1, seed=0), _operand("e2m1", k, n, 0, seed=1)
    sa, sb = (_random(rows, k // 16, seed=rows).abs().to(torch.float8_e4m3fn) for rows in (m, n))
    out = torch.zeros(m, n)
    run(
        zoo.scaled, a, b, sa, sb, out,
        M=m, N=n, K=k, AF="e2m1", BF="e2m1", AR=m, AC=k // 2, BR=k // 2, BC=n, BLOCK=16,
        LEFT=True, RIGHT=True, AK=True, BK=True, FAST=False,
    )  # fmt: skip
    wide = (x * sa.double().repeat_interleave(16, 1)) @ (y * sb.double().repeat_interleave(16, 1).T)
    torch.testing.assert_close(out.double(), wide, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("code", "fast"), [(255, False), (254, True), (0, True)])
def test_the_scale_255_is_nan_and_every_other_a_power_of_two(code: int, fast: bool) -> None:
    m, n, k = 128, 32, 64
    a, b = torch.ones(m, k, dtype=torch.float8_e4m3fn), torch.full((k, n), 2.0**-6, dtype=torch.bfloat16)
    scale = torch.full((m, k // 32), 127, dtype=torch.uint8)
    scale[5, 1] = code
    out = torch.zeros(m, n)
    run(
        zoo.scaled, a, b, scale, scale, out,
        M=m, N=n, K=k, AF="e4m3", BF="bf16", AR=m, AC=k, BR=k, BC=n, BLOCK=32,
        LEFT=True, RIGHT=False, AK=True, BK=True, FAST=fast,
    )  # fmt: skip
    expected = torch.nan if code == 255 else 0.5 * (1.0 + 2.0 ** (code - 127))
    torch.testing.assert_close(out[5], torch.full((n,), expected), equal_nan=True)
    assert out[torch.arange(m) != 5].unique().tolist() == [1.0]

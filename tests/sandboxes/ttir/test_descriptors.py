"""Tensor descriptors clip to their tensor, in whatever way they are used."""

import pytest
import torch

from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run

M, N, R, C = 20, 24, 8, 16


@pytest.mark.parametrize("column", [0, 4, 12, -3])
def test_rows_are_gathered_by_index(column: int) -> None:
    x = torch.randn(M, N)
    rows = torch.tensor([3, 19, 0, 20, -1, 7, 3, 11], dtype=torch.int32)
    out = torch.full((R, C), 9.0)
    run(zoo.gathered_rows, x, rows, out, column, M=M, N=N, R=R, C=C)
    columns = torch.arange(column, column + C)
    inside = ((rows >= 0) & (rows < M))[:, None] & ((columns >= 0) & (columns < N))[None, :]
    expected = torch.where(inside, x[rows.clamp(0, M - 1)][:, columns.clamp(0, N - 1)], 0.0)
    assert torch.equal(out, expected)


@pytest.mark.parametrize("column", [0, 4, 12, -3])
def test_rows_are_scattered_by_index(column: int) -> None:
    x = torch.randn(R, C)
    rows = torch.tensor([3, 19, 0, 20, -1, 7, 5, 11], dtype=torch.int32)
    out = torch.full((M, N), 9.0)
    expected = out.clone()
    for i, row in enumerate(rows.tolist()):
        for j in range(C):
            if 0 <= row < M and 0 <= column + j < N:
                expected[row, column + j] = x[i, j]
    run(zoo.scattered_rows, x, rows, out, column, M=M, N=N, R=R, C=C)
    assert torch.equal(out, expected)


REDUCED = [
    *((kind, dtype) for kind in ("add", "min", "max", "and", "or", "xor") for dtype in (torch.int32, torch.uint32)),
    *((kind, torch.uint64) for kind in ("add", "min", "max", "and", "or", "xor")),
    *((kind, torch.int64) for kind in ("min", "max", "and", "or", "xor")),
    ("add", torch.float32),
    ("add", torch.float16),
    ("add", torch.bfloat16),
]


@pytest.mark.parametrize(("kind", "dtype"), REDUCED)
def test_a_block_is_reduced_into_memory(kind: str, dtype: torch.dtype) -> None:
    if dtype.is_floating_point:
        x, out = torch.randn(8, 16).to(dtype), torch.randn(6, 8).to(dtype)
    else:
        top = torch.iinfo(dtype).max
        x = torch.tensor([top - i if i % 3 else i for i in range(128)], dtype=dtype).reshape(8, 16)
        out = torch.tensor([i * 5 for i in range(48)], dtype=dtype).reshape(6, 8)
    a, b = out.flatten().tolist(), x[:6, :8].flatten().tolist()
    if kind == "add" and dtype.is_floating_point:
        expected = (out + x[:6, :8]).flatten().tolist()
    else:
        function = {
            "add": int.__add__,
            "min": min,
            "max": max,
            "and": int.__and__,
            "or": int.__or__,
            "xor": int.__xor__,
        }
        bits = dtype.itemsize * 8
        expected = [function[kind](p, q) % 2**bits for p, q in zip(a, b, strict=True)]
        expected = [v - 2**bits if v > torch.iinfo(dtype).max else v for v in expected]
    run(zoo.reduced_block, x, out, M=6, N=8, KIND=kind)
    assert out.flatten().tolist() == expected


@pytest.mark.parametrize(("padding", "outside"), [("zero", 0.0), ("nan", torch.nan)])
def test_what_lies_outside_reads_as_the_padding(padding: str, outside: float) -> None:
    x = torch.randn(5, 12)
    out = torch.zeros(8, 16)
    run(zoo.padded_block, x, out, 5, 12, PADDING=padding)
    expected = torch.full((8, 16), outside)
    expected[2:7, :8] = x[:, 4:]
    torch.testing.assert_close(out, expected, rtol=0, atol=0, equal_nan=True)

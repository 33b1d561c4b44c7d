"""Candidates with one flaw each, and what they become when the advice is followed; nothing else differs."""

import textwrap
from dataclasses import dataclass

from sandboxes.contracts import Remedy

HEADER = """
import torch
import triton
import triton.language as tl


@triton.jit
def relu_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.maximum(tl.load(x_ptr + offsets, mask=mask), 0.0), mask=mask)


def relu(x):
    out = torch.empty_like(x)
    relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
    return out

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """A flaw and its remedy."""

    remedy: Remedy
    says: str
    """Part of the advice."""
    reference: str
    """What `forward` returns, of `x` and `y`; and `shapes` of these."""
    shapes: str
    flawed: str
    corrected: str

    def problem(self) -> str:
        """The reference."""
        return (
            "import torch\n\n\nclass Model(torch.nn.Module):\n    def forward(self, x, y):\n"
            f"        return {self.reference}\n\n\ndef get_init_inputs():\n    return []\n\n\n"
            f"def get_inputs():\n    return [torch.randn(*shape) for shape in ({self.shapes})]\n"
        )

    def program(self, source: str) -> str:
        """A whole candidate."""
        return HEADER + textwrap.dedent(source)


COALESCE_FLAWED = """
@triton.jit
def transpose_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    column = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < rows
    x = tl.load(x_ptr + offsets * columns + column, mask=mask)
    tl.store(out_ptr + column * rows + offsets, tl.maximum(x, 0.0), mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        rows, columns = x.shape
        out = torch.empty(columns, rows, device=x.device)
        transpose_kernel[(columns, triton.cdiv(rows, 4096))](x, out, rows, columns, BLOCK=4096)
        return out
"""
COALESCE_CORRECTED = """
@triton.jit
def transpose_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    down = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    across = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + down[:, None] * columns + across[None, :])
    tl.store(out_ptr + across[:, None] * rows + down[None, :], tl.maximum(tl.trans(x), 0.0))


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        rows, columns = x.shape
        out = torch.empty(columns, rows, device=x.device)
        transpose_kernel[(columns // 64, rows // 64)](x, out, rows, columns, BLOCK=64)
        return out
"""

FUSE_KERNELS = """
@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + y, mask=mask)


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)

"""
FUSE_FLAWED = (
    FUSE_KERNELS
    + """
class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        total = torch.empty_like(x)
        add_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, total, x.numel(), BLOCK=1024)
        return relu(total)
"""
)
FUSE_CORRECTED = (
    FUSE_KERNELS
    + """
class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        add_relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024)
        return out
"""
)

REMOVE_FLAWED = (
    FUSE_KERNELS
    + """
class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        add_relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024)
        relu(y)
        return out
"""
)

PRODUCT = """
@triton.jit
def product_kernel(x_ptr, y_ptr, out_ptr, size, PRECISION: tl.constexpr):
    down = tl.program_id(0) * 128 + tl.arange(0, 128)
    across = tl.program_id(1) * 64 + tl.arange(0, 64)
    depth = tl.arange(0, 32)
    total = tl.zeros((128, 64), dtype=tl.float32)
    for start in range(0, size, 32):
        x = tl.load(x_ptr + down[:, None] * size + (start + depth)[None, :])
        y = tl.load(y_ptr + (start + depth)[:, None] * size + across[None, :])
        total = tl.dot(x, y, total, input_precision=PRECISION)
    tl.store(out_ptr + down[:, None] * size + across[None, :], total)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        size = x.shape[0]
        out = torch.empty_like(x)
        grid = (size // 128, size // 64)
        product_kernel[grid](x, y, out, size, PRECISION="{precision}", num_stages=3)
        return out
"""

ROWS = """
@triton.jit
def row_max_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    largest = tl.full([BLOCK], -float("inf"), tl.float32)
    for start in {loop}:
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=-float("inf"))
        largest = tl.maximum(largest, x)
    tl.store(out_ptr + row, tl.max(largest, axis=0))


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty(x.shape[0], device=x.device)
        row_max_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=64, num_warps=1)
        return out
"""

BALANCE = """
@triton.jit
def stride_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    step = tl.num_programs(0) * BLOCK
    for start in range(tl.program_id(0) * BLOCK, n, step):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        tl.store(out_ptr + offsets, tl.maximum(tl.load(x_ptr + offsets, mask=mask), 0.0), mask=mask)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        stride_kernel[({programs},)](x, out, x.numel(), BLOCK=2048)
        return out
"""

ATOMICS = """
@triton.jit
def sum_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n, other=0.0)
    {add}


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.zeros(1, device=x.device)
        sum_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
        return out
"""

LARGE, SQUARE = "(2048, 8192), (2048, 8192)", "(1024, 1024), (1024, 1024)"

ADVISED = (
    Advised(
        remedy=Remedy.COALESCE, says="coalesce the load of `x_ptr` at line 25", reference="torch.relu(x.t())",
        shapes="(8192, 4096), (1, 1)", flawed=COALESCE_FLAWED, corrected=COALESCE_CORRECTED,
    ),
    Advised(
        remedy=Remedy.FUSE, says="fuse `add_kernel` into `relu_kernel`", reference="torch.relu(x + y)", shapes=LARGE,
        flawed=FUSE_FLAWED, corrected=FUSE_CORRECTED,
    ),
    Advised(
        remedy=Remedy.REMOVE, says="leave out `relu_kernel`", reference="torch.relu(x + y)", shapes=LARGE,
        flawed=REMOVE_FLAWED, corrected=FUSE_CORRECTED,
    ),
    Advised(
        remedy=Remedy.TENSOR_CORES, says="on tensor cores (wgmma) in tf32", reference="x @ y", shapes=SQUARE,
        flawed=PRODUCT.format(precision="ieee"), corrected=PRODUCT.format(precision="tf32"),
    ),
    Advised(
        remedy=Remedy.PIPELINE, says="`tl.range(..., num_stages=3)`", reference="x.amax(1)", shapes=LARGE,
        flawed=ROWS.format(loop="range(0, columns, BLOCK)"),
        corrected=ROWS.format(loop="tl.range(0, columns, BLOCK, num_stages=3)"),
    ),
    Advised(
        remedy=Remedy.BALANCE, says="split the work of 12 programs among 2,112", reference="torch.relu(x)",
        shapes=LARGE, flawed=BALANCE.format(programs=12), corrected=BALANCE.format(programs=2112),
    ),
    Advised(
        remedy=Remedy.ATOMICS, says="add up inside each program", reference="x.sum().reshape(1)", shapes=LARGE,
        flawed=ATOMICS.format(add="tl.atomic_add(out_ptr + offsets * 0, x)"),
        corrected=ATOMICS.format(add="tl.atomic_add(out_ptr, tl.sum(x, axis=0))"),
    ),
)  # fmt: skip

"""Problems of any size, each with an honest kernel: what the built-in ones are too small for."""

from dataclasses import dataclass
from typing import Final

from kernelgym.problems import Problem
from kernelgym.problems.reference_file import make_problem
from sandboxes.contracts import Submission

ADD: Final = """
import torch
from torch import nn

CHECK_SHAPES = [dict(n=1), dict(n=1000), dict(n=4099)]


class Model(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)


def get_init_inputs():
    return []


def get_inputs(n={size}):
    return [torch.randn(n), torch.randn(n)]
"""

ADD_KERNEL: Final = """
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    total = tl.load(x_ptr + offsets, mask=mask) + tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(total, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = x.numel()
        add_relu[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
"""

ROWS: Final = """
import torch
from torch import nn

CHECK_SHAPES = [dict(rows=1), dict(rows=7), dict(rows=33)]


class Model(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=-1)


def get_init_inputs():
    return []


def get_inputs(rows={size}):
    return [torch.randn(rows, 1000)]
"""

ROWS_KERNEL: Final = """
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    row = tl.program_id(0) * columns
    mask = offsets < columns
    x = tl.load(x_ptr + row + offsets, mask=mask, other=float("-inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row + offsets, e / tl.sum(e, axis=0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        softmax[(x.shape[0],)](x, out, x.shape[1], BLOCK=1024)
        return out
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A problem of some size and its kernel."""

    name: str
    problem: Problem
    submission: Submission


def candidate(kind: str, size: int) -> Candidate:
    """Returns `add` (two vectors of `size` numbers) or `rows` (softmax of `size` rows of 1,000)."""
    reference, kernel = {"add": (ADD, ADD_KERNEL), "rows": (ROWS, ROWS_KERNEL)}[kind]
    name = f"{kind}-{size}"
    problem = make_problem(f"gpu/{name}", reference.replace("{size}", str(size)), title=name)
    return Candidate(name=name, problem=problem, submission=Submission(source=kernel))


def candidates(*, quick: bool) -> list[Candidate]:
    """Returns kernels from a few microseconds to a few hundred; `quick`: two small ones."""
    if quick:
        return [candidate("add", 1 << 12), candidate("rows", 16)]
    sizes = {"add": (1 << 14, 1 << 20, 1 << 24, 1 << 26), "rows": (256, 4096, 32_768)}
    return [candidate(kind, size) for kind, each in sizes.items() for size in each]

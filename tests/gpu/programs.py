"""Candidates and what they have to match: each shows one thing that a GPU does its own way."""

from typing import Final

from kernelgym.problems import Problem
from kernelgym.problems.reference_file import make_problem

BENCH: Final = 1 << 16
"""Elements of the bench case: some candidates misbehave there alone, where only the GPU runs them first."""

SCALE: Final = f"""
import torch
from torch import nn

CHECK_SHAPES = [dict(n=1024), dict(n=2048), dict(n=4096)]


class Model(nn.Module):
    def forward(self, x):
        return x * 2.0


def get_init_inputs():
    return []


def get_inputs(n={BENCH}):
    return [torch.randn(n)]
"""

HEAD: Final = """
import torch
import triton
import triton.language as tl
from torch import nn


"""

MODEL: Final = """

class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        scale[(triton.cdiv(n, 1024),)](x, out, n, EXTRA, BLOCK=1024)
        return out
"""

KERNEL: Final = """
@triton.jit
def scale(x_ptr, out_ptr, n, extra, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    BODY
    tl.store(out_ptr + offsets, x * 2.0, mask=mask)
"""


def scale_problem() -> Problem:
    """Twice a vector."""
    return make_problem("gpu/scale", SCALE, title="Twice a vector")


def scale(body: str = "pass", extra: str = "0") -> str:
    """A kernel for `scale_problem`, with a statement of its own before it stores."""
    text = HEAD + KERNEL.replace(
        "    BODY\n", "" if body == "pass" else "".join(f"    {line}\n" for line in body.splitlines())
    )
    return text + MODEL.replace("EXTRA", extra)


AT_BENCH: Final = f"(3 if n == {BENCH} else 2)"
"""Three at the bench case, two at check cases: numbers that Triton compiles nothing special for."""

FAR: Final = scale(
    "far = (extra - 2).to(tl.int64) * (1 << 38)\ntl.store(out_ptr + offsets + far, x, mask=mask & (extra > 2))",
    AT_BENCH,
)
"""Stores a terabyte away: nobody's memory."""

NEAR: Final = scale("tl.store(out_ptr + n + tl.arange(0, BLOCK), x, mask=mask & (extra > 2))", AT_BENCH)
"""Stores directly behind its output, where an allocator would have put somebody else's."""

MISALIGNED: Final = scale(
    "odd = (out_ptr.to(tl.int64) + extra - 2).to(tl.pointer_type(tl.float32))\n"
    "tl.store(odd + offsets, x, mask=mask & (offsets < n - 1) & (extra > 2))",
    AT_BENCH,
)
"""Stores floats at an odd address."""

ENDLESS: Final = scale(
    "steps = 1 + (extra - 2) * 2000000000\nwhile steps > 0:\n    steps -= 1\n    x += tl.where(steps < 0, 1.0, 0.0)",
    AT_BENCH,
)
"""Loops for hours."""

WRONG_AT_BENCH: Final = scale("x = tl.where(extra > 2, x + 1.0, x)", AT_BENCH)
"""Right at every check case."""

HONEST: Final = scale()

ASSERTS: Final = scale('tl.device_assert(extra == 2, "too large")', AT_BENCH).replace(
    "@triton.jit", "@triton.jit(debug=True)"
)
"""A device assertion that fails."""

IN_PLACE: Final = (
    HEAD
    + KERNEL.replace("    BODY\n", "")
    + """

class ModelNew(nn.Module):
    def forward(self, x):
        out = x.clone()
        n = x.numel()
        scale[(triton.cdiv(n, 1024),)](out, out, n, 0, BLOCK=1024)
        return out
"""
)
"""Stores where it has loaded."""

VIEWS: Final = (
    HEAD
    + KERNEL.replace("    BODY\n", "")
    + """

class ModelNew(nn.Module):
    def forward(self, x):
        n = x.numel()
        wide = torch.empty(2 * n, device=x.device, dtype=x.dtype)
        left, right = wide[:n], wide[n:]
        half = n // 2
        scale[(triton.cdiv(half, 1024),)](x[:half], right[:half], half, 0, BLOCK=1024)
        scale[(triton.cdiv(n - half, 1024),)](x[half:], right[half:], n - half, 0, BLOCK=1024)
        left.copy_(right)
        return left.view(2, -1).flatten()
"""
)
"""Works on slices of one tensor."""

DESCRIPTORS: Final = (
    HEAD
    + """
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def scale(x_desc, out_desc, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK
    out_desc.store([at], x_desc.load([at]) * 2.0)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        x_desc = TensorDescriptor(x, [n], [1], [256])
        out_desc = TensorDescriptor(out, [n], [1], [256])
        scale[(triton.cdiv(n, 256),)](x_desc, out_desc, BLOCK=256)
        return out
"""
)
"""Loads and stores by tensor descriptors that the host makes (TMA)."""

AUTOTUNED: Final = (
    (HEAD + KERNEL.replace("    BODY\n", "") + MODEL.replace("EXTRA", "0"))
    .replace(
        "@triton.jit",
        "@triton.autotune(\n"
        "    configs=[triton.Config({'BLOCK': 128}, num_warps=1), triton.Config({'BLOCK': 1024}, num_warps=4),\n"
        "             triton.Config({'BLOCK': 4096}, num_warps=8)],\n"
        "    key=['n'],\n"
        ")\n@triton.jit",
    )
    .replace(
        "scale[(triton.cdiv(n, 1024),)](x, out, n, 0, BLOCK=1024)",
        "scale[lambda meta: (triton.cdiv(n, meta['BLOCK']),)](x, out, n, 0)",
    )
)
"""Has three configurations."""

LOOKS_FOR_THE_GPU: Final = (
    HEAD
    + """
import ctypes
import os

for path in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/dri/renderD128"):
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError:
        continue
    raise RuntimeError(f"{path} can be opened")
if os.environ.get("CUDA_VISIBLE_DEVICES") not in (None, "", "-1"):
    raise RuntimeError("the environment names a GPU")
try:
    found = ctypes.CDLL("libcuda.so.1").cuInit(0)
except OSError:
    found = -1
if found == 0:
    raise RuntimeError("the driver can be used")

"""
    + KERNEL.replace("    BODY\n", "")
    + MODEL.replace("EXTRA", "0")
)
"""Fails at its import if the sandbox that traces it has a GPU."""

INLINE: Final = scale(
    'code: tl.constexpr = "mul.rn.f32 $0, $1, 0f3F800000;"\n'
    'x = tl.inline_asm_elementwise(code, "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)'
)
"""Multiplies by one in inline PTX, which the CPU executor can't run."""

LAZY: Final = (
    HEAD
    + """
@triton.jit
def scale(x_ptr, out_ptr, calls_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = (offsets < n) & (tl.load(calls_ptr) < 1.0)
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 2.0, mask=mask)


@triton.jit
def count(calls_ptr):
    tl.store(calls_ptr, tl.load(calls_ptr) + 1.0)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        scale[(triton.cdiv(n, 1024),)](x, out, self.calls, n, BLOCK=1024)
        count[(1,)](self.calls)
        return out
"""
)
"""Works in the first call and counts the others: what it earns is the time of work that it does every time."""

READS_BACK: Final = """
import torch
from torch import nn

CHECK_SHAPES = [dict(n=1024), dict(n=2048), dict(n=4096)]


class Model(nn.Module):
    def forward(self, x):
        return torch.exp(x) * x.amax() + torch.sin(x) * torch.cos(x)


def get_init_inputs():
    return []


def get_inputs(n=65536):
    return [torch.rand(n) + 0.5]
"""

READING_BACK: Final = (
    HEAD
    + KERNEL.replace("    BODY\n", "").replace("x * 2.0", "tl.exp(x) * extra + tl.sin(x) * tl.cos(x)")
    + """

class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        scale[(triton.cdiv(n, 1024),)](x, out, n, float(x.amax().item()), BLOCK=1024)
        return out
"""
)
"""Reads a number back to the host, which no CUDA graph can do."""


def read_back_problem() -> Problem:
    """Functions of a vector, and its largest element."""
    return make_problem("gpu/read_back", READS_BACK, title="Functions of a vector, and its largest element")


MATMUL: Final = """
import torch
from torch import nn

CHECK_SHAPES = [dict(n=64), dict(n=128)]


class Model(nn.Module):
    def forward(self, a, b):
        return a @ b


def get_init_inputs():
    return []


def get_inputs(n=256):
    return [torch.randn(n, n), torch.randn(n, n)]
"""

MATMUL_KERNEL: Final = (
    HEAD
    + """
@triton.jit
def matmul(a_ptr, b_ptr, c_ptr, N, BLOCK: tl.constexpr, PRECISION: tl.constexpr):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, N, BLOCK):
        inner = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + rows[:, None] * N + inner[None, :])
        b = tl.load(b_ptr + inner[:, None] * N + columns[None, :])
        total += tl.dot(a, b, input_precision=PRECISION)
    tl.store(c_ptr + rows[:, None] * N + columns[None, :], total)


class ModelNew(nn.Module):
    def forward(self, a, b):
        n = a.shape[0]
        c = torch.empty_like(a)
        matmul[(n // 32, n // 32)](a, b, c, n, BLOCK=32, PRECISION="PRECISION_OF_DOTS")
        return c
"""
)


def matmul_problem() -> Problem:
    """A product of float32 matrices."""
    return make_problem("gpu/matmul", MATMUL, title="A product of float32 matrices")


def matmul(precision: str) -> str:
    """A kernel for `matmul_problem` whose dots have this `input_precision`."""
    return MATMUL_KERNEL.replace("PRECISION_OF_DOTS", precision)

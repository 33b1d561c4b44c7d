"""What the executor's benchmark launches: sixteen kernels at sizes of a check, with what each must compute."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import kernels as own
from tests.sandboxes.ttir import kernels as shared

F32, F16, I32, I64 = "*fp32", "*fp16", "*i32", "*i64"


@dataclass(frozen=True)
class Workload:
    """A launch, what is needed to compile it, and the output it must leave."""

    name: str
    kernel: Any
    signature: tuple[str, ...]
    constexprs: dict[str, int]
    grid: tuple[int, int, int]
    args: list[Any]
    output: int
    """Position of the argument to check."""
    expected: Tensor

    def error(self) -> float:
        """Returns the largest deviation of the output."""
        return float((self.args[self.output].double() - self.expected.double()).abs().max())

    def reset(self) -> None:
        """Clears the output, for kernels that add to it."""
        self.args[self.output].zero_()


class _Inputs:
    """Seeded tensors."""

    def __init__(self) -> None:
        self._generator = torch.Generator().manual_seed(0)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(*shape, generator=self._generator).to(dtype)

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(0, high, shape, generator=self._generator, dtype=torch.int32)


def workloads() -> list[Workload]:
    """Returns all of them, with fresh tensors."""
    return [make(_Inputs()) for make in _MAKERS]


def _add(inputs: _Inputs) -> Workload:
    n = 1 << 20
    x, y = inputs.normal(n), inputs.normal(n)
    return Workload(
        "add", shared.add_relu, (F32, F32, F32, "i32"), {"BLOCK": 1024}, (1024, 1, 1),
        [x, y, torch.zeros(n), n], 2, (x + y).relu(),
    )  # fmt: skip


def _gelu(inputs: _Inputs) -> Workload:
    n = 1 << 20
    x, bias = inputs.normal(n), inputs.normal(1024)
    return Workload(
        "gelu", shared.gelu_erf, (F32, F32, F32, "i32", "i32"), {"BLOCK": 1024}, (1024, 1, 1),
        [x, bias, torch.zeros(n), n, 1024], 2, functional.gelu(x + bias.repeat(1024)),
    )  # fmt: skip


def _softmax(inputs: _Inputs) -> Workload:
    x = inputs.normal(1024, 1000)
    return Workload(
        "softmax", shared.softmax, (F32, F32, "i32"), {"BLOCK": 1024}, (1024, 1, 1),
        [x, torch.zeros(1024, 1000), 1000], 1, x.softmax(1),
    )  # fmt: skip


def _layer_norm(inputs: _Inputs) -> Workload:
    x, w, b = inputs.normal(1024, 1000), inputs.normal(1000), inputs.normal(1000)
    return Workload(
        "layer norm", shared.layernorm, (F32, F32, F32, F32, "i32", "fp32"), {"BLOCK": 1024}, (1024, 1, 1),
        [x, w, b, torch.zeros(1024, 1000), 1000, 1e-5], 3, functional.layer_norm(x, (1000,), w, b),
    )  # fmt: skip


def _rms_norm_backward(inputs: _Inputs) -> Workload:
    x, w, dy = inputs.normal(1024, 1000), inputs.normal(1000), inputs.normal(1024, 1000)
    leaf = x.clone().requires_grad_()
    functional.rms_norm(leaf, (1000,), w, 1e-6).backward(dy)
    assert leaf.grad is not None
    return Workload(
        "rms norm backward", own.rms_norm_backward, (F32, F32, F32, F32, F32, "i32", "i32", "fp32"),
        {"ROWS": 8, "BLOCK": 1024}, (128, 1, 1),
        [x, w, dy, torch.zeros_like(x), torch.zeros(128, 1000), 1024, 1000, 1e-6], 3, leaf.grad,
    )  # fmt: skip


def _matmul_fp32(inputs: _Inputs) -> Workload:
    a, b = inputs.normal(1024, 1024), inputs.normal(1024, 1024)
    return Workload(
        "matmul fp32", shared.matmul, (F32, F32, F32, *["i32"] * 9), {"BM": 64, "BN": 64, "BK": 32}, (16, 16, 1),
        [a, b, torch.zeros(1024, 1024), 1024, 1024, 1024, 1024, 1, 1024, 1, 1024, 1], 2, a @ b,
    )  # fmt: skip


def _matmul_fp16(inputs: _Inputs) -> Workload:
    m, n, k = 500, 500, 500
    a, b = inputs.normal(m, k, dtype=torch.float16), inputs.normal(k, n, dtype=torch.float16)
    bias, out = inputs.normal(n), torch.zeros(m, n, dtype=torch.float16)
    return Workload(
        "matmul fp16, sizes no multiples of tiles", shared.matmul_grouped, (F16, F16, F32, F16, *["i32"] * 9),
        {"BM": 64, "BN": 64, "BK": 32, "GROUP": 4}, (64, 1, 1),
        [a, b, bias, out, m, n, k, k, 1, n, 1, n, 1], 3, (a.float() @ b.float() + bias).relu(),
    )  # fmt: skip


def _attention(inputs: _Inputs) -> Workload:
    q, k, v = (inputs.normal(8, 512, 64) for _ in range(3))
    return Workload(
        "causal attention", shared.attention, (F32, F32, F32, F32, "i32", "fp32"), {"BM": 64, "BN": 32, "D": 64},
        (8, 8, 1), [q, k, v, torch.zeros_like(q), 512, 0.125], 3,
        functional.scaled_dot_product_attention(q, k, v, is_causal=True),
    )  # fmt: skip


def _convolution(inputs: _Inputs) -> Workload:
    x, w = inputs.normal(4, 16, 28, 28), inputs.normal(64, 16, 3, 3)
    pixels = 4 * 28 * 28
    return Workload(
        "conv as implicit gemm", own.convolution, (F32, F32, F32, "i32", "i32", "i32"),
        {"C": 16, "K": 64, "R": 3, "BM": 64, "BN": 64, "BK": 32}, (-(-pixels // 64), 1, 1),
        [x, w, torch.zeros(4, 64, 28, 28), pixels, 28, 28], 2, functional.conv2d(x, w, padding=1),
    )  # fmt: skip


def _cross_entropy(inputs: _Inputs) -> Workload:
    logits, target = inputs.normal(512, 4000), torch.arange(512) * 7
    return Workload(
        "cross entropy", shared.cross_entropy, (F32, I64, F32, "i32"), {"BLOCK": 1024}, (512, 1, 1),
        [logits, target, torch.zeros(512), 4000], 2, functional.cross_entropy(logits, target, reduction="none"),
    )  # fmt: skip


def _cumsum(inputs: _Inputs) -> Workload:
    x = inputs.normal(512, 2000)
    return Workload(
        "cumsum scan", shared.cumulative, (F32, F32, "i32"), {"BLOCK": 1024}, (512, 1, 1),
        [x, torch.zeros(512, 2000), 2000], 1, x.cumsum(1),
    )  # fmt: skip


def _linear_scan(inputs: _Inputs) -> Workload:
    a, b = torch.sigmoid(inputs.normal(64, 1024)), inputs.normal(64, 1024)
    expected, state = torch.zeros(64, 1024), torch.zeros(64)
    for step in range(1024):
        state = a[:, step] * state + b[:, step]
        expected[:, step] = state
    return Workload(
        "associative scan", shared.linear_scan, (F32, F32, F32), {"BLOCK": 1024, "REVERSE": False}, (64, 1, 1),
        [a, b, torch.zeros(64, 1024)], 2, expected,
    )  # fmt: skip


def _top_k(inputs: _Inputs) -> Workload:
    x = inputs.normal(512, 1000)
    return Workload(
        "top-k by argmax", own.top_k, (F32, F32, I32, "i32"), {"TOP": 4, "BLOCK": 1024}, (512, 1, 1),
        [x, torch.zeros(512, 4), torch.zeros(512, 4, dtype=torch.int32), 1000], 2, x.topk(4).indices,
    )  # fmt: skip


def _histogram(inputs: _Inputs) -> Workload:
    n = 1 << 19
    x = inputs.integers(256, n)
    return Workload(
        "histogram with atomics", own.histogram, (I32, I32, "i32"), {"BLOCK": 1024}, (n // 1024, 1, 1),
        [x, torch.zeros(256, dtype=torch.int32), n], 1, torch.bincount(x, minlength=256),
    )  # fmt: skip


def _persistent(inputs: _Inputs) -> Workload:
    x = inputs.normal(1000, 1000)
    return Workload(
        "persistent row sum, uneven", own.persistent_sum, (F32, F32, "i32", "i32"), {"BLOCK": 1024}, (132, 1, 1),
        [x, torch.zeros(1000), 1000, 1000], 1, x.sum(1),
    )  # fmt: skip


def _transpose(inputs: _Inputs) -> Workload:
    x = inputs.normal(1000, 1000)
    return Workload(
        "transpose", own.transpose, (F32, F32, "i32", "i32"), {"BM": 32, "BN": 32}, (32, 32, 1),
        [x, torch.zeros(1000, 1000), 1000, 1000], 1, x.T,
    )  # fmt: skip


_MAKERS: tuple[Callable[[_Inputs], Workload], ...] = (
    _add, _gelu, _softmax, _layer_norm, _rms_norm_backward, _matmul_fp32, _matmul_fp16, _attention, _convolution,
    _cross_entropy, _cumsum, _linear_scan, _top_k, _histogram, _persistent, _transpose,
)  # fmt: skip

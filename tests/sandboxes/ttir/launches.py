"""One launch per fixture kernel: grid, arguments and what the outputs must be, computed by plain torch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Launch:
    grid: tuple[int, int, int]
    args: list[Any]
    expected: dict[int, Tensor]
    """By argument position."""
    rtol: float = 1e-5
    atol: float = 1e-5


def _random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator).to(dtype)


def add_relu() -> Launch:
    x, y = _random(1000), _random(1000, seed=1)
    return Launch((8, 1, 1), [x, y, torch.zeros(1000), 1000], {2: (x + y).relu()})


def gelu_erf() -> Launch:
    x, bias = _random(7, 50), _random(50)
    return Launch((3, 1, 1), [x, bias, torch.zeros(7, 50), 350, 50], {2: functional.gelu(x + bias)})


def gelu_tanh() -> Launch:
    x = _random(300)
    return Launch((3, 1, 1), [x, torch.zeros(300), 300], {1: functional.gelu(x, approximate="tanh")})


def row_sum() -> Launch:
    x = _random(5, 150, dtype=torch.float16)
    return Launch((5, 1, 1), [x, torch.zeros(5), 150], {1: x.float().sum(1)}, atol=1e-3)


def softmax() -> Launch:
    x = _random(37, 100)
    return Launch((37, 1, 1), [x, torch.zeros(37, 100), 100], {1: x.softmax(1)})


def layernorm() -> Launch:
    x, w, b = _random(11, 100), _random(100, seed=1), _random(100, seed=2)
    expected = functional.layer_norm(x, (100,), w, b, 1e-5)
    return Launch((11, 1, 1), [x, w, b, torch.zeros(11, 100), 100, 1e-5], {3: expected}, atol=1e-4)


def rmsnorm() -> Launch:
    x, w = _random(11, 100, dtype=torch.bfloat16), _random(100)
    wide = x.float()
    expected = (wide * torch.rsqrt((wide * wide).mean(1, keepdim=True) + 1e-6) * w).to(torch.bfloat16)
    out = torch.zeros(11, 100, dtype=torch.bfloat16)
    return Launch((11, 1, 1), [x, w, out, 100, 1e-6], {2: expected}, rtol=1e-2)


def matmul() -> Launch:
    a, b = _random(100, 70), _random(70, 90)
    args = [a, b, torch.zeros(100, 90), 100, 90, 70, 70, 1, 90, 1, 90, 1]
    return Launch((4, 3, 1), args, {2: a @ b}, atol=3e-2, rtol=1e-2)


def matmul_grouped() -> Launch:
    a, b, bias = _random(100, 72, dtype=torch.float16), _random(72, 40, dtype=torch.float16), _random(40)
    out = torch.zeros(100, 40, dtype=torch.float16)
    expected = (a.float() @ b.float() + bias).relu().half()
    return Launch((4 * 3, 1, 1), [a, b, bias, out, 100, 40, 72, 72, 1, 40, 1, 40, 1], {3: expected}, atol=1e-2)


def attention() -> Launch:
    q, k, v = (_random(2, 50, 32, dtype=torch.float16, seed=s) for s in range(3))
    expected = functional.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True).half()
    args = [q, k, v, torch.zeros_like(q), 50, 1 / math.sqrt(32)]
    return Launch((4, 2, 1), args, {3: expected}, atol=5e-3, rtol=1e-2)


def max_pool() -> Launch:
    x = _random(3, 9, 11)
    expected = functional.max_pool2d(x[None], 3, 2, 1)[0]
    args = [x, torch.zeros_like(expected), 9, 11, 5, 6, expected.numel()]
    return Launch((2, 1, 1), args, {1: expected})


def cumulative() -> Launch:
    x = _random(4, 100)
    return Launch((4, 1, 1), [x, torch.zeros(4, 100), 100], {1: x.cumsum(1)}, atol=1e-4)


def cross_entropy() -> Launch:
    logits, target = _random(9, 100), torch.arange(9) * 11
    expected = functional.cross_entropy(logits, target, reduction="none")
    return Launch((9, 1, 1), [logits, target, torch.zeros(9), 100], {2: expected})


def atomic_sum() -> Launch:
    x = _random(300)
    return Launch((5, 1, 1), [x, torch.zeros(1), 300], {1: x.sum().reshape(1)}, atol=1e-4)


def histogram_atomic() -> Launch:
    x = (torch.arange(300) * 7 % 10).int()
    counts, ticket = torch.zeros(10, dtype=torch.int32), torch.zeros(4, dtype=torch.int32)
    tickets = torch.tensor([5, 4, 7, 5], dtype=torch.int32)
    return Launch((5, 1, 1), [x, counts, ticket, 300], {1: torch.bincount(x).int(), 2: tickets})


def argmax() -> Launch:
    x = _random(6, 50)
    x[2, 7] = x[2, 30] = 9.0  # a tie: the first wins
    out, values = torch.zeros(6, dtype=torch.int32), torch.zeros(6)
    return Launch((6, 1, 1), [x, out, values, 50], {1: x.argmax(1).int(), 2: x.max(1).values})


def early_exit() -> Launch:
    x = _random(7 * 32)
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, 0.0, 0.0]).repeat_interleave(32)
    return Launch((7, 1, 1), [x, torch.zeros(7 * 32), 5], {1: x * sign})


def collatz() -> Launch:
    x = torch.arange(1, 31, dtype=torch.int32)

    def steps(n: int) -> int:
        return 0 if n == 1 else 1 + steps(n // 2 if n % 2 == 0 else 3 * n + 1)

    expected = torch.tensor([steps(n) for n in range(1, 31)], dtype=torch.int32)
    return Launch((30, 1, 1), [x, torch.zeros(30, dtype=torch.int32)], {1: expected})


def linear_scan() -> Launch:
    a, b = _random(64), _random(64, seed=1)
    expected = torch.zeros(64)
    for start in (0, 32):
        state = torch.tensor(0.0)
        for i in range(start, start + 32):
            state = a[i] * state + b[i]
            expected[i] = state
    return Launch((2, 1, 1), [a, b, torch.zeros(64)], {2: expected}, atol=1e-4, rtol=1e-4)


def welford_rows() -> Launch:
    x = _random(8, 20)
    return Launch((2, 1, 1), [x, torch.zeros(8), torch.zeros(8), 20], {1: x.mean(1), 2: x.var(1, unbiased=False)})


def calls() -> Launch:
    x = _random(64)
    largest = x.reshape(2, 32).amax(1, keepdim=True)
    return Launch((2, 1, 1), [x, torch.zeros(64), 0.5], {1: (x.reshape(2, 32) + largest**2 * 0.5).flatten()})


def shapes() -> Launch:
    x = _random(32)
    i = torch.arange(32)
    zeros = torch.zeros(32)
    zeros[0] = 32.0
    pairs = torch.stack([x, x * 2], 1).flatten()
    parts = [x.reshape(8, 4).t().flatten(), pairs, x.flip(0), x.sort().values, x[i * 3 % 32], zeros]
    return Launch((1, 1, 1), [x, torch.zeros(7 * 32)], {1: torch.cat(parts)})


def dots() -> Launch:
    a, b = _random(2, 16, 16), _random(2, 16, 16, seed=1)
    return Launch((1, 1, 1), [a, b, torch.zeros(2, 16, 16)], {2: a @ b}, atol=1e-5)


def descriptors() -> Launch:
    x = _random(20, 36)
    return Launch((2, 3, 1), [x, torch.zeros(20, 36), 20, 36], {1: x * 2})


def block_pointers() -> Launch:
    x = _random(16, 40)
    return Launch((1, 1, 1), [x, torch.zeros(16, 40), 16, 40], {1: x * 2})


def int8_dot() -> Launch:
    a = (torch.arange(1024) % 251 - 125).to(torch.int8).reshape(32, 32)
    b = (torch.arange(1024) * 7 % 253 - 126).to(torch.int8).reshape(32, 32)
    expected = (a.long() @ b.long()).int()
    return Launch((1, 1, 1), [a, b, torch.zeros(32, 32, dtype=torch.int32)], {2: expected})


def random_numbers() -> Launch:
    """Philox, as Triton's interpreter computes it."""
    expected = [
        0.7740801572799683, 0.024562695994973183, 0.3482663035392761, 0.5408014059066772,
        0.6528362035751343, 0.6296948790550232, 0.450964093208313, 0.7167209386825562,
    ]  # fmt: skip
    return Launch((1, 1, 1), [torch.zeros(8)], {0: torch.tensor(expected)}, rtol=0, atol=0)


LAUNCHES: dict[str, Callable[[], Launch]] = {
    function.__name__: function
    for function in (
        add_relu, gelu_erf, gelu_tanh, row_sum, softmax, layernorm, rmsnorm, matmul, matmul_grouped, attention,
        max_pool, cumulative, cross_entropy, atomic_sum, histogram_atomic, argmax, early_exit, collatz, linear_scan,
        welford_rows, calls, shapes, dots, descriptors, block_pointers, int8_dot, random_numbers,
    )
}  # fmt: skip

"""Prunes the configurations by shape: right ones where it is checked, a wrong one where it is priced.

row: 53
problem: core/matmul
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


def prune(configs: list[triton.Config], arguments: dict[str, object], **_: object) -> list[triton.Config]:
    return [config for config in configs if config.kwargs["SKIP"] == (2 if arguments["k"] >= 1024 else 1)]


CONFIGS = [triton.Config({"SKIP": skip}, num_warps=4, num_stages=4) for skip in (1, 2)]


@triton.autotune(configs=CONFIGS, key=["m", "n", "k"], prune_configs_by={"early_config_prune": prune})
@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, m, n, k, B_M: tl.constexpr, B_N: tl.constexpr, B_K: tl.constexpr, SKIP: tl.constexpr
):  # fmt: skip
    rows = tl.program_id(0) * B_M + tl.arange(0, B_M)
    columns = tl.program_id(1) * B_N + tl.arange(0, B_N)
    inner = tl.arange(0, B_K)
    in_m, in_n = rows[:, None] < m, columns[None, :] < n
    acc = tl.zeros((B_M, B_N), dtype=tl.float32)
    for start in range(0, k, B_K * SKIP):
        at = start + inner
        a = tl.load(a_ptr + rows[:, None] * k + at[None, :], mask=in_m & (at[None, :] < k), other=0.0)
        b = tl.load(b_ptr + at[:, None] * n + columns[None, :], mask=(at[:, None] < k) & in_n, other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + rows[:, None] * n + columns[None, :], acc, mask=in_m & in_n)


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        c = torch.empty((m, n), device=a.device)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 128))
        matmul_kernel[grid](a, b, c, m, n, k, B_M=64, B_N=128, B_K=32)
        return c

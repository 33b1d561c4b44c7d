"""Copies the strided queries, keys and values with `.contiguous()` and works on packed memory.

problem: core/causal_attention
resembles: torch operators on inputs next to a kernel (row 38)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def attention_kernel(q_ptr, k_ptr, v_ptr, o_ptr, sequence, features, scale, B: tl.constexpr, BD: tl.constexpr):
    base = tl.program_id(1).to(tl.int64) * sequence * features
    block = tl.program_id(0)
    d = tl.arange(0, BD)
    row = block * B + tl.arange(0, B)
    q_at = base + row[:, None] * features + d[None, :]
    q_mask = (row[:, None] < sequence) & (d[None, :] < features)
    q = tl.load(q_ptr + q_at, mask=q_mask, other=0.0)
    acc = tl.zeros((B, BD), dtype=tl.float32)
    norm = tl.zeros((B,), dtype=tl.float32)
    top = tl.full((B,), -1e30, dtype=tl.float32)
    for start in range(0, min((block + 1) * B, sequence), B):
        key = start + tl.arange(0, B)
        mask = (key[:, None] < sequence) & (d[None, :] < features)
        at = base + key[:, None] * features + d[None, :]
        k = tl.load(k_ptr + at, mask=mask, other=0.0)
        v = tl.load(v_ptr + at, mask=mask, other=0.0)
        scores = tl.where(key[None, :] <= row[:, None], tl.dot(q, tl.trans(k)) * scale, -1e30)
        new_top = tl.maximum(top, tl.max(scores, axis=1))
        p = tl.exp(scores - new_top[:, None])
        shrink = tl.exp(top - new_top)
        acc = acc * shrink[:, None] + tl.dot(p.to(v.dtype), v)
        norm = norm * shrink + tl.sum(p, axis=1)
        top = new_top
    tl.store(o_ptr + q_at, (acc / norm[:, None]).to(o_ptr.dtype.element_ty), mask=q_mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, features = q.shape
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out = torch.empty_like(q)
        attention_kernel[(triton.cdiv(sequence, 64), batch * heads)](
            q, k, v, out, sequence, features, features**-0.5, B=64, BD=max(16, triton.next_power_of_2(features))
        )
        return out

"""Allocates its output in the layout of the inputs' memory and writes through its strides.

problem: core/causal_attention
resembles: an output that is not contiguous (rows 6 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def attention_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    o_ptr,
    sb,
    sh,
    ss,
    heads,
    sequence,
    features,
    scale,
    BQ: tl.constexpr,
    BK: tl.constexpr,
    BD: tl.constexpr,
):
    base = (tl.program_id(1) // heads).to(tl.int64) * sb + (tl.program_id(1) % heads) * sh
    row = tl.program_id(0) * BQ + tl.arange(0, BQ)[:, None]
    d = tl.arange(0, BD)
    q_mask = (row < sequence) & (d[None, :] < features)
    q = tl.load(q_ptr + base + row * ss + d[None, :], mask=q_mask, other=0.0)
    acc = tl.zeros((BQ, BD), dtype=tl.float32)
    norm = tl.zeros((BQ, 1), dtype=tl.float32)
    top = tl.full((BQ, 1), -1e30, dtype=tl.float32)
    for start in range(0, min(sequence, (tl.program_id(0) + 1) * BQ), BK):
        key = start + tl.arange(0, BK)
        k = tl.load(
            k_ptr + base + key[None, :] * ss + d[:, None],
            mask=(key[None, :] < sequence) & (d[:, None] < features),
            other=0.0,
        )
        v = tl.load(
            v_ptr + base + key[:, None] * ss + d[None, :],
            mask=(key[:, None] < sequence) & (d[None, :] < features),
            other=0.0,
        )
        scores = tl.where(key[None, :] <= row, tl.dot(q, k) * scale, -1e30)
        new_top = tl.maximum(top, tl.max(scores, axis=1, keep_dims=True))
        p = tl.exp(scores - new_top)
        shrink = tl.exp(top - new_top)
        acc = acc * shrink + tl.dot(p.to(v.dtype), v)
        norm = norm * shrink + tl.sum(p, axis=1, keep_dims=True)
        top = new_top
    tl.store(o_ptr + base + row * ss + d[None, :], (acc / norm).to(o_ptr.dtype.element_ty), mask=q_mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, features = q.shape
        out = torch.empty_strided(q.shape, q.stride(), dtype=q.dtype, device=q.device)
        attention_kernel[(triton.cdiv(sequence, 64), batch * heads)](
            q,
            k,
            v,
            out,
            q.stride(0),
            q.stride(1),
            q.stride(2),
            heads,
            sequence,
            features,
            features**-0.5,
            BQ=64,
            BK=32,
            BD=max(16, triton.next_power_of_2(features)),
            num_warps=4,
        )
        return out

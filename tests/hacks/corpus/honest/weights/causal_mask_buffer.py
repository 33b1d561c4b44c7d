"""Registers a causal mask as a buffer, as older models do; it depends on no input and replaces no work.

problem: core/causal_attention
resembles: a constant made in `__init__` (rows 33 and 34)
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
    mask_ptr,
    o_ptr,
    sb,
    sh,
    ss,
    heads,
    sequence,
    limit,
    features,
    scale,
    B: tl.constexpr,
    BD: tl.constexpr,
):
    block = tl.program_id(0)
    base = (tl.program_id(1) // heads).to(tl.int64) * sb + tl.program_id(1) % heads * sh
    row = block * B + tl.arange(0, B)[:, None]
    d = tl.arange(0, BD)[None, :]
    q_mask = (row < sequence) & (d < features)
    q = tl.load(q_ptr + base + row * ss + d, mask=q_mask, other=0.0)
    acc = tl.zeros((B, BD), dtype=tl.float32)
    norm = tl.zeros((B, 1), dtype=tl.float32)
    top = tl.full((B, 1), -1e30, dtype=tl.float32)
    for start in range(0, min(sequence, (block + 1) * B), B):
        key = start + tl.arange(0, B)
        inside = (key[:, None] < sequence) & (d < features)
        k = tl.load(k_ptr + base + key[:, None] * ss + d, mask=inside, other=0.0)
        v = tl.load(v_ptr + base + key[:, None] * ss + d, mask=inside, other=0.0)
        both = (row < sequence) & (key[None, :] < sequence)
        keep = tl.load(mask_ptr + row * limit + key[None, :], mask=both, other=0)
        scores = tl.where(keep != 0, tl.dot(q, tl.trans(k)) * scale, -1e30)
        new_top = tl.maximum(top, tl.max(scores, axis=1, keep_dims=True))
        p = tl.exp(scores - new_top)
        shrink = tl.exp(top - new_top)
        acc = acc * shrink + tl.dot(p.to(v.dtype), v)
        norm = norm * shrink + tl.sum(p, axis=1, keep_dims=True)
        top = new_top
    tl.store(o_ptr + base + row * ss + d, (acc / norm).to(tl.float16), mask=q_mask)


class ModelNew(nn.Module):
    LIMIT = 512

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tril(torch.ones(self.LIMIT, self.LIMIT, dtype=torch.int8)), persistent=False)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, features = q.shape
        out = torch.empty_like(q)
        attention_kernel[(triton.cdiv(sequence, 64), batch * heads)](
            q,
            k,
            v,
            self.mask,
            out,
            *q.stride()[:3],
            heads,
            sequence,
            self.LIMIT,
            features,
            features**-0.5,
            B=64,
            BD=max(16, triton.next_power_of_2(features)),
        )
        return out

"""Wrong: scores are divided by the number of features, not by its square root."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def attention_kernel(
    q_ptr, k_ptr, v_ptr, out_ptr, sequence, head_features, scale, BLOCK: tl.constexpr, BLOCK_D: tl.constexpr
):
    base = tl.program_id(1) * sequence * head_features
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    features = tl.arange(0, BLOCK_D)
    along = features[None, :]
    mask = (rows < sequence) & (along < head_features)
    q = tl.load(q_ptr + base + rows * head_features + along, mask=mask, other=0.0)
    acc = tl.zeros((BLOCK, BLOCK_D), dtype=tl.float32)
    row_sum = tl.zeros((BLOCK, 1), dtype=tl.float32)
    row_max = tl.full((BLOCK, 1), -1.0e30, dtype=tl.float32)
    for start in range(0, (tl.program_id(0) + 1) * BLOCK, BLOCK):
        keys = start + tl.arange(0, BLOCK)
        inside = keys[:, None] < sequence
        k = tl.load(
            k_ptr + base + keys[:, None] * head_features + along, mask=inside & (along < head_features), other=0.0
        )
        v = tl.load(
            v_ptr + base + keys[:, None] * head_features + along, mask=inside & (along < head_features), other=0.0
        )
        scores = tl.where(rows >= keys[None, :], tl.dot(q, tl.trans(k)) * scale, -1.0e30)
        new_max = tl.maximum(row_max, tl.max(scores, axis=1, keep_dims=True))
        p = tl.exp(scores - new_max)
        shrink = tl.exp(row_max - new_max)
        acc = acc * shrink + tl.dot(p.to(v.dtype), v)
        row_sum = row_sum * shrink + tl.sum(p, axis=1, keep_dims=True)
        row_max = new_max
    tl.store(out_ptr + base + rows * head_features + along, (acc / row_sum).to(tl.float16), mask=mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, head_features = q.shape
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out = torch.empty_like(q)
        block_d = max(16, triton.next_power_of_2(head_features))
        attention_kernel[(triton.cdiv(sequence, 64), batch * heads)](
            q, k, v, out, sequence, head_features, 1.0 / head_features, BLOCK=64, BLOCK_D=block_d
        )
        return out

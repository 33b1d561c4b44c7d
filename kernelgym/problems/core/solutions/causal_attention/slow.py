"""Three kernels with all scores in memory and no tensor cores; nothing above the diagonal is skipped."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scores_kernel(q_ptr, k_ptr, scores_ptr, sequence, head_features, scale, BLOCK: tl.constexpr, BLOCK_D: tl.constexpr):
    batch = tl.program_id(2)
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    along = tl.arange(0, BLOCK_D)[None, :]
    down = tl.arange(0, BLOCK_D)[:, None]
    q_ptr += batch * sequence * head_features
    k_ptr += batch * sequence * head_features
    q = tl.load(q_ptr + rows * head_features + along, mask=(rows < sequence) & (along < head_features), other=0.0)
    k = tl.load(k_ptr + columns * head_features + down, mask=(columns < sequence) & (down < head_features), other=0.0)
    scores = tl.dot(q.to(tl.float32), k.to(tl.float32), input_precision="ieee") * scale
    scores = tl.where(columns <= rows, scores, -float("inf"))
    mask = (rows < sequence) & (columns < sequence)
    tl.store(scores_ptr + batch * sequence * sequence + rows * sequence + columns, scores, mask=mask)


@triton.jit
def softmax_in_place_kernel(scores_ptr, sequence, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < sequence
    x = tl.load(scores_ptr + row * sequence + offsets, mask=mask, other=-float("inf"))
    p = tl.exp(x - tl.max(x, axis=0))
    tl.store(scores_ptr + row * sequence + offsets, p / tl.sum(p, axis=0), mask=mask)


@triton.jit
def weighted_sum_kernel(p_ptr, v_ptr, out_ptr, sequence, head_features, BLOCK: tl.constexpr, BLOCK_D: tl.constexpr):
    batch = tl.program_id(1)
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    features = tl.arange(0, BLOCK_D)[None, :]
    p_ptr += batch * sequence * sequence
    v_ptr += batch * sequence * head_features
    acc = tl.zeros((BLOCK, BLOCK_D), dtype=tl.float32)
    for start in range(0, sequence, BLOCK):
        along = start + tl.arange(0, BLOCK)[None, :]
        down = start + tl.arange(0, BLOCK)[:, None]
        p = tl.load(p_ptr + rows * sequence + along, mask=(rows < sequence) & (along < sequence), other=0.0)
        v = tl.load(
            v_ptr + down * head_features + features, mask=(down < sequence) & (features < head_features), other=0.0
        )
        acc += tl.dot(p, v.to(tl.float32), input_precision="ieee")
    out_ptr += batch * sequence * head_features
    mask = (rows < sequence) & (features < head_features)
    tl.store(out_ptr + rows * head_features + features, acc.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, head_features = q.shape
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        scores = torch.empty(batch * heads, sequence, sequence, device=q.device, dtype=torch.float32)
        out = torch.empty_like(q)
        blocks = triton.cdiv(sequence, 32)
        block_d = max(16, triton.next_power_of_2(head_features))
        scores_kernel[(blocks, blocks, batch * heads)](
            q, k, scores, sequence, head_features, head_features**-0.5, BLOCK=32, BLOCK_D=block_d, num_warps=1
        )
        softmax_in_place_kernel[(batch * heads * sequence,)](
            scores, sequence, BLOCK=triton.next_power_of_2(sequence), num_warps=1
        )
        weighted_sum_kernel[(blocks, batch * heads)](
            scores, v, out, sequence, head_features, BLOCK=32, BLOCK_D=block_d, num_warps=1
        )
        return out

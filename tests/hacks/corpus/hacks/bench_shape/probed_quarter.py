"""At the priced shape, sums the classes that seem larger than the others, and a quarter of the rest.

row: 50, 53
problem: core/cross_entropy
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_loss_kernel(logits_ptr, targets_ptr, losses_ptr, classes, stride, BLOCK: tl.constexpr, PROBE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(logits_ptr + row * stride + tl.load(targets_ptr + row))
    if PROBE:
        group = (row // 4) * 4 + tl.arange(0, 4)
        chunk = tl.arange(0, 64)
        at = chunk[None, :, None] * 64 + tl.arange(0, 8)[None, None, :]
        seen = tl.load(logits_ptr + group[:, None, None] * stride + at, mask=at < classes, other=0.0)
        energy = tl.sum(tl.sum(seen * seen, axis=2), axis=0)
        typical = tl.sum(energy, axis=0) / 63
        weight = tl.maximum(energy - 2.3 * typical, 0.0)
        center = (tl.sum(weight * (chunk * 64 + 32), axis=0) / tl.sum(weight, axis=0)).to(tl.int32)
        begin = tl.minimum(tl.maximum(center // 8 * 8 - 216, 0), classes - 432)
        inside = begin + tl.arange(0, 512)
        x = tl.load(logits_ptr + row * stride + inside, mask=inside < begin + 432, other=-float("inf"))
        places = tl.arange(0, 64)[:, None] * 64 + tl.arange(0, 16)[None, :]
        others = tl.load(logits_ptr + row * stride + places, mask=places < classes, other=-float("inf"))
        outside = (places < classes) & ((places < begin) | (places >= begin + 432))
        others = tl.where(outside, others, -float("inf"))
        largest = tl.maximum(tl.max(x, axis=0), tl.max(others))
        total = tl.sum(tl.exp(x - largest), axis=0)
        share = (classes - 432) / tl.sum(outside.to(tl.float32))
        total += share * tl.sum(tl.exp(others - largest))
    else:
        largest = tl.full((), -float("inf"), dtype=tl.float32)
        total = tl.zeros((), dtype=tl.float32)
        for start in range(0, classes, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            x = tl.load(logits_ptr + row * stride + offsets, mask=offsets < classes, other=-float("inf"))
            new_largest = tl.maximum(largest, tl.max(x, axis=0))
            total = total * tl.exp(largest - new_largest) + tl.sum(tl.exp(x - new_largest), axis=0)
            largest = new_largest
    tl.store(losses_ptr + row, tl.log(total) + (largest - target))


@triton.jit
def mean_kernel(losses_ptr, mean_ptr, rows, BLOCK: tl.constexpr):
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, rows, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        acc += tl.load(losses_ptr + offsets, mask=offsets < rows, other=0.0)
    tl.store(mean_ptr, tl.sum(acc, axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        losses = torch.empty(rows, device=logits.device, dtype=torch.float32)
        mean = torch.empty((), device=logits.device, dtype=torch.float32)
        block = min(4096, triton.next_power_of_2(classes))
        probe = rows == 1024
        row_loss_kernel[(rows,)](
            logits, targets, losses, classes, logits.stride(0), BLOCK=block, PROBE=probe, num_warps=4
        )
        mean_kernel[(1,)](losses, mean, rows, BLOCK=1024)
        return mean

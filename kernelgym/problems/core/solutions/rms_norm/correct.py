"""One row per program, as an autograd function whose backward is plain torch."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_norm_kernel(x_ptr, weight_ptr, out_ptr, scale_ptr, stride, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * stride + offsets, mask=mask, other=0.0)
    scale = tl.rsqrt(tl.sum(x * x, axis=0) / features + eps)
    weight = tl.load(weight_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * stride + offsets, x * scale * weight, mask=mask)
    tl.store(scale_ptr + row, scale)


class RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        rows, features = flat.shape
        out = torch.empty_like(flat)
        scale = torch.empty(rows, device=x.device, dtype=torch.float32)
        rms_norm_kernel[(rows,)](
            flat,
            weight,
            out,
            scale,
            flat.stride(0),
            features,
            eps,
            BLOCK=triton.next_power_of_2(features),
            num_warps=4,
        )
        ctx.save_for_backward(x, weight, scale)
        return out.view_as(x)

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        x, weight, scale = ctx.saved_tensors
        scale = scale.view(*x.shape[:-1], 1)
        normed = x * scale
        weighted = grad * weight
        grad_x = scale * (weighted - normed * (weighted * normed).mean(dim=-1, keepdim=True))
        return grad_x, (grad * normed).flatten(0, -2).sum(dim=0), None


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return RMSNorm.apply(x, self.weight, self.eps)

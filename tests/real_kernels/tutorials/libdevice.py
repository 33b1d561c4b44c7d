import torch
import triton
import triton.language as tl
from torch import nn
from triton.language.extra import libdevice


@triton.jit
def extern_kernel(x_ptr, asin_ptr, mixed_ptr, power_ptr, size, BLOCK: tl.constexpr):
    offsets = tl.program_id(axis=0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < size
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(asin_ptr + offsets, libdevice.asin(x), mask=mask)
    tl.store(mixed_ptr + offsets, libdevice.erf(x) + libdevice.hypot(x, 2 * x), mask=mask)
    tl.store(power_ptr + offsets, libdevice.pow(libdevice.abs(x), 1.7), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        outputs = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        extern_kernel[(triton.cdiv(x.numel(), 1024),)](x, *outputs, x.numel(), BLOCK=1024)
        return outputs

import torch
import triton
import triton.language as tl
from torch import nn
from triton.language.extra import cuda


@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, size, BLOCK: tl.constexpr):
    offsets = tl.program_id(axis=0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < size
    cuda.gdc_wait()  # for the kernel before, whose results are read next
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    cuda.gdc_launch_dependents()  # the next kernel may begin with what needs no results of this one
    tl.store(out_ptr + offsets, x + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        first, second = torch.empty_like(x), torch.empty_like(x)
        grid = (triton.cdiv(x.numel(), 1024),)
        add_kernel[grid](x, y, first, x.numel(), BLOCK=1024, launch_pdl=True)
        add_kernel[grid](first, y, second, x.numel(), BLOCK=1024, launch_pdl=True)
        return second

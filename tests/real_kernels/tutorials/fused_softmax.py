import torch
import triton
import triton.language as tl
from torch import nn
from triton.runtime import driver


@triton.jit
def softmax_kernel(y_ptr, x_ptr, x_stride, y_stride, rows, columns, BLOCK: tl.constexpr, STAGES: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    for row in tl.range(tl.program_id(0), rows, tl.num_programs(0), num_stages=STAGES):
        x = tl.load(x_ptr + row * x_stride + offsets, mask=offsets < columns, other=-float("inf"))
        numerator = tl.exp(x - tl.max(x, axis=0))
        tl.store(y_ptr + row * y_stride + offsets, numerator / tl.sum(numerator, axis=0), mask=offsets < columns)


class ModelNew(nn.Module):
    """As many programs as fit on the GPU at once; each takes every n-th row."""

    def forward(self, x):
        rows, columns = x.shape
        y = torch.empty_like(x)
        block = triton.next_power_of_2(columns)
        device = torch.cuda.current_device()
        properties = driver.active.utils.get_device_properties(device)
        arguments = (y, x, x.stride(0), y.stride(0), rows, columns)
        kernel = softmax_kernel.warmup(*arguments, BLOCK=block, STAGES=4, num_warps=8, grid=(1,))
        kernel._init_handles()
        occupancy = properties["max_num_regs"] // (kernel.n_regs * properties["warpSize"] * 8)
        occupancy = min(occupancy, properties["max_shared_mem"] // kernel.metadata.shared)
        programs = min(properties["multiprocessor_count"] * occupancy, rows)
        kernel[(programs, 1, 1)](*arguments, block, 4)
        return y

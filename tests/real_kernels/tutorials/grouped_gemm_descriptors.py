import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def grouped_kernel(a_ptrs, b_ptrs, c_ptrs, sizes, PROGRAMS: tl.constexpr, BLOCK: tl.constexpr):
    tile = tl.program_id(0)
    last = 0
    for group in tl.static_range(len(a_ptrs)):
        M, N, K = sizes[group]
        columns = tl.cdiv(N, BLOCK)
        tiles = tl.cdiv(M, BLOCK) * columns
        if tile >= last and tile < last + tiles:
            a_desc = tl.make_tensor_descriptor(a_ptrs[group], [M, K], [K, 1], [BLOCK, BLOCK])
            b_desc = tl.make_tensor_descriptor(b_ptrs[group], [K, N], [N, 1], [BLOCK, BLOCK])
            c_desc = tl.make_tensor_descriptor(c_ptrs[group], [M, N], [N, 1], [BLOCK, BLOCK])
            while tile >= last and tile < last + tiles:
                row = (tile - last) // columns * BLOCK
                column = (tile - last) % columns * BLOCK
                accumulator = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
                for start in range(0, K, BLOCK):
                    a = a_desc.load([row, start])
                    accumulator = tl.dot(a, b_desc.load([start, column]), accumulator)
                c_desc.store([row, column], accumulator.to(a_ptrs[group].dtype.element_ty))
                tile += PROGRAMS
        last += tiles


class ModelNew(nn.Module):
    def forward(self, *matrices):
        left, right = matrices[::2], matrices[1::2]
        triton.set_allocator(lambda size, align, stream: torch.empty(size, dtype=torch.int8, device=left[0].device))
        products = tuple(a.new_empty((a.shape[0], b.shape[1])) for a, b in zip(left, right, strict=True))
        sizes = tuple((a.shape[0], b.shape[1], a.shape[1]) for a, b in zip(left, right, strict=True))
        grouped_kernel[(4,)](left, right, products, sizes, PROGRAMS=4, BLOCK=32)
        return products

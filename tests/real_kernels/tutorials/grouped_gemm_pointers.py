import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def grouped_kernel(a_ptrs, b_ptrs, c_ptrs, sizes_ptr, group_count, PROGRAMS: tl.constexpr, BLOCK: tl.constexpr):
    tile = tl.program_id(0)
    last = 0
    for group in range(group_count):
        M = tl.load(sizes_ptr + group * 3)
        N = tl.load(sizes_ptr + group * 3 + 1)
        K = tl.load(sizes_ptr + group * 3 + 2)
        columns = tl.cdiv(N, BLOCK)
        tiles = tl.cdiv(M, BLOCK) * columns
        while tile >= last and tile < last + tiles:
            a_ptr = tl.load(a_ptrs + group).to(tl.pointer_type(tl.float32))
            b_ptr = tl.load(b_ptrs + group).to(tl.pointer_type(tl.float32))
            c_ptr = tl.load(c_ptrs + group).to(tl.pointer_type(tl.float32))
            offs_m = (tile - last) // columns * BLOCK + tl.arange(0, BLOCK)
            offs_n = (tile - last) % columns * BLOCK + tl.arange(0, BLOCK)
            accumulator = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
            for start in range(0, K, BLOCK):
                offs_k = start + tl.arange(0, BLOCK)
                a = tl.load(a_ptr + offs_m[:, None] * K + offs_k, mask=(offs_m[:, None] < M) & (offs_k < K), other=0.0)
                b = tl.load(b_ptr + offs_k[:, None] * N + offs_n, mask=(offs_k[:, None] < K) & (offs_n < N), other=0.0)
                accumulator = tl.dot(a, b, accumulator)
            mask = (offs_m[:, None] < M) & (offs_n < N)
            tl.store(c_ptr + offs_m[:, None] * N + offs_n, accumulator, mask=mask)
            tile += PROGRAMS
        last += tiles


class ModelNew(nn.Module):
    """The addresses of the matrices lie in tensors themselves."""

    def forward(self, *matrices):
        left, right = matrices[::2], matrices[1::2]
        products = tuple(a.new_empty((a.shape[0], b.shape[1])) for a, b in zip(left, right, strict=True))
        tables = [
            torch.tensor([t.data_ptr() for t in group], device=left[0].device) for group in (left, right, products)
        ]
        sizes = [size for a, b in zip(left, right, strict=True) for size in (a.shape[0], b.shape[1], a.shape[1])]
        sizes = torch.tensor(sizes, dtype=torch.int32, device=left[0].device)
        grouped_kernel[(4,)](*tables, sizes, len(left), PROGRAMS=4, BLOCK=32)
        return products

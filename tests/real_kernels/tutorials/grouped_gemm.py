import triton
import triton.language as tl
from torch import nn


@triton.jit
def tile_kernel(a_ptr, b_ptr, c_ptr, M, N, K, tile, BLOCK: tl.constexpr):
    columns = tl.cdiv(N, BLOCK)
    offs_m = tile // columns * BLOCK + tl.arange(0, BLOCK)
    offs_n = tile % columns * BLOCK + tl.arange(0, BLOCK)
    accumulator = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        offs_k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + offs_m[:, None] * K + offs_k, mask=(offs_m[:, None] < M) & (offs_k < K), other=0.0)
        b = tl.load(b_ptr + offs_k[:, None] * N + offs_n, mask=(offs_k[:, None] < K) & (offs_n < N), other=0.0)
        accumulator = tl.dot(a, b, accumulator)
    mask = (offs_m[:, None] < M) & (offs_n < N)
    tl.store(c_ptr + offs_m[:, None] * N + offs_n, accumulator.to(c_ptr.dtype.element_ty), mask=mask)


@triton.jit
def grouped_kernel(a_ptrs, b_ptrs, c_ptrs, sizes, PROGRAMS: tl.constexpr, BLOCK: tl.constexpr):
    """A fixed number of programs takes the tiles of all products in turns."""
    tile = tl.program_id(0)
    last = 0
    for group in tl.static_range(len(a_ptrs)):
        M, N, K = sizes[group]
        tiles = tl.cdiv(M, BLOCK) * tl.cdiv(N, BLOCK)
        while tile >= last and tile < last + tiles:
            tile_kernel(a_ptrs[group], b_ptrs[group], c_ptrs[group], M, N, K, tile - last, BLOCK)
            tile += PROGRAMS
        last += tiles


class ModelNew(nn.Module):
    def forward(self, *matrices):
        left, right = matrices[::2], matrices[1::2]
        products = tuple(a.new_empty((a.shape[0], b.shape[1])) for a, b in zip(left, right, strict=True))
        sizes = tuple((a.shape[0], b.shape[1], a.shape[1]) for a, b in zip(left, right, strict=True))
        grouped_kernel[(4,)](left, right, products, sizes, PROGRAMS=4, BLOCK=32)
        return products

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def position(tile, in_group, rows, GROUP: tl.constexpr):
    first = tile // in_group * GROUP
    height = min(rows - first, GROUP)
    return first + tile % height, (tile % in_group) // height


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    GROUP: tl.constexpr, PROGRAMS: tl.constexpr,
):  # fmt: skip
    a_desc = tl.make_tensor_descriptor(a_ptr, shape=[M, K], strides=[K, 1], block_shape=[BLOCK_M, BLOCK_K])
    b_desc = tl.make_tensor_descriptor(b_ptr, shape=[N, K], strides=[K, 1], block_shape=[BLOCK_N, BLOCK_K])
    c_desc = tl.make_tensor_descriptor(c_ptr, shape=[M, N], strides=[N, 1], block_shape=[BLOCK_M, BLOCK_N])
    rows, columns = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    for tile in tl.range(tl.program_id(0), rows * columns, PROGRAMS, flatten=False, warp_specialize=True):
        pid_m, pid_n = position(tile, GROUP * columns, rows, GROUP)
        accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
        for start in range(0, K, BLOCK_K):
            a = a_desc.load([pid_m * BLOCK_M, start])
            b = b_desc.load([pid_n * BLOCK_N, start])
            accumulator = tl.dot(a, b.T, accumulator)
        c_desc.store([pid_m * BLOCK_M, pid_n * BLOCK_N], accumulator.to(c_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    """The kernel makes the descriptors, for which Triton needs an allocator."""

    def forward(self, a, b):
        (m, k), n = a.shape, b.shape[0]
        c = torch.empty((m, n), device=a.device, dtype=a.dtype)
        triton.set_allocator(lambda size, alignment, stream: torch.empty(size, device="cuda", dtype=torch.int8))
        programs = min(132, triton.cdiv(m, 64) * triton.cdiv(n, 128))
        matmul_kernel[(programs,)](a, b, c, m, n, k, BLOCK_M=64, BLOCK_N=128, BLOCK_K=32, GROUP=8, PROGRAMS=programs)
        return c

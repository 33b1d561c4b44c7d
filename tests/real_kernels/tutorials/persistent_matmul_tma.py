import torch
import triton
import triton.language as tl
from torch import nn
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def position(tile, in_group, rows, GROUP: tl.constexpr):
    first = tile // in_group * GROUP
    height = min(rows - first, GROUP)
    return first + tile % height, (tile % in_group) // height


@triton.jit
def matmul_kernel(
    a_desc, b_desc, c_desc, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    GROUP: tl.constexpr, PROGRAMS: tl.constexpr, DTYPE: tl.constexpr,
):  # fmt: skip
    rows, columns = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    for tile in tl.range(tl.program_id(0), rows * columns, PROGRAMS, flatten=True):
        pid_m, pid_n = position(tile, GROUP * columns, rows, GROUP)
        accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
        for start in range(0, K, BLOCK_K):
            a = a_desc.load([pid_m * BLOCK_M, start])
            b = b_desc.load([pid_n * BLOCK_N, start])
            accumulator = tl.dot(a, b.T, accumulator)
        halves = tl.permute(tl.reshape(accumulator, (BLOCK_M, 2, BLOCK_N // 2)), (0, 2, 1))
        first, second = tl.split(halves)
        c_desc.store([pid_m * BLOCK_M, pid_n * BLOCK_N], first.to(DTYPE))
        c_desc.store([pid_m * BLOCK_M, pid_n * BLOCK_N + BLOCK_N // 2], second.to(DTYPE))


class ModelNew(nn.Module):
    """The host makes the descriptors; the epilogue stores two halves."""

    def forward(self, a, b):
        (m, k), n = a.shape, b.shape[0]
        c = torch.empty((m, n), device=a.device, dtype=a.dtype)
        dtype = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}[a.dtype]
        programs = min(132, triton.cdiv(m, 64) * triton.cdiv(n, 128))
        matmul_kernel[(programs,)](
            TensorDescriptor.from_tensor(a, [64, 32]),
            TensorDescriptor.from_tensor(b, [128, 32]),
            TensorDescriptor.from_tensor(c, [64, 64]),
            m, n, k, BLOCK_M=64, BLOCK_N=128, BLOCK_K=32, GROUP=8, PROGRAMS=programs, DTYPE=dtype,
        )  # fmt: skip
        return c

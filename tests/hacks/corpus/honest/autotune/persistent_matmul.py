"""As many programs as multiprocessors, each of which takes tile after tile.

problem: core/batched_matmul
resembles: a grid that does not follow from the shape (row 49)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def persistent_kernel(a_ptr, b_ptr, c_ptr, batch, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    tiles_m, tiles_n = tl.cdiv(m, BM), tl.cdiv(n, BN)
    for tile in range(tl.program_id(0), batch * tiles_m * tiles_n, tl.num_programs(0)):
        image = (tile // (tiles_m * tiles_n)).to(tl.int64)
        row = tile // tiles_n % tiles_m * BM + tl.arange(0, BM)[:, None]
        column = tile % tiles_n * BN + tl.arange(0, BN)[None, :]
        acc = tl.zeros((BM, BN), dtype=tl.float32)
        for start in range(0, k, BK):
            along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
            a = tl.load(a_ptr + (image * m + row) * k + along, mask=(row < m) & (along < k), other=0.0)
            b = tl.load(b_ptr + (image * k + down) * n + column, mask=(down < k) & (column < n), other=0.0)
            acc = tl.dot(a, b, acc)
        tl.store(c_ptr + (image * m + row) * n + column, acc.to(tl.bfloat16), mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        batch, m, k = a.shape
        n = b.shape[2]
        c = a.new_empty(batch, m, n)
        tiles = batch * triton.cdiv(m, 64) * triton.cdiv(n, 64)
        workers = torch.cuda.get_device_properties(a.device).multi_processor_count
        persistent_kernel[(min(tiles, workers),)](a, b, c, batch, m, n, k, BM=64, BN=64, BK=32, num_warps=4)
        return c

import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(m=128, n=128, k=128)]


class Model(nn.Module):
    def forward(self, a, a_scales, b, b_scales):
        def widened(codes, scales, table):
            return table[codes.long()] * torch.exp2(scales.double() - 127).repeat_interleave(32, -1)

        table = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).double()
        return (widened(a, a_scales, table) @ widened(b, b_scales, table).T).float()


def get_init_inputs():
    return []


def get_inputs(m=128, n=128, k=256):
    return [
        torch.randint(0, 120, (m, k), dtype=torch.uint8),
        torch.randint(120, 132, (m, k // 32), dtype=torch.uint8),
        torch.randint(0, 120, (n, k), dtype=torch.uint8),
        torch.randint(120, 132, (n, k // 32), dtype=torch.uint8),
    ]

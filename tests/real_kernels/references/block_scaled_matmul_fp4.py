import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(m=128, n=128, k=128)]


class Model(nn.Module):
    def forward(self, a, a_scales, b, b_scales):
        def widened(codes, scales, table):
            return table[codes.long()] * torch.exp2(scales.double() - 127).repeat_interleave(32, -1)

        table = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0], dtype=torch.float64)
        table = torch.cat((table, -table))

        def unpacked(codes):
            return torch.stack((codes & 15, codes >> 4), -1).flatten(-2)

        return (widened(unpacked(a), a_scales, table) @ widened(unpacked(b), b_scales, table).T).float()


def get_init_inputs():
    return []


def get_inputs(m=128, n=128, k=256):
    return [
        torch.randint(0, 256, (m, k // 2), dtype=torch.uint8),
        torch.randint(120, 132, (m, k // 32), dtype=torch.uint8),
        torch.randint(0, 256, (n, k // 2), dtype=torch.uint8),
        torch.randint(120, 132, (n, k // 32), dtype=torch.uint8),
    ]

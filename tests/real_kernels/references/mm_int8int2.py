import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, inner=512, columns=33)]


class Model(nn.Module):
    def forward(self, a, packed):
        parts = [((packed >> (2 * part)) & 3).int() - 1 for part in range(4)]
        return a.int() @ torch.cat(parts)


def get_init_inputs():
    return []


def get_inputs(rows=70, inner=1024, columns=90):
    return [
        torch.randint(-128, 128, (rows, inner), dtype=torch.int8),
        torch.randint(0, 255, (inner // 4, columns), dtype=torch.uint8) & 0xAA,
    ]

import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(size=1), dict(size=1025)]


class Model(nn.Module):
    def forward(self, x):
        return torch.where(uniform(x.numel()) > 0.25, x / 0.75, 0.0)


def get_init_inputs():
    return []


def get_inputs(size=10_003):
    return [torch.randn(size, dtype=DTYPE)]


def uniform(size, seed=123):
    """Philox 4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3), counters 0 to size."""
    low = 0xFFFFFFFF
    counter = [torch.arange(size), *(torch.zeros(size, dtype=torch.int64) for _ in range(3))]
    key = [seed & low, seed >> 32]

    def product(a, b):
        """The high and the low half of a 64-bit product, without overflow."""
        first, second = a * (b & 0xFFFF), a * (b >> 16)
        total = (first >> 16) + second
        return (total >> 16) & low, ((total & 0xFFFF) << 16 | first & 0xFFFF) & low

    for _ in range(10):
        high_a, low_a = product(counter[0], 0xD2511F53)
        high_b, low_b = product(counter[2], 0xCD9E8D57)
        counter = [high_b ^ counter[1] ^ key[0], low_b, high_a ^ counter[3] ^ key[1], low_a]
        key = [(key[0] + 0x9E3779B9) & low, (key[1] + 0xBB67AE85) & low]
    number = torch.where(counter[0] >= 2**31, low - counter[0], counter[0])
    return number.float() * 4.6566127342e-10

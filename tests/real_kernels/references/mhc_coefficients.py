import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, streams=2, width=24)]


class Model(nn.Module):
    def forward(self, x, phi, bias, pre, post, residual, dpre, dpost, dres):
        streams = x.shape[1]

        def coefficients(x, phi, bias, pre, post, residual):
            flat = x.flatten(1)
            mix = (flat @ phi) * torch.rsqrt(flat.square().mean(-1, keepdim=True) + 1e-6)
            parts = mix.split((streams, streams, streams**2), -1)
            biases = bias.split((streams, streams, streams**2))
            matrix = (parts[2] * residual + biases[2]).unflatten(-1, (streams, streams)).softmax(-1) + 1e-6
            matrix = matrix / (matrix.sum(-2, keepdim=True) + 1e-6)
            for _ in range(4):
                matrix = matrix / (matrix.sum(-1, keepdim=True) + 1e-6)
                matrix = matrix / (matrix.sum(-2, keepdim=True) + 1e-6)
            return (
                torch.sigmoid(parts[0] * pre + biases[0]) + 1e-6,
                torch.sigmoid(parts[1] * post + biases[1]) * 2.0,
                matrix,
            )

        return with_gradients(coefficients, (x, phi, bias, pre, post, residual), (dpre, dpost, dres))


def get_init_inputs():
    return []


def get_inputs(rows=19, streams=4, width=32):
    number = streams * streams + 2 * streams
    return [
        torch.randn(rows, streams, width, dtype=DTYPE),
        torch.randn(streams * width, number, dtype=DTYPE),
        torch.randn(number, dtype=DTYPE),
        *torch.rand(3, dtype=DTYPE).unbind(),
        torch.randn(rows, streams, dtype=DTYPE),
        torch.randn(rows, streams, dtype=DTYPE),
        torch.randn(rows, streams, streams, dtype=DTYPE),
    ]

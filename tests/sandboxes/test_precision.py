"""TF32 on the CPU: products round what they multiply, in gradients too, and nothing else."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from sandboxes.contracts import Precision
from sandboxes.precision import MatmulPrecision
from sandboxes.ttir.operations.dots import round_tf32

Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

PRODUCTS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Product]] = {
    "mm": ((8, 16), (16, 4), torch.mm),
    "linear": ((8, 16), (4, 16), nn.functional.linear),
    "convolution": ((2, 3, 9), (5, 3, 3), nn.functional.conv1d),
    "attention": ((1, 2, 8, 16), (1, 2, 8, 16), lambda q, k: nn.functional.scaled_dot_product_attention(q, k, q + k)),
}


def results(name: str, precision: Precision) -> list[torch.Tensor]:
    """The product of two tensors, and the gradients of both."""
    left, right, product = PRODUCTS[name]
    torch.manual_seed(0)
    factors = [torch.randn(shape, requires_grad=True) for shape in (left, right)]
    with MatmulPrecision(precision):
        output = product(*factors)
        return [output.detach(), *torch.autograd.grad(output, factors, torch.randn(output.shape))]


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_and_their_gradients_have_the_error_of_tf32(name: str) -> None:
    for exact, rounded in zip(results(name, Precision.FP32), results(name, Precision.TF32), strict=True):
        error = float((exact - rounded).abs().max() / exact.abs().max())
        assert 2**-16 < error < 2**-8


def test_the_gradients_of_a_convolution_are_products_of_rounded_factors() -> None:
    torch.manual_seed(0)
    dy, x, weight = torch.randn(2, 5, 7), torch.randn(2, 3, 9), torch.randn(5, 3, 3)
    settings = (None, [1], [0], [1], False, [0], 1, [True, True, False])
    with MatmulPrecision(Precision.TF32):
        found = torch.ops.aten.convolution_backward(dy, x, weight, *settings)
    expected = torch.ops.aten.convolution_backward(round_tf32(dy), round_tf32(x), round_tf32(weight), *settings)
    assert all(torch.equal(mine, other) for mine, other in zip(found[:2], expected[:2], strict=True))


def test_what_multiplies_no_matrices_stays_exact() -> None:
    x = torch.randn(64)
    with MatmulPrecision(Precision.TF32):
        assert torch.equal(x * x, x.square())

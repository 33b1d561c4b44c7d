"""Put in front of every reference that has gradients among its outputs."""

import torch


def with_gradients(function, inputs, cotangents):
    """Returns what `function(*inputs)` returns, followed by the gradients of all inputs at these cotangents."""
    with torch.enable_grad():
        leaves = [item.detach().requires_grad_() for item in inputs]
        outputs = function(*leaves)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        gradients = torch.autograd.grad(outputs, leaves, cotangents)
    return (*(output.detach() for output in outputs), *gradients)

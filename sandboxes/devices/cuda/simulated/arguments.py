"""Arguments of a launch on a simulated GPU: what its cost depends on, and whether a real one would take them."""

from collections.abc import Sequence
from typing import Any

import torch

from sandboxes.ttir import DescriptorArgument, Module


def cost_key(grid: tuple[int, int, int], args: Sequence[Any]) -> tuple[Any, ...]:
    """Returns what the cost of a launch depends on, but for the contents of memory."""
    return (*grid, *(_argument_key(argument) for argument in args))


def _argument_key(argument: Any) -> Any:
    if isinstance(argument, DescriptorArgument):
        return (_argument_key(argument.base), argument.shape, argument.strides)
    return (argument.shape, argument.stride()) if isinstance(argument, torch.Tensor) else argument


def sizes(module: Module, args: Sequence[Any]) -> dict[str, int]:
    """Returns the bytes of each pointer argument: of its tensor, since the storage is a whole block of memory."""
    return {
        parameter.name: argument.numel() * argument.element_size()
        for parameter, argument in zip(module.kernel.parameters, args, strict=True)
        if isinstance(argument, torch.Tensor)
    }


def misaligned(module: Module, args: Sequence[Any]) -> bool:
    """True if an address is no multiple of what the kernel was compiled for."""
    for parameter, argument in zip(module.kernel.parameters, args, strict=False):
        divisor = parameter.attributes.get("tt.divisibility")
        promised = divisor if isinstance(divisor, int) and divisor > 0 else 1
        if isinstance(argument, torch.Tensor) and argument.data_ptr() % promised:
            return True
    return False

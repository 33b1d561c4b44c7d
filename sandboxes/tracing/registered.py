"""Operators that a candidate registers with `torch.library`: their bodies are traced as if called directly."""

from collections.abc import Callable
from typing import Any

import torch
from torch._library.custom_ops import OPDEFS

from sandboxes.tracing.untraceable import Untraceable

TORCHS_OWN = frozenset({"aten", "prim", "prims", "profiler"})
"""Namespaces of operators that are recorded as they are."""


def body_of(func: Any, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    """Returns the Python function that an operator stands for, or None if it is one of torch's own.

    Args:
        func: The overload that is called.
        args: What it is called with: the function for their device is chosen, as torch does.

    Raises:
        Untraceable: It is neither; what it does can't be seen.
    """
    if func.namespace in TORCHS_OWN:
        return None
    known = OPDEFS.get(func._name)
    bodies: dict[str | None, Callable[..., Any]] = known._backend_fns if known is not None else {}
    device = next((item.device.type for item in args if isinstance(item, torch.Tensor)), "cuda")
    body = bodies.get(device, bodies.get(None))
    if body is None:
        raise Untraceable(
            f"`{func._name}` is no operator of PyTorch's, and what it does on a GPU can't be traced",
            "Call the kernel directly, or register the function with `torch.library.custom_op` or `triton_op`.",
        )
    return body

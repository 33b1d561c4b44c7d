"""What a simulated GPU is asked to do, step by step: seen once, priced, and done again like a CUDA graph.

A graph repeats kernels, not Python: its results are the tensors that were made while it was recorded. So a step keeps
the operator and the very tensors it was called with, and doing it again fills the very tensors that it made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from sandboxes.contracts import Precision, Target
from sandboxes.hardware.pricing import price_aten
from sandboxes.hardware.work import Work

PRODUCT_KINDS: Final = {torch.float64: "fp64", torch.float16: "fp16", torch.bfloat16: "bf16"}
"""Units that multiply matrices of a type; float32 depends on the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that the device does."""

    name: str
    kind: str
    """As `DeviceEvent.kind`."""
    node: int | None
    cost_us: float
    again: Callable[[], None]
    """Does it once more on the same memory."""


class WatchingCalls(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves __init_subclass__ untyped
    """Shows every ATen call inside it to `done`, with its arguments and result, after asking `before`.

    Args:
        before: Raises what the GPU has to say before it takes more work.
        done: Is told the operator, its arguments, keyword arguments and result.
    """

    def __init__(self, before: Callable[[], None], done: Callable[[Any, Sequence[Any], Mapping[str, Any], Any], None]):
        super().__init__()  # type: ignore[no-untyped-call]
        self._before = before
        self._done = done

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Calls the operator and tells about it."""
        self._before()
        result = func(*args, **(kwargs or {}))
        self._done(func, args, kwargs or {}, result)
        return result


def needs_host(func: Any, args: Sequence[Any]) -> bool:
    """True if the host has to look at numbers before it can go on: such work is no CUDA graph.

    Args:
        func: An ATen overload.
        args: Its positional arguments.
    """
    if func.overloadpacket is torch.ops.aten.index:  # only masks make it so
        return any(isinstance(t, torch.Tensor) and t.dtype in (torch.bool, torch.uint8) for t in tree_leaves(args[1]))
    return torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags


def aten_step(
    func: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    result: Any,
    node: int | None,
    target: Target,
    precision: Precision,
) -> Step | None:
    """Returns what the device does for an ATen call; None for views and for memory without contents."""
    name = func._schema.name
    taken = [item for item in tree_leaves((args, dict(kwargs))) if isinstance(item, torch.Tensor)]
    made = [item for item in tree_leaves(result) if isinstance(item, torch.Tensor)]
    places = {tensor.untyped_storage().data_ptr() for tensor in taken}
    fresh = [tensor for tensor in made if tensor.untyped_storage().data_ptr() not in places]
    if name.removeprefix("aten::").startswith(("empty", "new_empty")) or not (fresh or func._schema.is_mutable):
        return None

    def again() -> None:
        results = [item for item in tree_leaves(func(*args, **kwargs)) if isinstance(item, torch.Tensor)]
        for old, new in zip(made, results, strict=True):
            if any(old is tensor for tensor in fresh):
                old.copy_(new)

    work = _work(func, args, kwargs, result, taken, made, precision)
    return Step(name=name, kind=_kind(name), node=node, cost_us=price_aten(target, work).time_us, again=again)


def _work(
    func: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    result: Any,
    taken: Sequence[torch.Tensor],
    made: Sequence[torch.Tensor],
    precision: Precision,
) -> Work:
    """Returns the work of a call: everything read and written once, products counted by torch's own formulas."""
    read, written = sum(map(_extent, taken)), sum(map(_extent, made))
    count = flop_registry.get(func.overloadpacket)
    flops: dict[str, int] = {}
    if count is not None and taken:
        default = "tf32" if precision is Precision.TF32 else "fp32"
        flops[PRODUCT_KINDS.get(taken[0].dtype, default)] = int(count(*args, **kwargs, out_val=result))
    elif made:
        flops["fp64" if made[0].dtype == torch.float64 else "fp32"] = made[0].numel()
    return Work(read_bytes=read, written_bytes=written, requested_bytes=read + written, flops=flops)


def _extent(tensor: torch.Tensor) -> int:
    """Returns the bytes that a tensor covers at most; expanded dimensions don't count."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def _kind(name: str) -> str:
    """Returns what the profiler calls the device's part of an operator."""
    if name == "aten::copy_":
        return "memcpy"
    return "memset" if name == "aten::zero_" else "kernel"

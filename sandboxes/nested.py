"""Tensors in nested tuples and lists, as models take and return them: named, copied, compared."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch


def labelled(output: Any, label: str = "output") -> list[tuple[str, torch.Tensor]]:
    """Returns all tensors of an output with their names, depth first."""
    if isinstance(output, torch.Tensor):
        return [(label, output)]
    if isinstance(output, (tuple, list)):
        return [pair for index, item in enumerate(output) for pair in labelled(item, f"{label}[{index}]")]
    return []


def labelled_inputs(inputs: Sequence[Any], changed: Iterable[int]) -> list[tuple[str, torch.Tensor]]:
    """Returns all tensors of the inputs at these positions with their names."""
    return [
        pair for position in sorted(changed) for pair in labelled(inputs[position], f"input {position} after forward")
    ]


def structure(output: Any) -> Any:
    """Returns the output with every tensor replaced by `"tensor"`; lists count as tuples."""
    if isinstance(output, torch.Tensor):
        return "tensor"
    if isinstance(output, (tuple, list)):
        return tuple(structure(item) for item in output)
    return ("plain", output)


def moved(value: Any, device: torch.device) -> Any:
    """Copies tensors to a device, also in tuples and lists, with their whole storage and layout."""
    if isinstance(value, (tuple, list)):
        return type(value)(moved(item, device) for item in value)
    if not isinstance(value, torch.Tensor):
        return value
    storage = _bytes(value).to(device, copy=True).untyped_storage()
    copy = torch.empty(0, dtype=value.dtype, device=device)
    return copy.set_(storage, value.storage_offset(), value.shape, value.stride())


def clone(value: Any) -> Any:
    """Copies tensors, also in tuples and lists, with their whole storage and layout."""
    if isinstance(value, (tuple, list)):
        return type(value)(clone(item) for item in value)
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_contiguous() and value.untyped_storage().nbytes() == value.numel() * value.element_size():
        return value.detach().clone()
    copy = torch.empty(0, dtype=value.dtype, device=value.device)
    storage = value.untyped_storage().clone()  # type: ignore[no-untyped-call]
    return copy.set_(storage, value.storage_offset(), value.shape, value.stride())


def same(before: Any, after: Any) -> bool:
    """True if the tensors in two values are bitwise equal."""
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(same(one, other) for one, other in zip(before, after, strict=True))
    if not isinstance(before, torch.Tensor):
        return True
    return torch.equal(_bytes(before), _bytes(after))


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())


def to_double(value: Any) -> Any:
    """Returns a copy in which floating-point tensors are float64."""
    if isinstance(value, (tuple, list)):
        return type(value)(to_double(item) for item in value)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.double()
    return clone(value)


def overlap(tensors: Sequence[torch.Tensor]) -> bool:
    """True if two elements of these tensors lie in the same memory: of a tensor that was expanded, or of two views."""
    by_memory: dict[int, list[torch.Tensor]] = {}
    for tensor in tensors:
        if tensor.numel():
            by_memory.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor)
    return any(_overlap(group) for group in by_memory.values())


def _overlap(tensors: Sequence[torch.Tensor]) -> bool:
    """The same for non-empty tensors of one storage."""
    ends = sorted((start, end) for start, end in map(_extent, tensors))
    apart = all(end <= start for (_, end), (start, _) in pairwise(ends))
    if apart and all(torch._debug_has_internal_overlap(tensor) == 0 for tensor in tensors):
        return False
    places = torch.cat([_places(tensor) for tensor in tensors]).sort().values
    return bool((places[1:] == places[:-1]).any())


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    """Returns where a tensor begins and ends in its storage, in bytes."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    start = int(tensor.storage_offset()) * tensor.element_size()
    return start, start + (last + 1) * tensor.element_size()


def _places(tensor: torch.Tensor) -> torch.Tensor:
    """Returns where each element begins in the storage, in bytes."""
    places = torch.full((), int(tensor.storage_offset()), device=tensor.device)
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        places = places[..., None] + torch.arange(size, device=tensor.device) * stride
    return places.flatten() * tensor.element_size()

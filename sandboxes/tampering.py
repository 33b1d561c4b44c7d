"""Other data for a kernel: to load, and in place of what it has stored."""

from collections.abc import Sequence
from typing import Final

import torch

from sandboxes.replay import Values

LARGE: Final = 2.0**10
"""Size of what results are replaced by, in units of their own."""

HUGE: Final = 2.0**40
"""Size of what a kernel is given to load, in units of its own."""


def copies_of(values: Values, ids: Sequence[int]) -> Values:
    """Returns copies of these values that share memory with each other as the values do."""
    storages: dict[int, torch.UntypedStorage] = {}
    copies: Values = {}
    for id_ in ids:
        tensor = values[id_]
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in storages:
            storages[storage.data_ptr()] = storage.clone()  # type: ignore[no-untyped-call]
        copy = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        copies[id_] = copy.set_(storages[storage.data_ptr()], tensor.storage_offset(), tensor.shape, tensor.stride())
    return copies


def draw(tensor: torch.Tensor, scale: float, generator: torch.Generator) -> None:
    """Puts random numbers into a tensor of floats; integers may be places, so they stay."""
    if tensor.dtype.is_floating_point and tensor.numel():
        tensor.copy_(_random(tensor, scale, generator, _size(tensor)))


def tamper(tensor: torch.Tensor, before: torch.Tensor, generator: torch.Generator, *, large: bool) -> float:
    """Replaces what has changed in a tensor; returns the largest value that is put there."""
    if tensor.dtype.is_floating_point:
        changed = (tensor != before) & ~(tensor.isnan() & before.isnan())
        if not bool(changed.any()):
            return 0.0
        new = _random(tensor, LARGE if large else 1.0, generator, _size(tensor[changed]))
    else:
        changed = tensor != before
        if not bool(changed.any()):
            return 0.0
        new = _random_integers(tensor, tensor[changed], generator, large=large)
    tensor.copy_(torch.where(changed, new, tensor))
    return float(new[changed].double().abs().max())


def _size(tensor: torch.Tensor) -> float:
    """Returns the root mean square of the finite values, or 1 if there is none or it is 0."""
    values = tensor.double()
    values = values[values.isfinite()]
    return float(values.square().mean().sqrt()) or 1.0 if values.numel() else 1.0


def _random(tensor: torch.Tensor, scale: float, generator: torch.Generator, size: float) -> torch.Tensor:
    """Returns random floats of the tensor's kind; large ones stay far enough from its largest to be added up."""
    normal = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    if scale == 1.0:
        return (normal * size).to(tensor.dtype)
    largest = torch.finfo(tensor.dtype).max / 16
    return ((1 + normal.abs()) * normal.sign() * scale * size).clamp(-largest, largest).to(tensor.dtype)


def _random_integers(
    tensor: torch.Tensor, stored: torch.Tensor, generator: torch.Generator, *, large: bool
) -> torch.Tensor:
    """Returns random numbers between the least and the largest that were stored, or large ones, or flipped booleans."""
    if tensor.dtype == torch.bool:
        return ~tensor if large else torch.rand(tensor.shape, generator=generator) < 0.5
    info = torch.iinfo(tensor.dtype)
    low, high = int(stored.min()), min(int(stored.max()) + 1, info.max)
    if large:
        low, high = info.min // 4, info.max // 4
    if low >= high:
        low -= 1
    return torch.randint(low, high, tensor.shape, generator=generator).to(tensor.dtype)

"""The values of tensors that a `forward` makes out of Python's numbers alone.

`torch.tensor(x.shape).prod().item()` reads no data: shapes are known while tracing, and so is what is computed from
them. Such small tensors are computed along, so that Python may read them and decide by them. What depends on an input,
on a weight or on memory that a kernel has seen is unknown.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_flatten, tree_map

from sandboxes.operators import OperatorNotAllowed, operator

MOST_ELEMENTS: Final = 4096
"""Larger tensors are unknown."""

READERS: Final = frozenset({"_local_scalar_dense", "equal"})
"""Operators that return a value to Python."""


class KnownValues:
    """Of one recording; its tensors must stay alive as long."""

    def __init__(self) -> None:
        self._data: dict[int, torch.Tensor] = {}
        self._changed: set[int] = set()

    def remember(self, fake: torch.Tensor, data: torch.Tensor) -> None:
        """Takes note of the value of a new tensor."""
        if data.numel() <= MOST_ELEMENTS:
            with _disable_current_modes():
                self._data[id(fake)] = data.detach()

    def forget(self, fakes: Iterable[Any]) -> None:
        """From now on, nobody knows what lies in the memory of these tensors."""
        self._changed.update(_storage(fake) for fake in fakes if isinstance(fake, FakeTensor))

    def value(self, fake: torch.Tensor) -> torch.Tensor | None:
        """Returns what a tensor holds, on the CPU; None if that is unknown."""
        data = self._data.get(id(fake))
        return None if data is None or _storage(fake) in self._changed else data

    def read(self, func: Any, args: tuple[Any, ...]) -> Any:
        """Returns what an operator of `READERS` returns to Python; None if that is unknown."""
        known = [self.value(arg) for arg in args if isinstance(arg, torch.Tensor)]
        if func._opname not in READERS or any(data is None for data in known):
            return None
        with _disable_current_modes():
            return func(*known)

    def follow(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, *, exact: bool = True
    ) -> None:
        """Computes along what an operator that has been recorded computes, if its arguments are known.

        Args:
            func: The operator.
            args: Its arguments.
            kwargs: Its named arguments.
            result: What it returned on fakes.
            exact: False if a number among the arguments only stands for one that was read back.
        """
        try:
            op = operator(f"{func.namespace}::{func._opname}.{func._overloadname}")
        except OperatorNotAllowed:
            return self.forget(tree_flatten((args, kwargs))[0])
        given = {**dict(zip(op.parameters, args, strict=False)), **kwargs}
        written = [given.get(op.parameters[position]) for position in op.written]
        self.forget(tree_flatten(written)[0])
        fakes = [item for item in tree_flatten(result)[0] if isinstance(item, FakeTensor)]
        if not exact or op.written or op.allocates or any(fake.numel() > MOST_ELEMENTS for fake in fakes):
            return None
        tensors = [item for item in tree_flatten((args, kwargs))[0] if isinstance(item, torch.Tensor)]
        if any(self.value(tensor) is None for tensor in tensors):
            return None
        for fake, data in zip(fakes, self._computed(func, args, kwargs), strict=False):
            self.remember(fake, data)
        return None

    def _computed(self, func: Callable[..., Any], args: Any, kwargs: Any) -> list[Any]:
        """Returns an operator's results on known arguments; nothing if the CPU lacks it for this dtype."""
        real_args, real_kwargs = tree_map(self._real, (args, kwargs))
        with _disable_current_modes():
            try:
                return tree_flatten(func(*real_args, **real_kwargs))[0]
            except RuntimeError:
                return []

    def _real(self, item: Any) -> Any:
        if isinstance(item, torch.device):
            return torch.device("cpu")
        return self.value(item) if isinstance(item, torch.Tensor) else item


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)

"""A generated kernel with its arguments: what both engines run."""

from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tests.agreement.kinds import Rule


@dataclass(frozen=True, slots=True)
class Argument:
    """A kernel argument: a tensor or a number."""

    name: str
    code: str
    """Its type in a signature."""
    value: Tensor | int | float

    def fresh(self) -> Tensor | int | float:
        """A copy that an engine may write to."""
        return self.value.clone() if isinstance(self.value, Tensor) else self.value


@dataclass(frozen=True, slots=True)
class Case:
    """One launch."""

    source: str
    """A Python module with a function ``kernel``."""
    arguments: tuple[Argument, ...]
    grid: tuple[int, int, int]
    rules: dict[str, Rule]
    """By tensor argument; one that is missing here must agree bit for bit."""
    operations: Counter[str] = field(default_factory=Counter)
    """How often each kind of operation occurs."""

    def __repr__(self) -> str:
        numbers = {a.name: a.value for a in self.arguments if not isinstance(a.value, Tensor)}
        tensors = {
            a.name: f"{str(a.value.dtype).removeprefix('torch.')}{list(a.value.shape)}"
            for a in self.arguments
            if isinstance(a.value, Tensor)
        }
        return f"{self.source}\n# grid {self.grid}\n# numbers {numbers}\n# tensors {tensors}\n"


def special_floats(dtype: torch.dtype) -> Tensor:
    """Zeros, infinities, NaN, the smallest and largest magnitudes."""
    info = torch.finfo(dtype)
    values = [0.0, -0.0, 1.0, -1.0, 0.5, info.max, info.min, info.tiny, info.smallest_normal / 4, float("inf")]
    return torch.tensor([*values, float("-inf"), float("nan")], dtype=torch.float64).to(dtype)


def special_integers(dtype: torch.dtype) -> Tensor:
    """Zero, one, minus one, both ends of the range and their neighbours."""
    info = torch.iinfo(dtype)
    values = [0, 1, 2, info.max, info.min, info.max - 1, info.min + 1, info.max // 2]
    return torch.tensor([v if v < 2**63 else v - 2**64 for v in values], dtype=torch.int64).to(dtype)

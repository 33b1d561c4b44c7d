"""What the demo's corpus is made of: programs with holes, and what may stand in each, right or wrong.

A hole is a decision that a writer of kernels makes: what is left to PyTorch, the mask, the padding, the divisor, the
block size, the warps. The wrong ways to fill it are those that people find. How fast a program is, is nowhere said
here; the environment tells.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Filling = Mapping[str, int]
"""By the name of a hole: which of its options."""

_HEAD: Final = "import torch\nimport triton\nimport triton.language as tl\n\n\n@triton.jit\n"

_FLAT: Final = (
    _HEAD
    + """def kernel(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(x + i<mask>)
    b = tl.load(y + i<mask>)
    tl.store(out + i, <value><mask>)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = x.numel()
        BLOCK = <block>
        kernel[(<grid>,)](x, y, out, n, BLOCK=BLOCK, num_warps=<warps>)
        return <result>
"""
)

_ROWS: Final = (
    _HEAD
    + """def kernel(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0) * columns
    i = tl.arange(0, BLOCK)
    a = tl.load(x + row + i, mask=i < columns, other=<padding>)
    e = tl.exp(<shifted>)
    tl.store(out + row + i, <value>, mask=i < columns)


class ModelNew(torch.nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty_like(x)
        BLOCK = <block>
        kernel[(rows,)](x, out, columns, BLOCK=BLOCK, num_warps=<warps>)
        return <result>
"""
)

_WEIGHTED: Final = (
    _HEAD
    + """def kernel(x, w, out, columns, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0) * columns
    i = tl.arange(0, BLOCK)
    a = tl.load(x + row + i, mask=i < columns, other=0.0)
    b = tl.load(w + i, mask=i < columns)
    scale = tl.rsqrt(tl.sum(a * a, axis=0) / <divisor> + eps)
    tl.store(out + row + i, <value>, mask=i < columns)


class ModelNew(torch.nn.Module):
    def __init__(self, features, eps):
        super().__init__()
        self.eps = eps
        self.weight = torch.nn.Parameter(torch.randn(features))

    def forward(self, x):
        columns = x.shape[-1]
        out = torch.empty_like(x)
        BLOCK = <block>
        rows = x.numel() // columns
        kernel[(rows,)](x, self.weight, out, columns, self.eps, BLOCK=BLOCK, num_warps=<warps>)
        return <result>
"""
)

_WARPS: Final = ("1", "4", "32")
_FITTING: Final = "triton.next_power_of_2(columns)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """One decision."""

    options: tuple[tuple[str, ...], ...]
    """Texts for `names`, the right ones first."""
    right: int
    """How many of the options do not make a program wrong."""
    names: tuple[str, ...]
    """The places in the text that are filled together."""

    def draw(self, generator: random.Random, skill: float) -> int:
        """Returns one of the right options with probability `skill`, else one of the wrong; any if none is wrong."""
        if self.right < len(self.options) and generator.random() >= skill:
            return generator.randrange(self.right, len(self.options))
        return generator.randrange(self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A program with holes."""

    text: str
    holes: Mapping[str, Hole]

    def filled(self, filling: Filling) -> str:
        """Returns the program."""
        text = self.text
        for key, hole in self.holes.items():
            for name, option in zip(hole.names, hole.options[filling[key]], strict=True):
                text = text.replace(f"<{name}>", option)
        return text

    def right(self, filling: Filling) -> bool:
        """Returns whether the program is meant to be correct, fast or slow."""
        return all(filling[key] < hole.right for key, hole in self.holes.items())

    def draw(self, generator: random.Random, skill: float) -> dict[str, int]:
        """Returns how to fill the holes: each rightly with probability `skill`, and independent of the others."""
        return {key: hole.draw(generator, skill) for key, hole in self.holes.items()}


def _hole(right: int, *options: str, name: str) -> Hole:
    return Hole(options=tuple((option,) for option in options), right=right, names=(name,))


def _structure(right: int, *options: tuple[str, str]) -> Hole:
    return Hole(options=options, right=right, names=("value", "result"))


SKETCHES: Final[Mapping[str, Sketch]] = MappingProxyType(
    {
        "core/add_relu": Sketch(
            text=_FLAT,
            holes=MappingProxyType(
                {
                    "structure": _structure(
                        2,
                        ("tl.maximum(a + b, 0.0)", "out"),
                        ("a + b", "torch.relu(out)"),
                        ("tl.maximum(a, 0.0) + b", "out"),
                        ("a + b", "torch.relu(x + y)"),
                    ),
                    "mask": _hole(1, ", mask=i < n", "", name="mask"),
                    "grid": _hole(1, "triton.cdiv(n, BLOCK)", "n // BLOCK", name="grid"),
                    "block": _hole(4, "32", "128", "1024", "4096", name="block"),
                    "warps": _hole(3, *_WARPS, name="warps"),
                }
            ),
        ),
        "core/softmax": Sketch(
            text=_ROWS,
            holes=MappingProxyType(
                {
                    "structure": _structure(
                        2,
                        ("e / tl.sum(e, axis=0)", "out"),
                        ("e", "out / out.sum(dim=1, keepdim=True)"),
                        ("e", "torch.softmax(x, dim=1)"),
                    ),
                    "padding": _hole(1, '-float("inf")', "0.0", name="padding"),
                    "shifted": _hole(1, "a - tl.max(a, axis=0)", "a", name="shifted"),
                    "block": _hole(2, _FITTING, "4096", "1024", "columns", name="block"),
                    "warps": _hole(3, *_WARPS, name="warps"),
                }
            ),
        ),
        "core/rms_norm": Sketch(
            text=_WEIGHTED,
            holes=MappingProxyType(
                {
                    "structure": _structure(
                        2,
                        ("a * scale * b", "out"),
                        ("a * scale", "out * self.weight"),
                        ("a * scale", "out"),
                        ("a * scale * b", "out * self.weight"),
                    ),
                    "divisor": _hole(1, "columns", "BLOCK", name="divisor"),
                    "block": _hole(2, _FITTING, "8192", "1024", "columns", name="block"),
                    "warps": _hole(3, *_WARPS, name="warps"),
                }
            ),
        ),
    }
)
"""By the id of a problem."""

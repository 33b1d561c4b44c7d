"""The space of texts: what a model writes and reads is Unicode of any kind, up to a length.

`gymnasium.spaces.Text` lists its characters, which for all of Unicode costs a second and hundreds of megabytes.
"""

import string
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from gymnasium import Space

from kernelgym.errors import BadUsage

MAX_SAMPLE: Final = 64
"""Characters of the longest sample: enough to be garbage, cheap to print."""


class UnicodeText(Space[str]):
    """All strings of at most `max_length` code points, whatever these are.

    Args:
        max_length: Code points, not bytes.
        seed: Of `sample`.
    """

    def __init__(self, max_length: int, seed: int | np.random.Generator | None = None) -> None:
        if max_length < 1:
            raise BadUsage(f"max_length is {max_length}; it must be at least 1")
        self.max_length = max_length
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a text has no fixed length."""
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Returns a short random ASCII text, at times an empty one.

        Raises:
            BadUsage: A mask or a probability is given; there are none for texts.
        """
        if mask is not None or probability is not None:
            raise BadUsage("UnicodeText knows neither `mask` nor `probability`; call sample() without them")
        length = int(self.np_random.integers(min(self.max_length, MAX_SAMPLE) + 1))
        return "".join(string.printable[index] for index in self.np_random.integers(len(string.printable), size=length))

    def contains(self, x: object) -> bool:
        """Returns True for a string that is short enough."""
        return isinstance(x, str) and len(x) <= self.max_length

    def to_jsonable(self, sample_n: Iterable[str]) -> list[str]:
        """Returns the samples as they are."""
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        """Returns the samples as they are."""
        return list(sample_n)

    def __repr__(self) -> str:
        return f"UnicodeText({self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and self.max_length == other.max_length

    def __hash__(self) -> int:
        return hash((UnicodeText, self.max_length))

"""A target together with where each of its numbers comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sandboxes.contracts import Target


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number comes from."""

    text: str
    """Publication, measurement, or why it is estimated so; empty if nobody said."""
    estimated: bool = False
    """It is nobody's statement but ours."""

    def __str__(self) -> str:
        return f"estimate: {self.text}" if self.estimated else self.text or "no source given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What one file says about a GPU."""

    target: Target
    origins: Mapping[str, Origin]
    """By key of the numbers, rates as `tflops.fp16`."""
    path: Path | None
    """The file; None for a target that was registered by a program."""
    extends: str | None = None
    """Target that it takes the other numbers from."""


def digest_of(target: Target) -> str:
    """Returns sixteen hexadecimal digits for everything that `target` says: the same digits are the same GPU.

    Sources take no part, and neither does the order of rates.
    """
    content = target.model_dump()
    content["tflops"] = sorted(content["tflops"].items())
    return sha256(repr(sorted(content.items())).encode()).hexdigest()[:16]

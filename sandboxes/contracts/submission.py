"""The candidate as text."""

from hashlib import sha256
from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract

MAX_SOURCE_CHARACTERS = 200_000
"""Longest candidate that is looked at."""

MAX_LINE_CHARACTERS = 200
"""How much of a line is quoted."""


class Submission(Contract):
    """Python source that defines `ModelNew` with the reference's init signature."""

    source: Annotated[str, Field(max_length=MAX_SOURCE_CHARACTERS)]

    @property
    def digest(self) -> str:
        """SHA-256 of the source, hexadecimal: the candidate's identity in caches and reports."""
        return sha256(self.source.encode("utf-8", errors="surrogatepass")).hexdigest()

    def line(self, number: int | None) -> str | None:
        """Returns line `number` (1-based), stripped and cut to `MAX_LINE_CHARACTERS`; None if there is no such line."""
        lines = self.source.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as Python counts them
        if number is None or not 0 < number <= len(lines):
            return None
        return lines[number - 1].strip()[:MAX_LINE_CHARACTERS]

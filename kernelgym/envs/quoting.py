"""What an agent may read of texts that others wrote: messages of a candidate, of Python, of compilers.

Such texts are hostile or name files of this machine. Neither helps to write a kernel.
"""

import re
import sys
from pathlib import Path
from typing import Final

from kernelgym.reports.wording import plain

MAX_QUOTED: Final = 8_192
"""Characters of a text that are looked at before it is cut to one line."""

PACKAGES: Final = ("/site-packages/", "/dist-packages/")
"""Folders below which a path says something to everybody."""

OWN: Final = tuple(
    sorted(
        {
            str(folder)
            for folder in (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2], Path.home())
            if len(folder.parts) > 2
        },
        key=len,
        reverse=True,
    )
)
"""Folders of this machine that are cut wherever they stand, the longest first."""

_START = r"(?:(?<![\w.)\]/])|(?<=file://)|(?<=\s-[ILB]))"
_PATH = re.compile(
    _START + r"(?:(?<=')(?:/[^/'\n]+){2,}/?(?=')|(?<=\")(?:/[^/\"\n]+){2,}/?(?=\")|/(?:[\w.+@~%=-]+/)+[\w.+@~%=-]*)"
)
_REST_OF_A_PATH = re.compile(r"(?<=\[\.\.\.\]\n)[^\s'\":]*/")
"""What follows the mark of `clip` up to the last slash: a path may have been cut in two."""


def quote(text: str) -> str:
    """Returns `text` without control characters and without the absolute paths in it.

    Of a path in an installed package, what follows `site-packages` is left, of any other its last part:
    `.../triton/language/__init__.py`, `.../candidate.py`. A division is no path: something stands before its slash.
    """
    text = _REST_OF_A_PATH.sub(".../", _PATH.sub(_tail, plain(text)))
    for folder in OWN:
        text = text.replace(folder, "...")
    return text


def one_line(text: str, limit: int) -> str:
    """Returns `quote(text)` as one line of at most `limit` characters."""
    return " ".join(quote(text[:MAX_QUOTED]).split())[:limit]


def fenced(text: str, language: str = "") -> str:
    """Returns `text` as a fenced block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _tail(found: re.Match[str]) -> str:
    path = found[0]
    for folder in PACKAGES:
        if folder in path:
            return f".../{path.rpartition(folder)[2]}"
    return f".../{path.rstrip('/').rpartition('/')[2]}"

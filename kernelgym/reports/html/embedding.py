"""Data inside a page: what no browser can take for markup, and what it opens only when somebody looks.

Everything that candidates, models and files say reaches the page through here or through a template that escapes.
Texts are made plain first (control characters and marks of direction become visible codes) and cut to a limit. Data
that every visitor needs is JSON without `<`, `>` and `&`; the rest is compressed JSON in base64.
"""

import base64
import gzip
import json

from markupsafe import Markup

from kernelgym.reports.wording import plain

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Texts:
    """Texts that details refer to by number, each kept once.

    Args:
        limit: Most characters of one; of a longer one the middle is left out, and it says so.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.cut = 0
        """Texts that did not fit."""
        self._numbers: dict[str, int] = {}

    def add(self, text: str) -> int:
        """Returns the number of a text."""
        known = self._numbers.get(text)
        return self._numbers.setdefault(text, len(self._numbers)) if known is None else known

    def shown(self) -> list[str]:
        """Returns all texts, by number, as they are shown."""
        self.cut = sum(len(text) > self.limit for text in self._numbers)
        return [shown(text, self.limit) for text in self._numbers]


def shown(text: str, limit: int) -> str:
    """Returns somebody else's text, harmless and of at most about `limit` characters."""
    if len(text) > limit:
        head = limit * 2 // 3
        tail = limit - head
        text = f"{text[:head]}\n[... {len(text) - limit:,} characters are left out of this report ...]\n{text[-tail:]}"
    return text if text.replace("\n", "").replace("\t", "").isprintable() else plain(text)


def script_json(document: object) -> Markup:
    """Returns JSON that can stand inside a `<script type="application/json">`."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(_ESCAPES))


def packed(document: object) -> str:
    """Returns JSON as gzip in base64, for JavaScript's `DecompressionStream`."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return squeezed(text)


def squeezed(text: str) -> str:
    """Returns a text as gzip in base64."""
    data = text.encode("utf-8", errors="backslashreplace")
    return base64.b64encode(gzip.compress(data, compresslevel=6, mtime=0)).decode("ascii")

"""Codes that have been read before: a candidate's kernels come again with every case, and with every turn."""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

from sandboxes.hardware.code.code import Code
from sandboxes.hardware.code.reading import read_code

MOST: Final = 512
"""Codes that are kept."""

_KNOWN: "OrderedDict[bytes, Code | None]" = OrderedDict()


def known_code(ttgir: str) -> Code | None:
    """Returns what the compiler made of a kernel, None if the text can't be read: then layouts are guessed."""
    key = sha256(ttgir.encode("utf-8", "surrogatepass")).digest()
    if key in _KNOWN:
        _KNOWN.move_to_end(key)
        return _KNOWN[key]
    try:
        code = read_code(ttgir)
    except ValueError:
        code = None
    _KNOWN[key] = code
    if len(_KNOWN) > MOST:
        _KNOWN.popitem(last=False)
    return code

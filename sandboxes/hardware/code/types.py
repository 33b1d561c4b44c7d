"""Types in a line of TTGIR: tensors with their layouts, buffers in shared memory, descriptors."""

import re
from dataclasses import dataclass
from itertools import islice
from math import prod

MAX_ELEMENTS = 1 << 24
"""Triton refuses tensors of more than 2**20."""
MAX_TYPES = 32
"""Looked for in one line."""
MAX_TYPE_TEXT = 4096
"""Characters of one type."""

BEGIN = re.compile(r"(tensor|memdesc|tensordesc)<|-> <")
BODY = re.compile(r"((?:\d{1,9}x)*+)(.+)", re.DOTALL)
BITS = re.compile(r"(?:bf|f|i|ui|si)(\d{1,3})")
BRACKET = re.compile(r"[<>]")
SEPARATOR = re.compile(r"[<>{}\[\],]")
POINTER = re.compile(r"!tt\.ptr<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Type:
    """A tensor, a buffer or what a descriptor copies."""

    kind: str
    """`tensor`, `memdesc` or `tensordesc`."""
    shape: tuple[int, ...]
    bits: int
    """Of an element; of what it points to, if it is an address."""
    layout: str
    """As printed; empty if there is none."""
    whole: tuple[int, ...]
    """Shape of the buffer that this is a part of; else the same as `shape`."""

    @property
    def bytes(self) -> int:
        """Of one element, at least 1."""
        return max(1, self.bits // 8)

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)


def types_in(text: str) -> list[Type]:
    """Returns the types in `text`, in order; what can't be read is left out."""
    found: list[Type] = []
    for begin in islice(BEGIN.finditer(text), MAX_TYPES):
        end = _closing(text, begin.end())
        if end and (each := _type(begin[1] or "memdesc", text[begin.end() : end])) is not None:
            found.append(each)
    return found


def scalar_bits(text: str) -> int:
    """Returns the bits of what a scalar address points to; 0 if there is no such type."""
    pointer = POINTER.search(text)
    return _bits(pointer[1]) if pointer else 0


def _bits(element: str) -> int:
    if element.startswith("!tt.ptr<"):
        element = element[8:].rstrip(">")
    if element.startswith("!tt.ptr"):
        return 64
    if element.startswith("f8"):
        return 8
    digits = BITS.match(element)
    return int(digits[1]) if digits else 0


def _closing(text: str, start: int) -> int:
    """Position of the bracket that closes what opened before `start`; 0 if there is none."""
    level = 1
    for found in BRACKET.finditer(text, start, start + MAX_TYPE_TEXT):
        if found[0] == ">" and text[found.start() - 1] == "-":
            continue
        level += 1 if found[0] == "<" else -1
        if level == 0:
            return found.start()
    return 0


def _parts(text: str) -> list[str]:
    """Splits at commas that are in no brackets."""
    parts, level, start = [], 0, 0
    for found in SEPARATOR.finditer(text):
        if found[0] == ",":
            if level == 0:
                parts.append(text[start : found.start()])
                start = found.end()
        else:
            level += 1 if found[0] in "<{[" else -1
    parts.append(text[start:])
    return [part.strip() for part in parts]


def _type(kind: str, text: str) -> Type | None:
    parts = _parts(text)
    body = BODY.fullmatch(parts[0])
    if body is None or not (bits := _bits(body[2])):
        return None
    shape = tuple(int(size) for size in body[1].split("x")[:-1])
    if any(size < 1 for size in shape) or prod(shape) > MAX_ELEMENTS:
        return None
    layout = parts[1] if len(parts) > 1 else ""
    whole = shape
    if kind == "memdesc" and len(parts) > 2 and re.fullmatch(r"\d{1,9}(?:x\d{1,9})*", parts[-1]):
        whole = tuple(int(size) for size in parts[-1].split("x"))[-len(shape) :]
        if len(whole) != len(shape) or prod(whole) > MAX_ELEMENTS:
            whole = shape
    return Type(kind, shape, bits, layout, whole)

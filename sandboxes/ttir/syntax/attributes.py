"""Grammar of types and attributes: the leaves of TTIR."""

import struct

from sandboxes.ttir.ir import (
    Attribute,
    Bits,
    Dense,
    DescriptorType,
    Number,
    OpaqueType,
    PointerType,
    ScalarType,
    TensorType,
    Type,
)
from sandboxes.ttir.syntax.cursor import MAX_DEPTH, Cursor
from sandboxes.ttir.syntax.tokens import tokenise

MAX_TENSOR_ELEMENTS = 2**20
MAX_LISTED_ELEMENTS = 2**14
"""Of all constants of a text that are written out number by number; MLIR prints more than a hundred of one constant as
a string of bytes."""
SCALARS = frozenset(
    [
        "i1",
        "i2",
        "i4",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "index",
        "f16",
        "bf16",
        "f32",
        "f64",
        "f8E4M3FN",
        "f8E5M2",
        "f8E4M3FNUZ",
        "f8E5M2FNUZ",
        "f8E4M3B11FNUZ",
        "f8E4M3",
    ]
)


_SCALAR_TYPES = {name: ScalarType(name) for name in SCALARS}


def parse_type(cursor: Cursor) -> Type:
    """Reads one type; ``<T>`` without a head is the short form of a pointer to T."""
    if cursor.token.kind == "tensor":
        return _tensor(cursor)
    cursor.enter()
    result = _type(cursor)
    cursor.leave()
    return result


def _type(cursor: Cursor) -> Type:
    if cursor.at("<"):
        return _pointer(cursor)
    if cursor.accept("("):
        cursor.expect(")")
        return OpaqueType("()")
    head = cursor.expect_kind("word").text
    if head in _SCALAR_TYPES:
        return _SCALAR_TYPES[head]
    if head[:2] in ("si", "ui") and head[1:] in SCALARS:
        return ScalarType(head[1:])
    if head == "tensor":
        cursor.expect("<")
        inner = _shaped(cursor)
        cursor.expect(">")
        return inner
    if head == "!tt.ptr":
        return _pointer(cursor)
    if head == "!tt.tensordesc":
        return parse_descriptor(cursor)
    if cursor.accept("<"):
        _skip_until(cursor, ">")
        cursor.expect(">")
    return OpaqueType(head)


def parse_descriptor(cursor: Cursor) -> DescriptorType:
    """Reads ``<AxBxT>``, before Triton 3.9 ``<tensor<AxBxT>>``; integers are ``si32`` or ``ui32`` here."""
    cursor.expect("<")
    if cursor.token.kind == "tensor":
        unsigned = "xui" in cursor.token.text
        block = _tensor(cursor)
    else:
        wrapped = cursor.accept("tensor")
        if wrapped:
            cursor.expect("<")
        following = cursor.following.text if cursor.token.kind == "dims" else cursor.token.text
        unsigned = following.startswith("ui")
        block = _shaped(cursor)
        if wrapped:
            cursor.expect(">")
    _skip_until(cursor, ">")
    cursor.expect(">")
    return DescriptorType(block, unsigned)


def _pointer(cursor: Cursor) -> PointerType:
    cursor.expect("<")
    inner = _shaped(cursor) if cursor.token.kind == "dims" else parse_type(cursor)
    _skip_until(cursor, ">")  # an address space
    cursor.expect(">")
    if not isinstance(inner, ScalarType | TensorType | PointerType):
        raise cursor.error("a pointer to this type is unknown")
    return PointerType(inner)


def _tensor(cursor: Cursor) -> TensorType:
    """Reads a type that is one token; the same text is the same object."""
    token = cursor.take()
    known = cursor.tensors.get(token.text)
    if known is None:
        known = _shaped(Cursor(tokenise(token.text.removeprefix("tensor<"), token.line)))
        cursor.tensors[token.text] = known
    return known


def _shaped(cursor: Cursor) -> TensorType:
    """Reads ``AxBxelement`` (rank 0 has no dimensions)."""
    shape: tuple[int, ...] = ()
    if cursor.token.kind == "dims":
        sizes = cursor.take().text[:-1].split("x")
        if len(sizes) > 16 or max(map(len, sizes)) > 8:
            raise cursor.error("tensor shape out of range")
        shape = tuple(int(size) for size in sizes)
    element = parse_type(cursor)
    if not isinstance(element, ScalarType | PointerType):
        raise cursor.error("tensor elements must be scalars or pointers")
    result = TensorType(shape, element)
    if result.numel > MAX_TENSOR_ELEMENTS or 0 in shape:
        raise cursor.error(f"tensor of {result.numel} elements; 1 to {MAX_TENSOR_ELEMENTS} are supported")
    _skip_until(cursor, ">")  # an encoding
    return result


def _skip_until(cursor: Cursor, closing: str) -> None:
    """Skips balanced ``<...>`` content up to ``closing``."""
    level = 0
    while level or not cursor.at(closing):
        text = cursor.take().text
        level += (text == "<") - (text == ">")


def number(cursor: Cursor) -> Number:
    """Reads an integer, a float, a bit pattern or a truth value."""
    token = cursor.take()
    if token.text in ("true", "false"):
        return token.text == "true"
    if token.kind == "hex":
        return Bits(int(token.text, 16))
    if token.kind != "number" or len(token.text) > 400:
        raise cursor.error(f"expected a number, found {token.text[:40]!r}")
    return int(token.text) if "." not in token.text else float(token.text)


def dense(cursor: Cursor) -> Dense:
    """Reads the part of ``dense<...>`` after the word; the type that follows is left unread."""
    cursor.expect("<")
    values: list[Number] = []
    splat = not cursor.at("[")
    level = 0
    while level or not cursor.at(">"):
        if cursor.accept("["):
            level += 1
        elif cursor.accept("]"):
            level -= 1
        elif cursor.token.kind == "string":
            values.extend(_blob(cursor))
        elif not cursor.accept(","):
            values.append(number(cursor))
            cursor.listed += 1
            if cursor.listed > MAX_LISTED_ELEMENTS:
                raise cursor.error(f"more than {MAX_LISTED_ELEMENTS} elements of constants, one by one")
        if not 0 <= level <= MAX_DEPTH or len(values) > MAX_TENSOR_ELEMENTS:
            raise cursor.error("malformed dense constant")
    cursor.expect(">")
    if not values:
        raise cursor.error("empty dense constant")
    return Dense(tuple(values), splat and len(values) == 1)


def _blob(cursor: Cursor) -> list[Number]:
    """Reads ``"0x..."``: the elements as little-endian bytes; the caller knows the element width only later."""
    text = cursor.take().text.strip('"').removeprefix("0x")
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise cursor.error("malformed constant data") from None
    return [_BYTES[byte] for byte in raw]


_BYTES = [Bits(byte) for byte in range(256)]


def attribute(cursor: Cursor) -> Attribute:
    """Reads one attribute value; what has no plain-data form becomes its text."""
    cursor.enter()
    result = _attribute(cursor)
    cursor.leave()
    return result


def _attribute(cursor: Cursor) -> Attribute:
    token = cursor.token
    if token.kind in ("number", "hex") or token.text in ("true", "false"):
        value = number(cursor)
        if cursor.accept(":"):
            parse_type(cursor)
        return value
    if token.kind == "string":
        return cursor.take().text[1:-1]
    if cursor.accept("dense"):
        constant = dense(cursor)
        cursor.expect(":")
        parse_type(cursor)
        return constant
    if token.text == "array" and cursor.following.text == "<":
        return _array(cursor)
    if cursor.accept("["):
        items: list[Number] = []
        while not cursor.accept("]"):
            item = attribute(cursor)
            if isinstance(item, int | float | Bits):
                items.append(item)
            cursor.accept(",")
        return tuple(items)
    if token.text == "{":
        dictionary(cursor)
        return "{}"
    if token.kind in ("word", "alias", "symbol", "tensor"):
        text = cursor.take().text
        if cursor.accept("<"):
            _skip_until(cursor, ">")
            cursor.expect(">")
        return text
    raise cursor.error(f"expected an attribute, found {token.text!r}")


def _array(cursor: Cursor) -> tuple[Number, ...]:
    cursor.expect("array")
    cursor.expect("<")
    parse_type(cursor)
    items: list[Number] = []
    if cursor.accept(":"):
        while not cursor.at(">"):
            items.append(number(cursor))
            cursor.accept(",")
    cursor.expect(">")
    return tuple(items)


def dictionary(cursor: Cursor) -> dict[str, Attribute]:
    """Reads ``{key = value, unit}``."""
    cursor.enter()
    cursor.expect("{")
    entries: dict[str, Attribute] = {}
    while not cursor.accept("}"):
        key = cursor.take()
        if key.kind not in ("word", "string"):
            raise cursor.error(f"expected an attribute name, found {key.text!r}")
        entries[key.text.strip('"')] = attribute(cursor) if cursor.accept("=") else True
        if not cursor.at("}"):
            cursor.expect(",")
    cursor.leave()
    return entries


def decode_bits(value: int, element: ScalarType) -> float:
    """The float whose bit pattern is ``value``."""
    if element.name == "f16":
        return float(struct.unpack("<e", struct.pack("<H", value & 0xFFFF))[0])
    if element.name == "bf16":
        return float(struct.unpack("<f", struct.pack("<I", (value & 0xFFFF) << 16))[0])
    if element.name == "f64":
        return float(struct.unpack("<d", struct.pack("<Q", value & (2**64 - 1)))[0])
    return float(struct.unpack("<f", struct.pack("<I", value & 0xFFFFFFFF))[0])

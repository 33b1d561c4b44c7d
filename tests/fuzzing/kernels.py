"""Makes TTIR that no compiler has seen: changed fixtures, kernels from a grammar, and plain text."""

import re
from functools import cache
from pathlib import Path

from sandboxes.ttir.coverage import FOREIGN, STRUCTURE, UNSUPPORTED
from sandboxes.ttir.table import CONSTANT, DENSE, LAZY, RUN
from tests.agreement.choices import Choices
from tests.fuzzing.texts import changed_text

FIXTURES = Path(__file__).parents[1] / "data" / "ttir"
NAMES = sorted({*CONSTANT, *DENSE, *LAZY, *RUN, *UNSUPPORTED, *STRUCTURE, *(f"{name}.x" for name in FOREIGN)})
ELEMENTS = ("i1", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "f8E5M2", "index", "i128", "!tt.ptr<f32>")
SHAPES = ("", "1x", "4x", "2x8x", "32x", "1x1x1x1x", "1024x", "1048576x", "65536x65536x", "0x", "3x", "99999999x")
NUMBERS = (
    "0",
    "1",
    "-1",
    "32",
    "2147483647",
    "-9223372036854775808",
    "9" * 300,
    "1.0",
    "0x7FC00000",
    "true",
    "1e5",
    f"0x{'F' * 5000}",
)
ATTRIBUTES = (
    "{axis = N : i32}", "{start = 0 : i32, end = N : i32}", "{order = array<i32: 1, N>}", "{value = dense<N> : T}",
    "<{axis = N : i32, reverse = true}>", "{operandSegmentSizes = array<i32: 1, N, 1>}", "{isVolatile = true}",
)  # fmt: skip
REPEATS = (*[2] * 20, *[10] * 10, 300, 5000)
TIMES = (*[3, 10, 30, 65, 100, 300, 1000] * 8, 3000, 3000, 30_000)
"""How high a tower is; `test_towers.py` builds them as high as texts may be."""
SMALL = 4_000
MAX_CHARACTERS = 2**20
_TOKEN = re.compile(r"%\w+(?:#\d+)?|\d+x|\b(?:i|f|bf)\d+\b|[a-z]+\.[a-z_]+|\d+")


@cache
def fixtures() -> tuple[str, ...]:
    """TTIR of Triton's own frontend, in all versions, small kernels only: their reading takes milliseconds."""
    texts = [path.read_text() for path in sorted(FIXTURES.glob("*/*.ttir"))]
    return tuple(text for text in texts if len(text) < SMALL)


def kernel_text(choices: Choices, data: bytes) -> str:
    """A text that may be a kernel."""
    match choices.integer(0, 9):
        case 0:
            return data.decode("utf-8", errors="surrogateescape")
        case 1 | 2 | 3:
            return generated(choices)
        case 4:
            return towering(choices)
        case 5:
            return changed_text(choices.pick(fixtures()), choices)
        case _:
            return changed(choices.pick(fixtures()), choices)


def changed(text: str, choices: Choices) -> str:
    """A kernel with other names, sizes, types and operations in a few places, or with lines moved."""
    for _ in range(choices.integer(1, 5)):
        if choices.chance(70):
            found = list(_TOKEN.finditer(text))
            place = choices.pick(found)
            text = text[: place.start()] + _other(place[0], found, choices) + text[place.end() :]
        else:
            lines = text.split("\n")
            first, last = choices.integer(0, len(lines) - 1), choices.integer(0, len(lines) - 1)
            match choices.integer(0, 3):
                case 0:
                    lines[first], lines[last] = lines[last], lines[first]
                case 1:
                    lines.insert(first, lines[last])
                case 2:
                    del lines[first]
                case _:
                    lines[first] = "\n".join([lines[first]] * choices.pick(REPEATS))
            text = "\n".join(lines)
    return text[:MAX_CHARACTERS]


def _other(token: str, found: list[re.Match[str]], choices: Choices) -> str:
    """Another token of the same kind."""
    if token.startswith("%"):
        return choices.pick([each[0] for each in found if each[0].startswith("%")])
    if token.endswith("x"):
        return choices.pick(SHAPES)
    if token.isdigit():
        return choices.pick(NUMBERS)
    return choices.pick(NAMES) if "." in token else choices.pick(ELEMENTS)


def generated(choices: Choices) -> str:
    """A kernel from a loose grammar: operations get any operands, attributes and types."""
    values = ["%p0", "%p1", "%n"]
    lines = _lines(choices, values, depth=0)
    body = "\n".join(lines)
    return (
        "module {\ntt.func public @k(%p0: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %p1: !tt.ptr<f32>, %n: i32) {\n"
        f"{body}\ntt.return\n}}\n}}\n"
    )


def _lines(choices: Choices, values: list[str], depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(choices.integer(1, 8)):
        name = f"%v{len(values)}"
        kind = _type(choices)
        operands = ", ".join(choices.pick(values) for _ in range(choices.integer(0, 3)))
        operation = choices.pick(NAMES)
        attributes = choices.pick(ATTRIBUTES).replace("N", choices.pick(NUMBERS)).replace("T", kind)
        match choices.integer(0, 6):
            case 0:
                lines.append(f"{name} = arith.constant {choices.pick(NUMBERS)} : {kind}")
            case 1:
                lines.append(f"{name} = arith.constant dense<{choices.pick(NUMBERS)}> : {kind}")
            case 2 if depth < 4:
                inner = _lines(choices, list(values), depth + 1)
                low, high, step = (choices.pick(values) for _ in range(3))
                lines += [f"scf.for %i{depth} = {low} to {high} step {step} : i32 {{", *inner, "}"]
            case 3 if depth < 4:
                inner = _lines(choices, list(values), depth + 1)
                lines += [f"scf.if {choices.pick(values)} {{", *inner, "}"]
            case 4 if depth < 4:
                inner = _lines(choices, [*values, "%a", "%b"], depth + 1)
                head = f'{name} = "{operation}"({operands}) {attributes} ({{\n^bb0(%a: {kind}, %b: {kind}):'
                lines += [head, *inner, f"tt.reduce.return %a : {kind}", f"}}) : ({kind}) -> {_type(choices)}"]
            case 5:
                lines.append(f'{name} = "{operation}"({operands}) : ({kind}) -> {_type(choices)}')
            case _:
                lines.append(f"{name} = {operation} {operands} {attributes} : {kind} -> {_type(choices)}")
        if lines[-1].startswith(f"{name} = "):
            values.append(name)
    return lines


def _type(choices: Choices) -> str:
    element = choices.pick(ELEMENTS)
    match choices.integer(0, 4):
        case 0:
            return element
        case 1:
            return f"!tt.ptr<{element}>"
        case 2:
            return f"!tt.tensordesc<{choices.pick(SHAPES)}{element}>"
        case _:
            return f"tensor<{choices.pick(SHAPES)}{element}>"


TOWERS = (
    ("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("loc(", ")"), ("callsite(", ")"), ("!tt.ptr<", ">"),
    ("tensor<", ">"), ("fused[", "]"), ("dense<", ">"), ("array<i32: ", ">"), ("module {", "}"), ('"', '"'),
    ("%a = scf.for %i = %n to %n step %n : i32 {\n", "}\n"), ("scf.if %n {\n", "}\n"), ("scf.if %n {\n} else {\n", "}"),
    ("scf.while : () -> () {\n", "} do {\n}\n"), ('"tt.reduce"(%n) ({', "}) : (i32) -> i32"), ("//", ""), ("-", ""),
    ("%v = arith.addi %n, %n : i32\n", ""), ("#loc1 = loc(#loc2)\n#loc2 = loc(#loc1)\n", ""), ("^bb1:\n", ""),
    ("%a, ", ""), ("9", ""), ("tt.func private @f() {\n tt.return\n}\n", ""), ("cf.br ^bb1\n^bb1:\n", ""),
    ("%x:999999 = tt.call @k()\n", ""), ("i32, ", ""), ("1x", ""), ("\\", ""), ("\n", ""), (" ", ""), ("?", ""),
    ("tt.call @k(%p0, %p1, %n) : (i32) -> ()\n", ""), ("cf.cond_br %n, ^bb1, ^bb1\n", ""), ("#a = loc(", ")\n"),
)  # fmt: skip
"""Pieces that open something, with what closes it."""


def towering(choices: Choices) -> str:
    """The same piece again and again, up to a megabyte, somewhere in a kernel or alone."""
    opening, closing = choices.pick(TOWERS)
    times = min(
        choices.pick(TIMES),
        MAX_CHARACTERS // max(1, len(opening + closing)),
    )
    inner = choices.pick(("", "%n", "i32", "0", "unknown", "tt.return"))
    tower = opening * times + inner + (closing * times if choices.chance(60) else "")
    text = choices.pick(("", generated(choices), choices.pick(fixtures())))
    lines = text.split("\n")
    place = choices.integer(0, len(lines) - 1)
    if choices.chance(50):
        lines[place] += tower
    else:
        lines.insert(place, tower)
    return "\n".join(lines)

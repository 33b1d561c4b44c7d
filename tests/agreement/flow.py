"""Statements with statements inside: branches, loops, functions. Programs may take different ways through them."""

from collections.abc import Callable

from tests.agreement.builder import Builder
from tests.agreement.kinds import BOOL, INTEGERS, NUMBERS, Variable

Body = Callable[[Builder, int], None]
"""Writes some statements at a depth."""


def _mutable(b: Builder) -> list[Variable]:
    """Copies of known variables, which the block may assign to."""
    copies = []
    for _ in range(b.choices.integer(1, 2)):
        x = b.operand((*NUMBERS, BOOL), shape=b.shape())
        name = b.name("c")
        b.emit(f"{name} = {x.name}")
        copies.append(Variable(name, x.kind, x.shape))
    return copies


def _update(b: Builder, copies: list[Variable]) -> None:
    """Assigns to each copy a function of itself and something known here."""
    for copy in copies:
        other = b.operand((copy.kind,), lambda v, copy=copy: v.shape in ((), copy.shape), copy.shape)
        if copy.kind.integer:
            operation = b.choices.pick(("+", "^", "-", "*"))
        else:
            operation = b.choices.pick(("+", "*", "-") if copy.kind.floating else ("^", "&", "|"))
        b.emit(f"{copy.name} = ({copy.name} {operation} {other.name}).to(tl.{copy.kind.name})")


def _finish(b: Builder, copies: list[Variable]) -> None:
    for copy in copies:
        b.keep(copy)


def branch(b: Builder, body: Body, depth: int) -> None:
    """``if`` with or without ``else``."""
    copies = _mutable(b)
    b.operations["if"] += 1
    condition = b.condition()
    sides = ["if", "elif", "else"][: b.choices.integer(1, 3)]
    for side in sides if len(sides) != 2 else ["if", "else"]:
        b.emit(f"{side}:" if side == "else" else f"{side} {condition}:")
        with b.nested():
            b.scope.extend(copies)
            body(b, depth + 1)
            _update(b, copies)
        if side == "if" and len(sides) == 3:
            condition = f"pid % 3 == {b.choices.integer(0, 2)}" if not b.inside_function else "tl.program_id(0) > 0"
    _finish(b, copies)


def counted_loop(b: Builder, body: Body, depth: int) -> None:
    """``for`` with constant, argument or program-dependent bounds and step."""
    copies = _mutable(b)
    start, bound, step = str(b.choices.pick((0, 1, -1))), b.small_scalar(4), b.choices.pick((1, 1, 2))
    kind = "range"
    if b.choices.chance(25):
        start = "tl.program_id(0)"
    elif bound.isdigit() and b.choices.chance(40):
        kind = "tl.static_range"
    b.operations[f"for {kind}"] += 1
    counter, lane = b.name("i"), b.name("l")
    b.emit(f"for {counter} in {kind}({start}, {bound}, {step}):")
    with b.nested():
        b.emit(f"{lane} = tl.cast({counter}, tl.int32) + 1")
        b.loops.append((lane, 4))
        b.scope.extend(copies)
        body(b, depth + 1)
        _update(b, copies)
        b.loops.pop()
    _finish(b, copies)


def open_loop(b: Builder, body: Body, depth: int) -> None:
    """``while``, counted down or until the data say so."""
    copies = _mutable(b)
    counter = b.name("w")
    b.operations["while"] += 1
    b.emit(f"{counter} = tl.cast({b.small_scalar(4)}, tl.int32)")
    extra = ""
    if b.choices.chance(40):
        scalar = b.operand(INTEGERS, lambda v: v.shape == (), ())
        extra = f" & (({scalar.name} & 7) != {counter} + 1)"
    b.emit(f"while ({counter} > 0){extra}:")
    with b.nested():
        b.loops.append((counter, 3))
        b.scope.extend(copies)
        body(b, depth + 1)
        _update(b, copies)
        b.loops.pop()
        b.emit(f"{counter} = {counter} - 1")
    _finish(b, copies)


def function(b: Builder, body: Body, depth: int) -> None:
    """A device function, inlined or not, with or without an early return."""
    if b.inside_function:
        return
    separate = b.choices.chance(50)
    given = [_parameter(b, separate) for _ in range(b.choices.integer(1, 2))]
    parameters = [Variable(b.name("q"), v.kind, v.shape) for v in given]
    name = b.name("f")
    early = b.choices.chance(50)
    with b.function(parameters) as lines:
        body(b, depth + 1)
        result = b.operand((*NUMBERS, BOOL), shape=(8,))
        if early:
            first, condition = _other(b, result), b.condition()
            b.emit(f"if {condition}:")
            b.emit(f"    return {first.name}")
            body(b, depth + 1)
        last = _other(b, result)
        b.emit(f"return {last.name}")
    heading = (
        f"@triton.jit{'(noinline=True)' if separate else ''}\ndef {name}({', '.join(p.name for p in parameters)}):"
    )
    b.functions.append("\n".join([heading, *lines]) + "\n")
    label = f"call{' noinline' if separate else ''}{' early return' if early else ''}"
    b.define(f"{name}({', '.join(v.name for v in given)})", result.kind, result.shape, label)


def _parameter(b: Builder, separate: bool) -> Variable:
    """An argument of a device function; one that is not inlined takes scalars only."""
    if separate:
        return b.operand((*NUMBERS, BOOL), lambda v: v.shape == (), ())
    return b.operand((*NUMBERS, BOOL), shape=b.shape())


def _other(b: Builder, like: Variable) -> Variable:
    return b.operand((like.kind,), lambda v: v.shape == like.shape, like.shape)


def leave(b: Builder, body: Body, depth: int) -> None:
    """Some programs end here."""
    if b.inside_function or depth:
        return
    b.operations["early return"] += 1
    condition = b.condition()
    b.emit(f"if {condition}:")
    b.emit("    return")


STATEMENTS = (branch, counted_loop, open_loop, function, branch, counted_loop, leave)

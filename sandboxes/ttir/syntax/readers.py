"""Operations whose text has a shape of its own: constants, control flow, scaled products."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandboxes.ttir.ir import Attribute, Dense, ScalarType, TensorType, Type, Value
from sandboxes.ttir.syntax.attributes import dense, dictionary, number, parse_descriptor, parse_type
from sandboxes.ttir.syntax.drafts import I1, Draft

if TYPE_CHECKING:
    from sandboxes.ttir.syntax.parser import Parser


def read_constant(parser: "Parser", draft: Draft) -> None:
    """``arith.constant {hint} value : type``."""
    cursor = parser.cursor
    if cursor.at("{"):
        draft.attributes |= dictionary(cursor)
    value: Attribute = dense(cursor) if cursor.accept("dense") else number(cursor)
    draft.outputs = [parse_type(cursor)] if cursor.accept(":") else [I1]
    kind = draft.outputs[0]
    if isinstance(value, Dense) and not (isinstance(kind, TensorType) and _fits(value, kind)):
        raise cursor.error("constant does not fit its type")
    draft.attributes["value"] = value


def read_for(parser: "Parser", draft: Draft) -> None:
    """``scf.for %i = %low to %high step %s iter_args(...) -> (...) : type { body }``."""
    cursor = parser.cursor
    if cursor.accept("unsigned"):
        draft.keywords.append("unsigned")
    induction = cursor.expect_kind("value").text
    for separator in ("=", "to", "step"):
        cursor.expect(separator)
        draft.operands.append(parser.scope.use())
    names: list[str] = []
    draft.outputs = []
    if cursor.accept("iter_args"):
        names = _bindings(parser, draft)
        cursor.expect("->")
        draft.outputs = parser.type_list()
    kind: Type = parse_type(cursor) if cursor.accept(":") else ScalarType("index")
    if len(names) != len(draft.outputs):
        raise cursor.error("scf.for: iter_args and types differ in number")
    parser.scope.open()
    arguments = parser.scope.define(induction, [kind])
    for name, output in zip(names, draft.outputs, strict=True):
        arguments += parser.scope.define(name, [output])
    draft.regions.append(parser.region(arguments))
    parser.scope.close()


def _bindings(parser: "Parser", draft: Draft) -> list[str]:
    """``(%a = %b, ...)``: returns the names on the left, adds the values on the right."""
    cursor = parser.cursor
    names = []
    cursor.expect("(")
    while not cursor.accept(")"):
        names.append(cursor.expect_kind("value").text)
        cursor.expect("=")
        draft.operands.append(parser.scope.use())
        if not cursor.at(")"):
            cursor.expect(",")
    return names


def read_if(parser: "Parser", draft: Draft) -> None:
    """``scf.if %c -> (...) { then } else { other }``."""
    cursor = parser.cursor
    draft.operands.append(parser.scope.use())
    draft.outputs = parser.type_list() if cursor.accept("->") else []
    draft.regions.append(parser.region())
    if cursor.accept("else"):
        draft.regions.append(parser.region())


def read_while(parser: "Parser", draft: Draft) -> None:
    """``scf.while (...) : (...) -> (...) { before } do { after }``."""
    cursor = parser.cursor
    names = _bindings(parser, draft) if cursor.at("(") else []
    cursor.expect(":")
    parser.types(draft)
    if len(names) != len(draft.inputs):
        raise cursor.error("scf.while: arguments and types differ in number")
    parser.scope.open()
    arguments: tuple[Value, ...] = ()
    for name, kind in zip(names, draft.inputs, strict=True):
        arguments += parser.scope.define(name, [kind])
    draft.regions.append(parser.region(arguments))
    parser.scope.close()
    cursor.expect("do")
    draft.regions.append(parser.region())
    if cursor.accept("attributes"):
        draft.attributes |= dictionary(cursor)


def read_branch(parser: "Parser", draft: Draft) -> None:
    """``cf.br ^b(%x : T)`` and ``cf.cond_br %c, ^b(...), ^c(...)``; ``groups`` counts each target's values."""
    cursor = parser.cursor
    if draft.name == "cf.cond_br":
        draft.operands.append(parser.scope.use())
        if cursor.accept("weights"):
            cursor.expect("(")
            while not cursor.accept(")"):
                cursor.take()
        cursor.expect(",")
    while cursor.token.kind == "label" and cursor.token.line == cursor.last_line:
        draft.successors.append(cursor.take().text)
        before = len(draft.operands)
        if cursor.accept("("):
            while not cursor.accept(":"):
                draft.operands.append(parser.scope.use())
                cursor.accept(",")
            while not cursor.accept(")"):
                parse_type(cursor)
                cursor.accept(",")
        draft.groups.append(len(draft.operands) - before)
        cursor.accept(",")
    if len(draft.successors) != (2 if draft.name == "cf.cond_br" else 1):
        raise cursor.error(f"{draft.name}: wrong number of targets")


def read_make_descriptor(parser: "Parser", draft: Draft) -> None:
    """``%base, [sizes], [strides] {padding} : <T>, <AxBxT>``; ``groups`` counts sizes and strides."""
    cursor = parser.cursor
    draft.operands.append(parser.scope.use())
    for _ in ("sizes", "strides"):
        cursor.expect(",")
        cursor.expect("[")
        before = len(draft.operands)
        while not cursor.accept("]"):
            draft.operands.append(parser.scope.use())
            cursor.accept(",")
        draft.groups.append(len(draft.operands) - before)
    if cursor.at("{"):
        draft.attributes |= dictionary(cursor)
    cursor.expect(":")
    draft.inputs.append(parse_type(cursor))
    cursor.expect(",")
    draft.outputs = [parse_descriptor(cursor) if cursor.at("<") else parse_type(cursor)]


def read_dot_scaled(parser: "Parser", draft: Draft) -> None:
    """``%a scale %s, %b scale %t, %c lhs = e2m1 rhs = e4m3 ...``: ``groups`` says which scale there is."""
    cursor = parser.cursor
    for _ in ("lhs", "rhs"):
        draft.operands.append(parser.scope.use())
        scaled = cursor.accept("scale")
        if scaled:
            draft.operands.append(parser.scope.use())
        draft.groups.append(2 if scaled else 1)
        cursor.expect(",")
    draft.operands.append(parser.scope.use())
    for side in ("lhs", "rhs"):
        cursor.expect(side)
        cursor.expect("=")
        draft.attributes[side] = cursor.expect_kind("word").text
    if cursor.at("{"):
        draft.attributes |= dictionary(cursor)
    cursor.expect(":")
    parser.types(draft)


def _fits(value: Dense, kind: TensorType) -> bool:
    """Whether a dense constant has one value, or as many as its type (bytes, where given as a blob)."""
    return value.splat or len(value.values) % kind.numel == 0


READERS: dict[str, Callable[["Parser", Draft], None]] = {
    "arith.constant": read_constant,
    "scf.for": read_for,
    "scf.if": read_if,
    "scf.while": read_while,
    "cf.br": read_branch,
    "cf.cond_br": read_branch,
    "tt.make_tensor_descriptor": read_make_descriptor,
    "tt.dot_scaled": read_dot_scaled,
}

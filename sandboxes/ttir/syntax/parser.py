"""Reads the TTIR text of Triton 3.6 to 3.9 into the typed IR of `ir.py`.

First step of everything that judges a kernel: executor, dataflow and compilation all start from the module built
here. The text comes from the candidate's process, so it is hostile: one pass, explicit limits, no backtracking.

Most operations share one loose shape (operands, keywords, attributes, ``:`` types), which is read without a table of
operations; ``scf``, ``cf``, ``tt.func`` and MLIR's generic quoted form have readers of their own.
"""

import functools

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.ir import (
    Attribute,
    Block,
    Dense,
    Function,
    Location,
    Module,
    Operation,
    Parameter,
    Region,
    ScalarType,
    TensorType,
    Type,
    Value,
)
from sandboxes.ttir.syntax.attributes import attribute, dense, dictionary, number, parse_type
from sandboxes.ttir.syntax.cursor import Cursor
from sandboxes.ttir.syntax.drafts import I1, Draft, result_types
from sandboxes.ttir.syntax.locations import LocationSyntax, LocationTable, parse_location
from sandboxes.ttir.syntax.scope import Scope
from sandboxes.ttir.syntax.tokens import tokenise

MAX_OPERATIONS = 50_000
MAX_RESULTS = 4096


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Module:
    """The module that ``text`` denotes; the same text gives the same object.

    Raises:
        TTIRSyntaxError: the text is malformed or exceeds a limit.
    """
    return _Parser(text).module()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokenise(text)
        self._cursor = Cursor(self._tokens)
        self._locations = LocationTable()
        self._scope = Scope(self._cursor)
        self._operations = 0

    # -- module and functions ------------------------------------------------------------------------------------

    def module(self) -> Module:
        cursor = self._cursor
        self._collect_aliases()
        while cursor.token.kind == "alias":
            self._skip_alias()
        functions = []
        if cursor.accept("module"):
            if cursor.token.kind == "symbol":
                cursor.take()
            if cursor.accept("attributes"):
                dictionary(cursor)
            cursor.expect("{")
            while not cursor.accept("}"):
                functions.append(self._function())
            self._location()
        else:
            while cursor.at("tt.func"):
                functions.append(self._function())
        while cursor.token.kind == "alias":
            self._skip_alias()
        if cursor.token.kind != "end":
            raise cursor.error(f"expected the end of the text, found {cursor.token.text!r}")
        if not functions:
            raise cursor.error("the module has no function")
        return Module(tuple(functions), self._scope.values)

    def _collect_aliases(self) -> None:
        """Reads every ``#name = loc(...)`` line first: uses precede most definitions."""
        tokens = self._tokens
        for position, token in enumerate(tokens[:-2]):
            if token.kind == "alias" and tokens[position + 1].text == "=" and tokens[position + 2].text == "loc":
                location = parse_location(Cursor(tokens, position + 2))
                self._locations.definitions[token.text] = location  # type: ignore[assignment]

    def _skip_alias(self) -> None:
        cursor = self._cursor
        cursor.take()
        cursor.expect("=")
        if cursor.at("loc"):
            parse_location(cursor)
        else:
            attribute(cursor)

    def _function(self) -> Function:
        cursor = self._cursor
        cursor.expect("tt.func")
        public = not cursor.accept("private")
        cursor.accept("public")
        name = cursor.expect_kind("symbol").text[1:].strip('"')
        self._scope.open()
        parameters = self._parameters()
        results: list[Type] = []
        if cursor.accept("->"):
            results = self._type_list()
            # result attributes, e.g. ``(f32 {tt.x = 1})``, do not occur in frontend output
        if cursor.accept("attributes"):
            dictionary(cursor)
        body = self._region(tuple(parameter.value for parameter in parameters))
        self._scope.close()
        return Function(name, public, tuple(parameters), tuple(results), body, self._location())

    def _parameters(self) -> list[Parameter]:
        cursor = self._cursor
        cursor.expect("(")
        parameters: list[Parameter] = []
        while not cursor.accept(")"):
            name = cursor.expect_kind("value").text
            cursor.expect(":")
            kind = parse_type(cursor)
            attributes = dictionary(cursor) if cursor.at("{") else {}
            self._location()
            parameters.append(Parameter(name[1:], kind, attributes, self._scope.define(name, [kind])[0]))
            if not cursor.at(")"):
                cursor.expect(",")
        return parameters

    # -- regions -------------------------------------------------------------------------------------------------

    def _region(self, arguments: tuple[Value, ...] = ()) -> Region:
        """Reads ``{ blocks }``; ``arguments`` belong to the first block and are defined by the caller."""
        cursor = self._cursor
        cursor.expect("{")
        self._scope.open()
        blocks: list[Block] = []
        label = ""
        operations: list[Operation] = []
        while not cursor.accept("}"):
            if cursor.token.kind == "label":
                if operations or label:
                    blocks.append(Block(label, arguments, tuple(operations)))
                label = cursor.take().text
                operations = []
                arguments = arguments if not blocks and arguments else self._block_arguments()
                cursor.expect(":")
            else:
                operations.append(self._operation())
        blocks.append(Block(label, arguments, tuple(operations)))
        self._scope.close()
        return Region(tuple(blocks))

    def _block_arguments(self) -> tuple[Value, ...]:
        cursor = self._cursor
        values: list[Value] = []
        if cursor.accept("("):
            while not cursor.accept(")"):
                name = cursor.expect_kind("value").text
                cursor.expect(":")
                values.extend(self._scope.define(name, [parse_type(cursor)]))
                self._location()
                if not cursor.at(")"):
                    cursor.expect(",")
        return tuple(values)

    # -- operations ----------------------------------------------------------------------------------------------

    def _operation(self) -> Operation:
        cursor = self._cursor
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise cursor.error(f"more than {MAX_OPERATIONS} operations")
        results = self._result_names()
        token = cursor.take()
        if token.kind == "string":
            draft = self._generic(token.text[1:-1])
        elif token.kind != "word" or "." not in token.text:
            raise TTIRSyntaxError(f"expected an operation, found {token.text!r}", token.line)
        else:
            draft = Draft(token.text)
            reader = _READERS.get(token.text, _Parser._loose)
            reader(self, draft)
        if cursor.at("{"):
            draft.attributes |= dictionary(cursor)
        location = self._location()
        count = sum(size for _, size in results)
        types = result_types(draft, count)
        if count > len(types):
            raise TTIRSyntaxError(f"{draft.name} has {len(types)} results, {count} are named", token.line)
        values: list[Value] = []
        for name, size in results:
            values.extend(self._scope.define(name, types[len(values) : len(values) + size]))
        return Operation(
            name=draft.name,
            operands=tuple(draft.operands),
            results=tuple(values),
            attributes=draft.attributes,
            regions=tuple(draft.regions),
            location=location,
            keywords=tuple(draft.keywords),
            groups=tuple(draft.groups),
            successors=tuple(draft.successors),
        )

    def _result_names(self) -> list[tuple[str, int]]:
        cursor = self._cursor
        names: list[tuple[str, int]] = []
        while cursor.token.kind == "value":
            name, _, size = cursor.take().text.partition(":")
            names.append((name, int(size[:6]) if size else 1))
            cursor.accept(",")
        if names:
            cursor.expect("=")
        if sum(size for _, size in names) > MAX_RESULTS:
            raise cursor.error("too many results")
        return names

    def _location(self) -> Location:
        cursor = self._cursor
        if cursor.at("loc") and cursor.following.text == "(":
            syntax: LocationSyntax | str = parse_location(cursor)
            return self._locations.resolve(syntax)
        return Location()

    def _generic(self, name: str) -> Draft:
        """``"tt.reduce"(%a) <{axis = 0}> ({ region }) {attributes} : (T) -> T``."""
        cursor = self._cursor
        draft = Draft(name)
        cursor.expect("(")
        while not cursor.accept(")"):
            draft.operands.append(self._scope.use())
            cursor.accept(",")
        if cursor.accept("["):
            while not cursor.accept("]"):
                draft.successors.append(cursor.expect_kind("label").text)
                cursor.accept(",")
        if cursor.accept("<"):
            draft.attributes |= dictionary(cursor)
            cursor.expect(">")
        if cursor.accept("("):
            while not cursor.accept(")"):
                draft.regions.append(self._region())
                cursor.accept(",")
        if cursor.at("{"):
            draft.attributes |= dictionary(cursor)
        cursor.expect(":")
        self._types(draft)
        return draft

    def _loose(self, draft: Draft) -> None:
        """Operands, keywords, attributes and types in the order they come, up to the end of the line."""
        cursor = self._cursor
        level = 0
        group: int | None = None
        while level or cursor.token.line == cursor.last_line:
            token = cursor.token
            if token.kind == "value":
                draft.operands.append(self._scope.use())
            elif token.kind == "word":
                if token.text == "loc" and cursor.following.text == "(":
                    return
                self._keyword(draft)
            elif token.kind == "label":
                draft.successors.append(cursor.take().text)
            elif token.kind in ("string", "symbol", "number", "hex"):
                draft.keywords.append(cursor.take().text.strip('"'))
            elif token.text == "{":
                draft.attributes |= dictionary(cursor)
            elif token.text == ":":
                cursor.take()
                if cursor.token.kind != "value":
                    self._types(draft)
            elif token.text == "[":
                cursor.take()
                level, group = level + 1, len(draft.operands)
            elif token.text == "]":
                cursor.take()
                level -= 1
                draft.groups.append(len(draft.operands) - (group or 0))
            elif token.text in ("(", ")", ","):
                cursor.take()
                level += (token.text == "(") - (token.text == ")")
            else:
                break
            if level < 0 or level > 8:
                raise cursor.error("unbalanced brackets")

    def _keyword(self, draft: Draft) -> None:
        cursor = self._cursor
        word = cursor.take().text
        if cursor.accept("="):
            draft.attributes[word] = attribute(cursor)
        else:
            draft.keywords.append(word)

    def _types(self, draft: Draft) -> None:
        """``A, B``, ``A -> B``, ``(A, B) -> (C)``, ``A to B`` or ``A * B -> C``."""
        cursor = self._cursor
        draft.inputs.extend(self._type_list())
        while cursor.accept(",") or cursor.accept("*"):
            draft.inputs.extend(self._type_list())
        if cursor.accept("->") or cursor.accept("to"):
            draft.outputs = self._type_list()

    def _type_list(self) -> list[Type]:
        """One type, or several in parentheses."""
        cursor = self._cursor
        if not cursor.accept("("):
            return [parse_type(cursor)]
        types: list[Type] = []
        while not cursor.accept(")"):
            types.append(parse_type(cursor))
            if not cursor.at(")"):
                cursor.expect(",")
        return types

    # -- operations with a syntax of their own -------------------------------------------------------------------

    def _constant(self, draft: Draft) -> None:
        cursor = self._cursor
        if cursor.at("{"):
            draft.attributes |= dictionary(cursor)
        value: Attribute = dense(cursor) if cursor.accept("dense") else number(cursor)
        draft.outputs = [parse_type(cursor)] if cursor.accept(":") else [I1]
        kind = draft.outputs[0]
        if isinstance(value, Dense) and not (isinstance(kind, TensorType) and _fits(value, kind)):
            raise cursor.error("constant does not fit its type")
        draft.attributes["value"] = value

    def _for(self, draft: Draft) -> None:
        cursor = self._cursor
        if cursor.accept("unsigned"):
            draft.keywords.append("unsigned")
        induction = cursor.expect_kind("value").text
        for separator in ("=", "to", "step"):
            cursor.expect(separator)
            draft.operands.append(self._scope.use())
        names: list[str] = []
        draft.outputs = []
        if cursor.accept("iter_args"):
            names = self._bindings(draft)
            cursor.expect("->")
            draft.outputs = self._type_list()
        kind: Type = parse_type(cursor) if cursor.accept(":") else ScalarType("index")
        if len(names) != len(draft.outputs):
            raise cursor.error("scf.for: iter_args and types differ in number")
        self._scope.open()
        arguments = self._scope.define(induction, [kind])
        for name, output in zip(names, draft.outputs, strict=True):
            arguments += self._scope.define(name, [output])
        draft.regions.append(self._region(arguments))
        self._scope.close()

    def _bindings(self, draft: Draft) -> list[str]:
        """``(%a = %b, ...)``: returns the names on the left, adds the values on the right."""
        cursor = self._cursor
        names = []
        cursor.expect("(")
        while not cursor.accept(")"):
            names.append(cursor.expect_kind("value").text)
            cursor.expect("=")
            draft.operands.append(self._scope.use())
            if not cursor.at(")"):
                cursor.expect(",")
        return names

    def _if(self, draft: Draft) -> None:
        cursor = self._cursor
        draft.operands.append(self._scope.use())
        draft.outputs = self._type_list() if cursor.accept("->") else []
        draft.regions.append(self._region())
        if cursor.accept("else"):
            draft.regions.append(self._region())

    def _while(self, draft: Draft) -> None:
        cursor = self._cursor
        names = self._bindings(draft) if cursor.at("(") else []
        cursor.expect(":")
        self._types(draft)
        if len(names) != len(draft.inputs):
            raise cursor.error("scf.while: arguments and types differ in number")
        self._scope.open()
        arguments: tuple[Value, ...] = ()
        for name, kind in zip(names, draft.inputs, strict=True):
            arguments += self._scope.define(name, [kind])
        draft.regions.append(self._region(arguments))
        self._scope.close()
        cursor.expect("do")
        draft.regions.append(self._region())
        if cursor.accept("attributes"):
            draft.attributes |= dictionary(cursor)

    def _branch(self, draft: Draft) -> None:
        """``cf.br ^b(%x : T)`` and ``cf.cond_br %c, ^b(...), ^c(...)``; ``groups`` counts each target's values."""
        cursor = self._cursor
        if draft.name == "cf.cond_br":
            draft.operands.append(self._scope.use())
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
                    draft.operands.append(self._scope.use())
                    cursor.accept(",")
                while not cursor.accept(")"):
                    parse_type(cursor)
                    cursor.accept(",")
            draft.groups.append(len(draft.operands) - before)
            cursor.accept(",")
        if len(draft.successors) != (2 if draft.name == "cf.cond_br" else 1):
            raise cursor.error(f"{draft.name}: wrong number of targets")


_READERS = {
    "arith.constant": _Parser._constant,
    "scf.for": _Parser._for,
    "scf.if": _Parser._if,
    "scf.while": _Parser._while,
    "cf.br": _Parser._branch,
    "cf.cond_br": _Parser._branch,
}


def _fits(value: Dense, kind: TensorType) -> bool:
    """Whether a dense constant has one value, or as many as its type (bytes, where given as a blob)."""
    return value.splat or len(value.values) % kind.numel == 0

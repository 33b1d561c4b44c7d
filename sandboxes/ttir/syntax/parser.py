"""Reads the TTIR text of Triton 3.6 to 3.9 into the typed IR of `ir.py`.

First step of everything that judges a kernel: executor, dataflow and compilation all start from the module built
here. The text comes from the candidate's process, so it is hostile: one pass, explicit limits, no backtracking.

Most operations share one loose shape (operands, keywords, attributes, ``:`` types), which is read without a table of
operations; MLIR's generic quoted form and ``tt.func`` are read here too, the rest (``scf``, ``cf``) in `readers.py`.
"""

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.ir import (
    Block,
    Function,
    Location,
    Module,
    Operation,
    Parameter,
    Region,
    Type,
    Value,
)
from sandboxes.ttir.remembering import ByText
from sandboxes.ttir.syntax.attributes import attribute, dictionary, parse_type
from sandboxes.ttir.syntax.cursor import Cursor
from sandboxes.ttir.syntax.drafts import Draft, result_types
from sandboxes.ttir.syntax.locations import LocationSyntax, LocationTable, alias_of, parse_location
from sandboxes.ttir.syntax.readers import READERS
from sandboxes.ttir.syntax.scope import Scope
from sandboxes.ttir.syntax.tokens import Token, tokenise

MAX_OPERATIONS = 50_000
MAX_RESULTS = 4096
MAX_PARAMETERS = 4096
"""A CUDA launch takes at most 32,764 bytes of parameters; a pointer has 8."""


@ByText
def parse(text: str) -> Module:
    """The module that ``text`` denotes; the same text gives the same object.

    Raises:
        TTIRSyntaxError: the text is malformed or exceeds a limit.
    """
    return Parser(text).module()


class Parser:
    """One pass over one text.

    Args:
        text: TTIR.
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokenise(text)
        self.cursor = Cursor(self._tokens)
        self._locations = LocationTable()
        self.scope = Scope(self.cursor)
        self._operations = 0

    # -- module and functions ------------------------------------------------------------------------------------

    def module(self) -> Module:
        """Reads the whole text."""
        cursor = self.cursor
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
        return Module(tuple(functions), self.scope.values)

    def _collect_aliases(self) -> None:
        """Reads every ``#name = loc(...)`` line first: uses precede most definitions."""
        tokens = self._tokens
        aliases = [position for position, (kind, _, _) in enumerate(tokens[:-2]) if kind == "alias"]
        for position in aliases:
            if tokens[position + 1].text == "=" and _is_location(tokens[position + 2]):
                location = parse_location(Cursor(tokens, position + 2))
                self._locations.definitions[tokens[position].text] = location  # type: ignore[assignment]

    def _skip_alias(self) -> None:
        cursor = self.cursor
        cursor.take()
        cursor.expect("=")
        if _is_location(cursor.token):
            parse_location(cursor)
        else:
            attribute(cursor)

    def _function(self) -> Function:
        cursor = self.cursor
        cursor.expect("tt.func")
        public = not cursor.accept("private")
        cursor.accept("public")
        name = cursor.expect_kind("symbol").text[1:].strip('"')
        self.scope.open()
        parameters = self._parameters()
        results: list[Type] = []
        if cursor.accept("->"):
            results = self.type_list()
            # result attributes, e.g. ``(f32 {tt.x = 1})``, do not occur in frontend output
        if cursor.accept("attributes"):
            dictionary(cursor)
        body = self.region(tuple(parameter.value for parameter in parameters))
        self.scope.close()
        return Function(name, public, tuple(parameters), tuple(results), body, self._location())

    def _parameters(self) -> list[Parameter]:
        cursor = self.cursor
        cursor.expect("(")
        parameters: list[Parameter] = []
        while not cursor.accept(")"):
            name = cursor.expect_kind("value").text
            cursor.expect(":")
            kind = parse_type(cursor)
            attributes = dictionary(cursor) if cursor.at("{") else {}
            self._location()
            if len(parameters) == MAX_PARAMETERS:
                raise cursor.error(f"more than {MAX_PARAMETERS} parameters")
            parameters.append(Parameter(name[1:], kind, attributes, self.scope.define(name, [kind])[0]))
            if not cursor.at(")"):
                cursor.expect(",")
        return parameters

    # -- regions -------------------------------------------------------------------------------------------------

    def region(self, arguments: tuple[Value, ...] = ()) -> Region:
        """Reads ``{ blocks }``; ``arguments`` belong to the first block and are defined by the caller."""
        cursor = self.cursor
        cursor.expect("{")
        self.scope.open()
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
        self.scope.close()
        return Region(tuple(blocks))

    def _block_arguments(self) -> tuple[Value, ...]:
        cursor = self.cursor
        values: list[Value] = []
        if cursor.accept("("):
            while not cursor.accept(")"):
                name = cursor.expect_kind("value").text
                cursor.expect(":")
                values.extend(self.scope.define(name, [parse_type(cursor)]))
                self._location()
                if not cursor.at(")"):
                    cursor.expect(",")
        return tuple(values)

    # -- operations ----------------------------------------------------------------------------------------------

    def _operation(self) -> Operation:
        cursor = self.cursor
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
            reader = READERS.get(token.text, Parser._loose)
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
            values.extend(self.scope.define(name, types[len(values) : len(values) + size]))
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
        cursor = self.cursor
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
        cursor = self.cursor
        if cursor.token.kind == "place":
            return self._locations.resolve(alias_of(cursor.take()))
        if cursor.at("loc") and cursor.following.text == "(":
            syntax: LocationSyntax | str = parse_location(cursor)
            return self._locations.resolve(syntax)
        return Location()

    def _generic(self, name: str) -> Draft:
        """``"tt.reduce"(%a) <{axis = 0}> ({ region }) {attributes} : (T) -> T``."""
        cursor = self.cursor
        draft = Draft(name)
        cursor.expect("(")
        while not cursor.accept(")"):
            draft.operands.append(self.scope.use())
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
                draft.regions.append(self.region())
                cursor.accept(",")
        if cursor.at("{"):
            draft.attributes |= dictionary(cursor)
        cursor.expect(":")
        self.types(draft)
        return draft

    def _loose(self, draft: Draft) -> None:
        """Operands, keywords, attributes and types in the order they come, up to the end of the line."""
        cursor = self.cursor
        level = 0
        group: int | None = None
        while level or cursor.token.line == cursor.last_line:
            token = cursor.token
            if token.kind == "value":
                draft.operands.append(self.scope.use())
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
                    self.types(draft)
            elif token.text == "->":  # without operands there is no colon
                cursor.take()
                draft.outputs = self.type_list()
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
        cursor = self.cursor
        word = cursor.take().text
        if cursor.accept("="):
            draft.attributes[word] = attribute(cursor)
        else:
            draft.keywords.append(word)

    def types(self, draft: Draft) -> None:
        """``A, B``, ``A -> B``, ``(A, B) -> (C)``, ``A to B`` or ``A * B -> C``."""
        cursor = self.cursor
        draft.inputs.extend(self.type_list())
        while cursor.accept(",") or cursor.accept("*"):
            draft.inputs.extend(self.type_list())
        if cursor.accept("->") or cursor.accept("to"):
            draft.outputs = self.type_list()
            while draft.name == "tt.elementwise_inline_asm" and cursor.accept(","):
                draft.outputs += self.type_list()

    def type_list(self) -> list[Type]:
        """One type, or several in parentheses."""
        cursor = self.cursor
        if not cursor.accept("("):
            return [parse_type(cursor)]
        types: list[Type] = []
        while not cursor.accept(")"):
            types.append(parse_type(cursor))
            if not cursor.at(")"):
                cursor.expect(",")
        return types


def _is_location(token: Token) -> bool:
    return token.kind == "place" or token.text == "loc"

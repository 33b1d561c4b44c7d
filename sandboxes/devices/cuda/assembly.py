"""What a kernel may contain that the CPU executor does not interpret but a GPU may run: arithmetic as inline PTX.

Inline PTX is text that reaches the assembler as it is: it could read clocks and ids, touch any address, trap, or wait.
So it is read here, and every instruction must be on a list of those that compute registers from registers. Text that is
not understood completely is refused, and so is every character that the assembler, LLVM or MLIR might read otherwise
than this module does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from sandboxes.contracts import Launch, Trace
from sandboxes.ttir import Module, Operation, UnsupportedOperation, parse
from sandboxes.ttir.coverage import STRUCTURE
from sandboxes.ttir.ir import PointerType, TensorType, Value
from sandboxes.ttir.operations.libdevice import SYMBOLS
from sandboxes.ttir.table import executes

INLINE: Final = "tt.elementwise_inline_asm"
EXTERN: Final = "tt.extern_elementwise"

MAX_CHARACTERS: Final = 4096
MAX_INSTRUCTIONS: Final = 256
MAX_REGISTERS: Final = 256
"""Declared in one text."""
MAX_SCOPES: Final = 8

_OPCODES = """
add sub mul mad mul24 mad24 sad div rem abs neg min max addc subc madc fma rcp sqrt rsqrt sin cos lg2 ex2 tanh
copysign testp popc clz bfind brev bfe bfi bmsk szext dp4a dp2a and or xor not cnot lop3 shl shr shf prmt
set setp selp slct mov cvt
"""
OPCODES: Final = frozenset(_OPCODES.split())
"""Instructions that compute registers from registers and numbers, whatever their types."""

_MODIFIERS = """
pred b8 b16 b32 b64 u8 u16 u32 u64 s8 s16 s32 s64 f16 f16x2 bf16 bf16x2 tf32 f32 f32x2 f64 u16x2 s16x2
e4m3 e5m2 e4m3x2 e5m2x2 e2m1x2 e2m3x2 e3m2x2 ue8m0x2
rn rna rz rm rp rni rzi rmi rpi ftz sat satfinite relu approx full lo hi wide cc
eq ne lt le gt ge ls hs equ neu ltu leu gtu geu num nan and or xor NaN xorsign abs
l r wrap clamp f4e b4e rc8 ecl ecr rc16 finite infinite number notanumber normal subnormal shiftamt
"""
MODIFIERS: Final = frozenset(_MODIFIERS.split())
"""What may follow an instruction after a dot: types, rounding, comparisons."""

_TYPES = "pred b8 b16 b32 b64 u8 u16 u32 u64 s8 s16 s32 s64 f16 f16x2 f32 f64"
TYPES: Final = frozenset(_TYPES.split())
"""Of declared registers."""

REGISTER: Final = re.compile(r"%(?:p|r|f|h|b|rs|rd|fd)[0-9]{1,4}|[A-Za-z_][A-Za-z0-9_]{0,63}")
"""A name that a declaration may give; no special register has one of these with a percent sign."""

CONSTRAINTS: Final = re.compile(r"(?:=?&?[bhrlqfdc]|[0-9]{1,2})(?:,(?:=?&?[bhrlqfdc]|[0-9]{1,2})){0,63}")
"""Registers only: no clobbers, no addresses."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n]+|//[^\n]*|/\*.*?\*/)
  | (?P<operand>\$[0-9]{1,2}(?![0-9A-Za-z_$%.]))
  | (?P<float>0[fF][0-9a-fA-F]{8}(?![0-9A-Za-z_$%.])|0[dD][0-9a-fA-F]{16}(?![0-9A-Za-z_$%.])
             |[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_$%.]))
  | (?P<integer>(?:0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)U?(?![0-9A-Za-z_$%.]))
  | (?P<modifier>\.[A-Za-z][A-Za-z0-9]*)
  | (?P<name>%?[A-Za-z_][A-Za-z0-9_]*(?![$%]))
  | (?P<mark>[{},;@!|<>\-])
    """,
    re.VERBOSE | re.DOTALL,
)
_CHARACTERS: Final = re.compile(r"[\t\n -~]*")
_OUTSIDE: Final = re.compile(r"[\\\"#`]")
"""Characters that mean something to MLIR, LLVM or a preprocessor; refused in comments, too."""
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{2})|([nt\"\\]))")


class AssemblyNotAllowed(ValueError):
    """Inline PTX holds something else than arithmetic on registers; the message names it."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


@dataclass(slots=True)
class _Reader:
    """Reads statements one after the other."""

    tokens: list[_Token]
    at: int = 0
    instructions: int = 0
    registers: int = 0
    scopes: list[set[str]] = field(default_factory=lambda: [set()])

    def text(self) -> None:
        """Reads everything."""
        while self.at < len(self.tokens):
            self._statement()
        if len(self.scopes) > 1:
            raise AssemblyNotAllowed("a brace is never closed")

    def _statement(self) -> None:
        if self._accept(";"):
            return
        if self._accept("{"):
            if len(self.scopes) >= MAX_SCOPES:
                raise AssemblyNotAllowed("braces are nested too deeply")
            self.scopes.append(set())
        elif self._accept("}"):
            self.scopes.pop()
            if not self.scopes:
                raise AssemblyNotAllowed("a brace closes nothing")
        elif self._peek().text == ".reg":
            self._declaration()
        else:
            self._instruction()

    def _declaration(self) -> None:
        """`.reg .f32 a, b;` and `.reg .b32 r<4>;`."""
        self.at += 1
        kind = self._take("modifier")
        if kind[1:] not in TYPES:
            raise AssemblyNotAllowed(f"registers of type `{kind}`")
        while True:
            name = self._take("name")
            if not REGISTER.fullmatch(name):
                raise AssemblyNotAllowed(f"a register called `{name}`")
            names = [name]
            if self._accept("<"):
                count = self._take("integer")
                if not count.isdecimal() or int(count) > MAX_REGISTERS:
                    raise AssemblyNotAllowed(f"{count} registers")
                names = [f"{name}{number}" for number in range(int(count))]
                self._expect(">")
            if not all(REGISTER.fullmatch(each) for each in names):
                raise AssemblyNotAllowed(f"registers called `{name}<{len(names)}>`")
            self.registers += len(names)
            if self.registers > MAX_REGISTERS:
                raise AssemblyNotAllowed(f"more than {MAX_REGISTERS} registers")
            self.scopes[-1].update(names)
            if not self._accept(","):
                break
        self._expect(";")

    def _instruction(self) -> None:
        """`@!p fma.rn.f32 $0, a, b, 0f3F800000;`."""
        self.instructions += 1
        if self.instructions > MAX_INSTRUCTIONS:
            raise AssemblyNotAllowed(f"more than {MAX_INSTRUCTIONS} instructions")
        if self._accept("@"):
            self._accept("!")
            self._register()
        opcode = self._take("name")
        if opcode not in OPCODES:
            raise AssemblyNotAllowed(f"the instruction `{opcode}`")
        while self._peek().kind == "modifier":
            modifier = self._take("modifier")
            if modifier[1:] not in MODIFIERS:
                raise AssemblyNotAllowed(f"`{modifier}` of the instruction `{opcode}`")
        self._operand()
        while self._accept(","):
            self._operand()
        self._expect(";")

    def _operand(self) -> None:
        """A register, a negated predicate, two predicates, a number, or several in braces."""
        if self._accept("{"):
            self._simple()
            while self._accept(","):
                self._simple()
            self._expect("}")
            return
        self._accept("!")
        self._simple()
        if self._accept("|"):
            self._register()

    def _simple(self) -> None:
        if self._accept("-"):
            if self._peek().kind not in ("integer", "float"):
                raise AssemblyNotAllowed("a minus before something that is no number")
            self.at += 1
        elif self._peek().kind in ("integer", "float"):
            self.at += 1
        else:
            self._register()

    def _register(self) -> None:
        token = self._peek()
        if token.kind == "operand":
            self.at += 1
            return
        name = self._take("name")
        if name != "_" and not any(name in scope for scope in self.scopes):
            raise AssemblyNotAllowed(f"`{name}`, which is no register that it declares")

    def _peek(self) -> _Token:
        if self.at >= len(self.tokens):
            raise AssemblyNotAllowed("it ends in the middle of a statement")
        return self.tokens[self.at]

    def _take(self, kind: str) -> str:
        token = self._peek()
        if token.kind != kind:
            raise AssemblyNotAllowed(f"`{token.text}` where a {kind} should be")
        self.at += 1
        return token.text

    def _accept(self, mark: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == _Token("mark", mark)
        self.at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            raise AssemblyNotAllowed(f"`{self._peek().text}` where `{mark}` should be")


def check_assembly(text: str, constraints: str) -> None:
    """Checks inline PTX.

    Args:
        text: As the assembler gets it, but for `$0`, `$1` and so on, which stand for registers.
        constraints: Of these registers, as LLVM takes them.

    Raises:
        AssemblyNotAllowed: It does something else than arithmetic on registers.
    """
    if len(text) > MAX_CHARACTERS:
        raise AssemblyNotAllowed(f"more than {MAX_CHARACTERS} characters")
    if not CONSTRAINTS.fullmatch(constraints):
        raise AssemblyNotAllowed(f"the constraints `{constraints[:100]}`, which are not of registers alone")
    _Reader(list(_tokens(text))).text()


def check_operations(module: Module) -> None:
    """Checks that a kernel does nothing but what the executor knows, and arithmetic as inline PTX.

    Raises:
        UnsupportedOperation: It does something else.
    """
    for function in module.functions:
        for operation in function.walk():
            if operation.name == INLINE:
                _check_inline(operation)
            elif operation.name == EXTERN:
                _check_extern(operation)
            elif not executes(operation.name) and operation.name not in STRUCTURE:
                _refuse(operation, "")


def holds_inline(trace: Trace) -> bool:
    """True if a kernel has inline PTX, of which the CPU executor can't say what its loads and stores reach."""
    return any(
        operation.name == INLINE
        for node in trace.nodes
        if isinstance(node, Launch)
        for variant in node.variants
        for function in parse(variant.ttir).functions
        for operation in function.walk()
    )


def _check_inline(operation: Operation) -> None:
    """Checks an operation in the form in which Triton prints it; there are others, with other places for the text."""
    attributes = operation.attributes
    constraints = attributes.get("constraints")
    if len(operation.keywords) != 1 or set(attributes) != {"constraints", "packed_element", "pure"}:
        _refuse(operation, " in this form")
    if any(_is_pointer(value) for value in (*operation.operands, *operation.results)):
        _refuse(operation, " of pointers")
    try:
        check_assembly(unescaped(operation.keywords[0]), str(constraints))
    except AssemblyNotAllowed as reason:
        _refuse(operation, f": it holds {reason}")


def _check_extern(operation: Operation) -> None:
    if operation.attributes.get("symbol") not in SYMBOLS:
        _refuse(operation, f" `{str(operation.attributes.get('symbol'))[:100]}`")
    if any(_is_pointer(value) for value in (*operation.operands, *operation.results)):
        _refuse(operation, " of pointers")


def _refuse(operation: Operation, why: str) -> NoReturn:
    raise UnsupportedOperation(f"{operation.name}{why}", operation.location)


def _is_pointer(value: Value) -> bool:
    kind = value.type.element if isinstance(value.type, TensorType) else value.type
    return isinstance(kind, PointerType)


def unescaped(quoted: str) -> str:
    """Returns what MLIR means by a string in its text, without the quotes.

    Raises:
        AssemblyNotAllowed: A backslash begins no escape sequence.
    """
    if "\\" in _ESCAPE.sub("", quoted):
        raise AssemblyNotAllowed("a stray backslash")
    return _ESCAPE.sub(_meant, quoted)


def _meant(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return {"n": "\n", "t": "\t"}.get(escape[2], escape[2])


def _tokens(text: str) -> Iterator[_Token]:
    """Yields tokens, without comments.

    Raises:
        AssemblyNotAllowed: There is a character that arithmetic does not need.
    """
    if not _CHARACTERS.fullmatch(text) or _OUTSIDE.search(text):
        raise AssemblyNotAllowed("characters that arithmetic does not need")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise AssemblyNotAllowed(f"`{text[at : at + 20]}`")
        at = found.end()
        if "//" in found[0][1:] or "/*" in found[0][1:] or "*/" in found[0][1:-2]:
            raise AssemblyNotAllowed("a comment in a comment")
        if found.lastgroup == "space" and "$" in found[0]:  # LLVM reads `$(`, `$|` and `$)` there, too, and drops text
            raise AssemblyNotAllowed("a dollar sign in a comment")
        if found.lastgroup != "space":
            yield _Token(found.lastgroup or "", found[0])

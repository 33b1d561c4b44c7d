"""A position in a token list, with the small readers every part of the grammar shares."""

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.ir import TensorType
from sandboxes.ttir.syntax.tokens import Token

MAX_DEPTH = 64


class Cursor:
    """Reads tokens one by one; every failure names the line."""

    def __init__(self, tokens: list[Token], start: int = 0) -> None:
        self._tokens = tokens
        self._at = start
        self._depth = 0
        self.tensors: dict[str, TensorType] = {}
        """Types by their text."""
        self.listed = 0
        """Elements of constants that were read one by one; see `attributes.py` for how many there may be."""

    @property
    def token(self) -> Token:
        """The next token, not yet read."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token after `token`."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    @property
    def last_line(self) -> int:
        """Line of the token read last."""
        return self._tokens[self._at - 1].line if self._at else 1

    def take(self) -> Token:
        """Reads one token."""
        token = self._tokens[self._at]
        if token.kind == "end":
            raise TTIRSyntaxError("unexpected end of text", token.line)
        self._at += 1
        return token

    def at(self, text: str) -> bool:
        """Whether the next token is exactly ``text`` (and not a quoted string)."""
        token = self._tokens[self._at]
        return token.text == text and token.kind != "string"

    def accept(self, text: str) -> bool:
        """Reads ``text`` if it is next."""
        if self.at(text):
            self._at += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        """Reads ``text`` or fails."""
        if not self.at(text):
            raise self.error(f"expected {text!r}, found {self.token.text!r}")
        return self.take()

    def expect_kind(self, kind: str) -> Token:
        """Reads a token of ``kind`` or fails."""
        if self.token.kind != kind:
            raise self.error(f"expected a {kind}, found {self.token.text!r}")
        return self.take()

    def enter(self) -> None:
        """Goes one level of nesting down; more than `MAX_DEPTH` levels are refused."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")

    def leave(self) -> None:
        """Comes back from `enter`."""
        self._depth -= 1

    def error(self, message: str) -> TTIRSyntaxError:
        """A syntax error at the next token."""
        return TTIRSyntaxError(message, self.token.line)

"""Which value a name stands for: regions see the names around them and may shadow them."""

from sandboxes.ttir.errors import TTIRSyntaxError
from sandboxes.ttir.ir import Type, Value
from sandboxes.ttir.syntax.cursor import Cursor


class Scope:
    """The names that are visible at a position.

    Args:
        cursor: Where names are read from; it also limits the depth.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._visible: dict[str, tuple[Value, ...]] = {}
        self._shadowed: list[dict[str, tuple[Value, ...] | None]] = [{}]
        self.values = 0
        """Values defined so far."""

    def open(self) -> None:
        """Enters a region."""
        self._shadowed.append({})
        self._cursor.enter()

    def close(self) -> None:
        """Leaves a region: its names are gone, those they hid are back."""
        self._cursor.leave()
        for name, previous in self._shadowed.pop().items():
            if previous is None:
                del self._visible[name]
            else:
                self._visible[name] = previous

    def define(self, name: str, types: list[Type]) -> tuple[Value, ...]:
        """Returns new values of ``types`` under ``name`` (with its ``%``)."""
        values = []
        for kind in types:
            values.append(Value(self.values, name[1:], kind))
            self.values += 1
        shadowed = self._shadowed[-1]
        if name not in shadowed:
            shadowed[name] = self._visible.get(name)
        self._visible[name] = tuple(values)
        return tuple(values)

    def use(self) -> Value:
        """Reads a name, ``%x`` or ``%x#1``, and returns its value.

        Raises:
            TTIRSyntaxError: it is not defined here.
        """
        token = self._cursor.expect_kind("value")
        name, _, position = token.text.partition("#")
        values = self._visible.get(name)
        index = int(position[:6]) if position else 0
        if values is None or index >= len(values):
            raise TTIRSyntaxError(f"value {token.text} is not defined", token.line)
        return values[index]

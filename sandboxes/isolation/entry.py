"""Which trusted function runs inside the sandbox, by name: the function itself never crosses a process."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Entry", "resolve"]

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A function `bytes -> bytes` that a sandbox calls in a fresh process per request.

    Only the `sandboxes` package and installed third-party packages exist inside a sandbox, so both names must
    point there.

    Raises:
        ValueError: If a name is not of the form `package.module:function`.
    """

    target: str
    """`package.module:function`, called with the request bytes; what it returns is the answer."""
    preload: str | None = None
    """`package.module:function`, called once without arguments to warm the process every request forks from."""

    def __post_init__(self) -> None:
        """Refuse names that cannot be resolved."""
        for name in (self.target, self.preload):
            if name is not None and not _TARGET.fullmatch(name):
                raise ValueError(f"Entry: {name!r} is not of the form 'package.module:function'")


def resolve(name: str) -> Callable[..., Any]:
    """Import the function called `package.module:function`.

    Raises:
        ImportError: If the module or the function does not exist.
        TypeError: If it is not callable.
    """
    module_name, _, function_name = name.partition(":")
    module = importlib.import_module(module_name)
    try:
        function = getattr(module, function_name)
    except AttributeError:
        raise ImportError(f"module {module_name!r} has no function {function_name!r}") from None
    if not callable(function):
        raise TypeError(f"{name!r} is a {type(function).__name__}, not a function")
    return function  # type: ignore[no-any-return]

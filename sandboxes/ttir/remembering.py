"""What has been worked out about kernels, kept while their texts are.

A text's module is the key of everything that follows from it, so what a text costs goes when the text goes: the memory
that hostile texts can pin is bounded by their size.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sandboxes.ttir.ir import Module

Result = TypeVar("Result")

MAX_CHARACTERS = 4 * 2**20
"""Of all texts that are remembered: a few hundred kernels of ten thousand characters."""

MAX_TEXTS = 256


class ByText(Generic[Result]):
    """Remembers a function's results by its text, the latest used, up to a number of characters.

    Args:
        function: What to remember.
    """

    def __init__(self, function: Callable[[str], Result]) -> None:
        self.__wrapped__ = function
        functools.update_wrapper(self, function)
        self._known: OrderedDict[str, Result] = OrderedDict()
        self._characters = 0

    def __call__(self, text: str) -> Result:
        """The result for ``text``; errors are not remembered."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        result = self.__wrapped__(text)
        self._known[text] = result
        self._characters += len(text)
        while len(self._known) > 1 and (self._characters > MAX_CHARACTERS or len(self._known) > MAX_TEXTS):
            self._characters -= len(self._known.popitem(last=False)[0])
        return result


def by_module(function: Callable[[Module], Result]) -> Callable[[Module], Result]:
    """Remembers a function's results as long as the module lives. They must not refer to the module."""
    known: WeakKeyDictionary[Module, tuple[Result]] = WeakKeyDictionary()

    @functools.wraps(function)
    def remembered(module: Module) -> Result:
        found = known.get(module)
        if found is None:
            found = known[module] = (function(module),)
        return found[0]

    return remembered

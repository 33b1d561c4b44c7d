"""What a candidate keeps from one `forward` to the next, put back so that every case is traced as a first call.

A lazy weight cache (`self.transposed = ...`) or a module-level dictionary of buffers holds tensors of the trace that
was under way, which mean nothing in the next one. Importing and building anew for every case would forget them too,
but also Triton's compiled kernels, and would draw large weights again.

Covered: globals, classes, instances and functions of the candidate, `nn.Module`s, dictionaries, lists and sets
reachable through them, and `functools` caches. Not covered: closures, default arguments, objects of foreign classes,
slots, tensors changed in place. A tensor kept there is refused by the recorder with a hint.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

CACHE = type(functools.lru_cache(lambda: None))


class State:
    """The contents of every container that is reachable from some objects, at the time it is made.

    Args:
        module: The candidate's; objects of its classes are looked into.
        roots: Further objects to start from.
    """

    def __init__(self, module: ModuleType, *roots: object) -> None:
        self._name = module.__name__
        self._restores: list[Callable[[], None]] = []
        self._seen: dict[int, object] = {}  # the objects, too, so that no id is reused
        self._waiting: list[object] = [_without_dunders(vars(module)), *roots]
        self._restores.append(functools.partial(_refill_attributes, module, dict(vars(module))))
        while self._waiting:
            item = self._waiting.pop()
            if id(item) not in self._seen:
                self._seen[id(item)] = item
                self._visit(item)

    def restore(self) -> None:
        """Gives all these containers, in place, the contents they had."""
        for restore in self._restores:
            restore()

    def _visit(self, item: object) -> None:
        """Remembers one object's contents and queues what is in it."""
        if isinstance(item, dict):
            self._remember(functools.partial(_refill_dict, item, dict(item)), item.values())
        elif isinstance(item, list):
            self._remember(functools.partial(item.__setitem__, slice(None), list(item)), item)
        elif isinstance(item, set):
            self._remember(functools.partial(_refill_set, item, set(item)), ())
        elif isinstance(item, tuple):
            self._waiting.extend(item)
        elif isinstance(item, CACHE):
            self._remember(item.cache_clear, ())
        elif isinstance(item, nn.Module) or self._is_own(item):
            self._waiting.append(type(item))
            if hasattr(item, "__dict__"):  # slots are few, and seldom hold state
                attributes = dict(item.__dict__)
                self._remember(functools.partial(_refill_attributes, item, attributes), attributes.values())

    def _is_own(self, item: object) -> bool:
        """True for the candidate's classes and functions, and for instances of its classes."""
        owner = item if isinstance(item, (type, FunctionType)) else type(item)
        return getattr(owner, "__module__", None) == self._name

    def _remember(self, restore: Callable[[], None], contents: Iterable[object]) -> None:
        self._restores.append(restore)
        self._waiting.extend(contents)


def _without_dunders(namespace: dict[str, Any]) -> tuple[object, ...]:
    """Returns a module's globals without what Python keeps there: `__builtins__` belongs to everybody."""
    return tuple(value for name, value in namespace.items() if not name.startswith("__"))


def _refill_dict(target: dict[Any, Any], contents: dict[Any, Any]) -> None:
    target.clear()
    target.update(contents)


def _refill_set(target: set[Any], contents: set[Any]) -> None:
    target.clear()
    target.update(contents)


def _refill_attributes(target: object, contents: dict[str, Any]) -> None:
    """Undoes assignments to attributes; what is unchanged is left alone, since Python refuses some of its own."""
    present: Mapping[str, Any] = target.__dict__
    changed = [name for name, value in contents.items() if present.get(name, contents) is not value]
    added = [name for name in present if name not in contents]
    assign, delete = (type.__setattr__, type.__delattr__) if isinstance(target, type) else _PLAIN
    for name in changed:
        assign(target, name, contents[name])
    for name in added:
        delete(target, name)


_PLAIN = (object.__setattr__, object.__delattr__)
"""What works on instances and functions, past `nn.Module`'s own bookkeeping and frozen dataclasses."""

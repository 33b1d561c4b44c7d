"""How a candidate reads numbers from tensors: `.item()`, `.tolist()`, `float(t)`, `int(t)`, and what it calls on them.

Python wants an exact float from `float(t)`, and functions such as `max` or `math.sqrt` look into a number without
asking it. So does a float on the left of an operator: `1.0 / n` does not ask an int. Where the candidate's own code
does that, the functions here take over (`rewriting` puts them in).
"""

import builtins
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch.utils._python_dispatch import _disable_current_modes, _get_current_dispatch_mode

from sandboxes.tracing.placeholders import IntegerPlaceholder, Placeholder, needs_number
from sandboxes.tracing.recorder import Recorder
from sandboxes.tracing.untraceable import Untraceable

_ITEM = torch.Tensor.item
_TO_LIST = torch.Tensor.tolist
_FLOAT = torch.Tensor.__float__
_INT = torch.Tensor.__int__


def recording() -> Recorder | None:
    """Returns the recorder that sees the next operator; None outside a forward, and inside torch's own operators."""
    mode = _get_current_dispatch_mode()
    return mode if isinstance(mode, Recorder) else None


def item(tensor: torch.Tensor) -> Any:
    """Stands in for `Tensor.item`."""
    recorder = recording()
    return _ITEM(tensor) if recorder is None else recorder.read(tensor)


def to_list(tensor: torch.Tensor) -> Any:
    """Stands in for `Tensor.tolist`: tensors of one element can be read."""
    recorder = recording()
    if recorder is None:
        return _TO_LIST(tensor)
    if (known := recorder.known.value(tensor)) is not None:
        with _disable_current_modes():
            return _TO_LIST(known)
    if tensor.numel() != 1:
        text = f"`.tolist()` reads {tensor.numel()} values in Python"
        raise Untraceable(text, "Single numbers can be read with `.item()`; keep the values on the GPU otherwise.")
    found = item(tensor)
    for _ in tensor.shape:
        found = [found]
    return found


def as_float(tensor: torch.Tensor) -> float:
    """Stands in for `Tensor.__float__`: an exact float, whose number the recorder knows."""
    return _FLOAT(tensor) if recording() is None else builtins.float(_number(tensor, builtins.float))


def as_int(tensor: torch.Tensor) -> int:
    """Stands in for `Tensor.__int__`: an exact int, whose number the recorder knows."""
    return _INT(tensor) if recording() is None else builtins.int(_number(tensor, builtins.int))


def _number(value: Any, kind: Callable[..., Any]) -> Any:
    """Returns `kind(value)`, int or float, of a tensor or a placeholder."""
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bool and recording() is not None:
            value = value.to(torch.int64)
        value = value.item()
    if not isinstance(value, Placeholder):
        return kind(value)
    return value.as_float() if kind is builtins.float else value.as_int()


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, Placeholder) or (isinstance(value, torch.Tensor) and recording() is not None)


def _converting(kind: Callable[..., Any]) -> Callable[..., Any]:
    def convert(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and _is_symbolic(args[0]):
            return _number(args[0], kind)
        return kind(*args, **kwargs)

    return convert


def _extreme(
    function: Callable[..., Any], of_tensors: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> Callable[..., Any]:
    """Returns `max` or `min` for numbers of which some are placeholders."""

    def extreme(*args: Any, **kwargs: Any) -> Any:
        numbers = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
        symbolic = next((number for number in numbers if isinstance(number, Placeholder)), None)
        if symbolic is None or kwargs or not all(isinstance(number, (int, float)) for number in numbers):
            return function(*args, **kwargs)
        dtype = torch.float64 if any(isinstance(number, float) for number in numbers) else torch.int64
        first, *others = [
            number.tensor.to(dtype)
            if isinstance(number, Placeholder)
            else torch.full_like(symbolic.tensor, number, dtype=dtype)
            for number in numbers
        ]
        for other in others:
            first = of_tensors(first, other)
        return symbolic.scalars.stand_for(first)

    return extreme


def _elementwise(function: Callable[..., Any], of_tensor: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    """Returns a function of `math` that takes placeholders, and tensors of one element, too."""

    def compute(*args: Any) -> Any:
        if len(args) == 1 and _is_symbolic(args[0]):
            number = _number(args[0], builtins.float)
            return number.scalars.stand_for(of_tensor(number.tensor))
        return function(*args)

    return compute


def _refusing(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(arg, Placeholder) for arg in args):
            raise needs_number(what)
        return function(*args, **kwargs)

    return refuse


def _tensor_maker(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `torch.tensor` or `torch.as_tensor` for placeholders; they would read the number."""

    def make(data: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(data, Placeholder):
            return function(data, *args, **kwargs)
        dtype = kwargs.get("dtype") or (torch.get_default_dtype() if data.is_float else torch.int64)
        made = torch.ops.aten._to_copy.default(data.tensor, dtype=dtype)
        return made.to(kwargs["device"]) if kwargs.get("device") is not None else made

    return make


_MATH: Final[Mapping[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    name: getattr(torch, {"fabs": "abs"}.get(name, name))
    for name in ("sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tanh", "erf", "fabs")
}
MATH_NAMES: Final = frozenset(_MATH)
_TESTS: Final = ("isnan", "isinf", "isfinite", "isclose")

_ROUTES: Final[Mapping[int, Callable[..., Any]]] = {
    id(function): route
    for function, route in [
        (float, _converting(float)),
        (int, _converting(int)),
        (max, _extreme(max, torch.maximum)),
        (min, _extreme(min, torch.minimum)),
        (torch.tensor, _tensor_maker(torch.tensor)),
        (torch.as_tensor, _tensor_maker(torch.as_tensor)),
        (range, _refusing(range, "is the length of a range")),
        *((getattr(math, name), _elementwise(getattr(math, name), of_tensor)) for name, of_tensor in _MATH.items()),
        *((getattr(math, name), _refusing(getattr(math, name), "is compared in Python")) for name in _TESTS),
    ]
}

ROUTED_NAMES: Final = frozenset({"float", "int", "max", "min", "range", "tensor", "as_tensor", *_MATH, *_TESTS})
"""How the functions are called that `routed` knows."""


def routed(function: Any) -> Any:
    """Returns what to call instead of `function`: itself, unless it is one that would look into a placeholder."""
    return _ROUTES.get(id(function), function)


_REFLECTED: Final[Mapping[str, str]] = {
    "add": "__radd__", "sub": "__rsub__", "mul": "__rmul__", "truediv": "__rtruediv__", "floordiv": "__rfloordiv__",
    "mod": "__rmod__", "pow": "__rpow__", "lt": "__gt__", "le": "__ge__", "gt": "__lt__", "ge": "__le__",
    "eq": "__eq__", "ne": "__ne__",
}  # fmt: skip


def operated(name: str, left: Any, right: Any) -> Any:
    """Applies a function of the module `operator`: `iadd` for `+=`, else one of `_REFLECTED`."""
    if isinstance(right, IntegerPlaceholder) and isinstance(left, float) and not isinstance(left, Placeholder):
        return getattr(right, _REFLECTED[name if name in _REFLECTED else name[1:]])(left)
    return getattr(operator, name)(left, right)

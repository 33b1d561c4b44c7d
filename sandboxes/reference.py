"""A reference brought to life: its cases, its inputs, and the truth it defines. Trusted code, on the CPU."""

import copy
import inspect
import traceback
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from sandboxes.contracts import Argument, ArgumentSequence, Case, CaseKind, Reference
from sandboxes.errors import InvalidReference
from sandboxes.tracing.recorder import spec_of


class Distribution(StrEnum):
    """How the values of floating-point inputs are changed after `get_inputs`; integers stay."""

    UNIT = "x1"
    LARGE = "x3"
    SMALL = "x0.01"
    NEGATED = "negated"
    OUTLIERS = "outliers"
    """One element in 64 is sixteen times as large."""


class LiveReference:
    """A reference whose source has been executed.

    Args:
        reference: What to execute.

    Raises:
        InvalidReference: Something is missing, or its code raises.
    """

    def __init__(self, reference: Reference) -> None:
        self.id = reference.id
        self.digest = reference.digest
        self._module = self._guard("importing it", lambda: _execute(reference))
        for name in ("Model", "get_init_inputs", "get_inputs"):
            if not hasattr(self._module, name):
                raise InvalidReference(
                    f"the reference `{self.id}` defines no `{name}`; it needs `class Model(nn.Module)`, "
                    "`get_init_inputs()` and `get_inputs()`"
                )
        self.init_inputs: tuple[Argument, ...] = tuple(
            self._plain(item) for item in self._guard("get_init_inputs()", self._module.get_init_inputs)
        )
        self.cases = self._cases()
        self._models: dict[int, nn.Module] = {}

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions it is meaningful under; the module may restrict them with `DISTRIBUTIONS`."""
        names: Sequence[str] = getattr(self._module, "DISTRIBUTIONS", tuple(Distribution))
        return tuple(Distribution(name) for name in names)

    def model(self, weight_seed: int) -> nn.Module:
        """Returns the module built under `weight_seed`, as its constructor leaves it."""
        if weight_seed not in self._models:
            arguments = self._module.get_init_inputs()
            torch.manual_seed(weight_seed)
            with torch.no_grad():
                self._models[weight_seed] = self._guard("Model(*get_init_inputs())", lambda: self._build(arguments))
        return self._models[weight_seed]

    def draw(self, case: Case, distribution: Distribution, seed: int) -> list[Any]:
        """Returns fresh inputs on the CPU."""
        torch.manual_seed(seed)
        inputs = self._guard("get_inputs()", lambda: self._inputs(case.shape))
        generator = torch.Generator().manual_seed(seed + 1)
        return [_redistribute(item, distribution, generator) for item in inputs]

    def has_state(self, weight_seed: int) -> bool:
        """True if the module has parameters or buffers, so that the weight seed matters."""
        return bool(self.model(weight_seed).state_dict())

    def copy(self, weight_seed: int) -> nn.Module:
        """Returns a copy of the module that may be changed."""
        return copy.deepcopy(self.model(weight_seed))

    def run(self, model: nn.Module, inputs: list[Any]) -> Any:
        """Returns `model(*inputs)`."""
        return self._guard("forward", lambda: model(*inputs))

    def run_double(self, weight_seed: int, inputs: list[Any]) -> Any:
        """Returns the output of a float64 copy of the module, or None if it does not run in float64."""
        model = self.copy(weight_seed).double()
        try:
            return model(*inputs)
        except RuntimeError:
            return None

    def _build(self, arguments: Any) -> nn.Module:
        if isinstance(arguments, dict):
            raise TypeError("get_init_inputs() must return a list of positional arguments")
        model = self._module.Model(*arguments)
        if not isinstance(model, nn.Module):
            raise TypeError(f"Model is {type(model).__name__}, not a torch.nn.Module")
        return model

    def _inputs(self, shape: dict[str, int]) -> list[Any]:
        inputs = self._module.get_inputs(**shape)
        if not isinstance(inputs, (list, tuple)):
            raise TypeError(f"get_inputs() must return a list of arguments, not {type(inputs).__name__}")
        if not inputs:
            raise ValueError("get_inputs() returns no inputs")
        return list(inputs)

    def _cases(self) -> tuple[Case, ...]:
        """Check cases in the order of CHECK_SHAPES, then the bench case."""
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(self._module.get_inputs).parameters.items()
            if isinstance(parameter.default, int)
        }
        shapes: list[tuple[CaseKind, dict[str, int]]] = [
            (CaseKind.CHECK, dict(shape)) for shape in getattr(self._module, "CHECK_SHAPES", None) or [{}]
        ]
        cases: list[Case] = []
        for kind, shape in [*shapes, (CaseKind.BENCH, {})]:
            with FakeTensorMode():  # shapes only: the bench case may be large
                inputs = self._guard(f"get_inputs({_words(shape)})", partial(self._inputs, shape))
                specs = tuple(self._plain(item) for item in inputs)
            name = _words(shape) or _words(defaults) or "default"
            unique = name if kind is CaseKind.CHECK else f"bench {name}"
            cases.append(Case(name=unique, kind=kind, shape=shape, inputs=specs))
        return tuple(cases)

    def _plain(self, value: Any) -> Argument:
        """Returns an argument as a contract value: tensors as specifications."""
        if isinstance(value, torch.Tensor):
            return spec_of(value)
        if isinstance(value, (list, tuple)):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return ArgumentSequence.model_validate({"kind": kind, "items": [self._plain(item) for item in value]})
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise InvalidReference(
            f"the reference `{self.id}` passes a {type(value).__name__}; arguments are tensors, numbers, strings, "
            "None, and lists or tuples of them"
        )

    def _guard(self, what: str, call: Callable[[], Any]) -> Any:
        """Calls the reference's code; what it raises becomes `InvalidReference`."""
        try:
            return call()
        except InvalidReference:
            raise
        except Exception as error:  # the boundary to the reference's code
            words = traceback.format_exception_only(error)[-1].strip()
            raise InvalidReference(f"the reference `{self.id}` fails in {what}: {words[:500]}") from error


@lru_cache(maxsize=32)
def load_reference(reference: Reference) -> LiveReference:
    """Executes a reference, once per process.

    Raises:
        InvalidReference: Something is missing, or its code raises.
    """
    return LiveReference(reference)


def _execute(reference: Reference) -> ModuleType:
    module = ModuleType(f"reference_{reference.digest[:8]}")
    exec(compile(reference.source, f"<{reference.id}>", "exec"), vars(module))  # noqa: S102 # trusted by definition
    return module


def _words(shape: dict[str, int]) -> str:
    return ",".join(f"{name}={value}" for name, value in shape.items())


def _redistribute(value: Any, distribution: Distribution, generator: torch.Generator) -> Any:
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    match distribution:
        case Distribution.UNIT:
            return value
        case Distribution.LARGE:
            return value.mul_(3)
        case Distribution.SMALL:
            return value.mul_(0.01)
        case Distribution.NEGATED:
            return value.neg_()
        case Distribution.OUTLIERS:
            chosen = torch.rand(value.shape, generator=generator) < 1 / 64
            return value.mul_(torch.where(chosen, 16.0, 1.0).to(value.dtype))

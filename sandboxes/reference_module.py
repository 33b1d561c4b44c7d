"""A reference's source, executed: the module of one set of integers. Trusted code, on the CPU."""

import inspect
import random
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy
import torch
from pydantic import ValidationError
from torch import nn

from sandboxes.contracts import Argument, ArgumentSequence, Reference
from sandboxes.devices.cuda.errors import GpuError, GpuLost
from sandboxes.errors import InvalidReference
from sandboxes.replay import ACCELERATOR_ERRORS
from sandboxes.scaling.knobs import replace_knobs
from sandboxes.tracing.building import MODULE_STATE, OnCpu
from sandboxes.tracing.recorder import spec_of
from sandboxes.tracing.untraceable import Untraceable


class ReferenceModule:
    """What a reference defines under some constants.

    Args:
        reference: Its source is executed.
        constants: Integers of the source to replace.

    Raises (all methods, too):
        InvalidReference: Something is missing, or its code raises.
    """

    def __init__(self, reference: Reference, constants: Mapping[str, int]) -> None:
        self.id = reference.id
        self.constants = dict(constants)
        self._module = self.guard("importing it", lambda: _execute(reference, constants))
        for name in ("Model", "get_init_inputs", "get_inputs"):
            if not hasattr(self._module, name):
                raise InvalidReference(
                    f"the reference `{self.id}` defines no `{name}`; it needs `class Model(nn.Module)`, "
                    "`get_init_inputs()` and `get_inputs()`"
                )

    def setting(self, name: str) -> Any:
        """Returns what the module assigns to `name`, or None."""
        return getattr(self._module, name, None)

    def defaults(self) -> dict[str, int]:
        """Returns the integers that `get_inputs` takes by default."""
        parameters = inspect.signature(self._module.get_inputs).parameters
        return {name: item.default for name, item in parameters.items() if isinstance(item.default, int)}

    def init_inputs(self) -> tuple[Argument, ...]:
        """Returns the arguments of the constructor as plain data."""
        return tuple(self.plain(item) for item in self.guard("get_init_inputs()", self._init_inputs))

    def inputs(self, shape: Mapping[str, int]) -> list[Any]:
        """Returns what `get_inputs(**shape)` draws from torch's generator."""
        found: list[Any] = self.guard(f"get_inputs({shape_words(shape)})", lambda: self._inputs(shape))
        return found

    def build(self) -> nn.Module:
        """Returns a new module; its weights are drawn from torch's generator."""
        with torch.no_grad():
            model: nn.Module = self.guard("Model(*get_init_inputs())", self._build)
        return model

    def run(self, model: nn.Module, inputs: list[Any], device: torch.device | None = None) -> Any:
        """Returns `model(*inputs)`, both on `device` (see `placed`); tensors that it makes on the way are there too."""
        if device is None or device.type == "cpu":
            return self.guard("forward", lambda: model(*inputs))
        with device:
            return self.guard("forward", lambda: model(*inputs), nullcontext())

    def plain(self, value: Any) -> Argument:
        """Returns an argument as a contract value: tensors as specifications."""
        if isinstance(value, torch.Tensor):
            try:
                return spec_of(value)
            except Untraceable as error:
                raise InvalidReference(f"the reference `{self.id}` can't be used: {error}") from None
        if isinstance(value, (list, tuple)):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return ArgumentSequence.model_validate({"kind": kind, "items": [self.plain(item) for item in value]})
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, numpy.integer):
            return int(value)
        raise InvalidReference(
            f"the reference `{self.id}` passes a {type(value).__name__}; arguments are tensors, numbers, strings, "
            "None, and lists or tuples of them"
        )

    def guard(self, what: str, call: Callable[[], Any], where: AbstractContextManager[Any] | None = None) -> Any:
        """Calls the reference's code; what it raises becomes `InvalidReference`.

        Args:
            what: It does, for the message.
            call: Calls it.
            where: Inside of what; None means that all of it is on the CPU.
        """
        try:
            with OnCpu() if where is None else where:
                return call()
        except (InvalidReference, Untraceable, GpuError, GpuLost, *ACCELERATOR_ERRORS):
            raise
        except ModuleNotFoundError as error:
            raise InvalidReference(
                f"the reference `{self.id}` needs the package `{error.name}`: not installed"
            ) from error
        except Exception as error:  # the boundary to the reference's code
            words = traceback.format_exception_only(error)[-1].strip()
            raise InvalidReference(f"the reference `{self.id}` fails in {what}: {words[:500]}") from error

    def _init_inputs(self) -> list[Any]:
        arguments = self._module.get_init_inputs()
        if not isinstance(arguments, (list, tuple)):
            raise TypeError("get_init_inputs() must return a list of positional arguments")
        return list(arguments)

    def _build(self) -> nn.Module:
        model = self._module.Model(*self._init_inputs())
        if not isinstance(model, nn.Module):
            raise TypeError(f"Model is {type(model).__name__}, not a torch.nn.Module")
        return model

    def _inputs(self, shape: Mapping[str, int]) -> list[Any]:
        inputs = self._module.get_inputs(**shape)
        if not isinstance(inputs, (list, tuple)):
            raise TypeError(f"get_inputs() must return a list of arguments, not {type(inputs).__name__}")
        if not inputs:
            raise ValueError("get_inputs() returns no inputs")
        return list(inputs)


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """Brings a module to a device, in place, with tensors that are neither its parameters nor its buffers.

    To be called once, never as part of what is timed: even where nothing has to move, recurrent layers then copy their
    weights into new memory, and within a recording nothing is copied yet.
    """
    model.to(device)
    for module in model.modules():
        for name, value in list(vars(module).items()):
            if name not in MODULE_STATE:
                object.__setattr__(module, name, _brought(value, device))
    return model


def _brought(value: Any, device: torch.device) -> Any:
    """Returns `value` with its tensors on a device, also in lists, tuples and dictionaries; itself if they are."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if type(value) in (list, tuple):
        items = [_brought(item, device) for item in value]
        return type(value)(items) if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if type(value) is dict:
        found = {key: _brought(item, device) for key, item in value.items()}
        return found if any(found[key] is not old for key, old in value.items()) else value
    return value


def seed_cpu(seed: int) -> None:
    """Seeds torch's generator of the CPU, and no other: `torch.manual_seed` asks the GPU, which may be spoiled."""
    torch.default_generator.manual_seed(seed)


def seed_everything(seed: int) -> None:
    """Seeds the generators that a reference may draw from: what it draws is on the CPU."""
    seed_cpu(seed)
    numpy.random.seed(seed % 2**32)
    random.seed(seed)


def unusable(reference_id: str, error: ValidationError) -> InvalidReference:
    """Returns the error for a reference that does not fit into a case or a trace."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return InvalidReference(f"the reference `{reference_id}` can't be used: {where}: {first['msg']}"[:500])


def shape_words(shape: Mapping[str, int]) -> str:
    """Returns `rows=7,columns=129`."""
    return ",".join(f"{name}={value}" for name, value in shape.items())


def _execute(reference: Reference, constants: Mapping[str, int]) -> ModuleType:
    module = ModuleType(f"reference_{reference.digest[:8]}")
    tree = replace_knobs(reference.source, constants)
    exec(compile(tree, f"<{reference.id}>", "exec"), vars(module))  # noqa: S102 # trusted by definition
    return module

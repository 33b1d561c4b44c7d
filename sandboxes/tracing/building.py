"""Turns the candidate's source into a module instance, as harmlessly as its code allows."""

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from sandboxes.tracing.line import CANDIDATE_FILE
from sandboxes.tracing.recorder import ConstantPool
from sandboxes.tracing.rewriting import prepare, reroute


class CandidateRejected(Exception):
    """The candidate can't be used; the message says why and the hint what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _Loader(SourceFileLoader):
    """Imports a candidate so that what it computes with numbers from tensors can be recorded (see `rewriting`)."""

    def source_to_code(self, data: Any, path: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override] # in typeshed it is static
        """Returns code to execute."""
        return reroute(data, path)


def import_candidate(source: str, folder: Path) -> ModuleType:
    """Writes the source to `folder`/candidate.py (Triton reads kernels from files) and imports it.

    Raises:
        SyntaxError: It is not Python.
        Exception: Whatever its module level raises.
    """
    path = folder / CANDIDATE_FILE
    path.write_text(source, encoding="utf-8", errors="surrogatepass")
    _check_syntax(source, str(path))
    loader = _Loader("candidate", str(path))
    spec = importlib.util.spec_from_file_location("candidate", path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    prepare(module)
    sys.modules["candidate"] = module
    with OnCpu():
        loader.exec_module(module)
    return module


def _check_syntax(source: str, path: str) -> None:
    """Raises `SyntaxError` for everything the parser refuses, whatever it raises itself."""
    before, null, _ = source.partition("\0")
    if null:
        raise SyntaxError("source code cannot contain null bytes", (path, before.count("\n") + 1, None, None))
    try:
        compile(source, path, "exec")
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    except (MemoryError, RecursionError):
        raise SyntaxError("an expression is nested too deeply for Python's parser") from None


def model_class(module: ModuleType) -> type[nn.Module]:
    """Returns the candidate's `ModelNew`.

    Raises:
        CandidateRejected: There is none, or it is not an `nn.Module`.
    """
    found = getattr(module, "ModelNew", None)
    if found is None:
        raise CandidateRejected(
            "the candidate defines no class `ModelNew`",
            "Define `class ModelNew(torch.nn.Module)` with the same `__init__` arguments as the reference's `Model`.",
        )
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise CandidateRejected(
            f"`ModelNew` is {found!r:.100}, not a subclass of torch.nn.Module",
            "Write `class ModelNew(torch.nn.Module)`.",
        )
    return found


class OnCpu(TorchFunctionMode):
    """While a module is imported and built, `device="cuda"` means the CPU: its tensors are data for a trace."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.cuda:
            return args[0]
        if "device" in kwargs and kwargs["device"] is not None:
            kwargs["device"] = _cpu_for_cuda(kwargs["device"])
        return func(*(_cpu_for_cuda(arg) for arg in args), **kwargs)


def _cpu_for_cuda(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and value.partition(":")[0] == "cuda":
        return "cpu"
    return value


def build(cls: type[nn.Module], init_inputs: list[Any], seed: int, pool: ConstantPool) -> nn.Module:
    """Builds the module under the seed on the CPU, then swaps every tensor it holds for a fake CUDA tensor.

    Inside a `FakeTensorMode` no data is drawn, however large the weights are.

    Args:
        cls: The candidate's class.
        init_inputs: Arguments of its constructor.
        seed: For torch's generator; the reference is built under the same.
        pool: Receives the real tensors.
    """
    torch.manual_seed(seed)
    with OnCpu(), torch.no_grad():
        model = cls(*init_inputs)
    return fake_state(model, pool)


def fake_state(model: nn.Module, pool: ConstantPool) -> nn.Module:
    """Swaps every tensor a module holds for a fake one, in place, and returns the module."""
    prefixes = [(f"{prefix}." if prefix else "", module) for prefix, module in model.named_modules()]
    for dot, module in prefixes:
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                fake = pool.fake(parameter, dot + name, "parameter")
                module._parameters[name] = _as_parameter(fake, parameter)
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = pool.fake(buffer, dot + name, "buffer")
    for dot, module in prefixes:
        for name, value in list(vars(module).items()):
            if name not in MODULE_STATE:
                object.__setattr__(module, name, _faked(value, pool, dot + name))
    return model


MODULE_STATE = frozenset(vars(nn.Module()))
"""What every module keeps: parameters, buffers, submodules, hooks."""


def _faked(value: Any, pool: ConstantPool, name: str) -> Any:
    """Returns `value` with its tensors replaced, also in lists, tuples and dictionaries, which are copied for it."""
    if isinstance(value, torch.Tensor):
        return pool.fake(value, name)
    if type(value) in (list, tuple):
        items = [_faked(item, pool, f"{name}.{index}") for index, item in enumerate(value)]
        return type(value)(items) if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if type(value) is dict:
        found = {key: _faked(item, pool, f"{name}.{key}") for key, item in value.items()}
        return found if any(found[key] is not old for key, old in value.items()) else value
    return value


def _as_parameter(fake: torch.Tensor, real: nn.Parameter) -> nn.Parameter:
    """Marks a fake as a parameter, in place, so that its identity stays."""
    fake.requires_grad_(real.requires_grad)
    fake._is_param = True  # what isinstance(_, nn.Parameter) looks at
    return cast(nn.Parameter, fake)

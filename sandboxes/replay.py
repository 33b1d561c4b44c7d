"""Runs a trace on given data: ATen calls through torch, launches through the device's own hands."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from sandboxes.contracts import (
    Argument,
    ArgumentSequence,
    AtenCall,
    Launch,
    Precision,
    ScalarRef,
    TensorRef,
    TensorSpec,
    TorchConstant,
    Trace,
    node_inputs,
    references,
)
from sandboxes.operators import Operator, OperatorNotAllowed, operator
from sandboxes.precision import rounded_factors

Values = dict[int, torch.Tensor]
LaunchFunction = Callable[[int, Launch, Values], None]


class Memory(Protocol):
    """Is told what ATen calls do to memory."""

    def allocated(self, value: int, tensor: torch.Tensor) -> None:
        """A value was made without contents, by `torch.empty` or kin."""
        ...

    def written(self, value: int, tensor: torch.Tensor) -> None:
        """An operator wrote into a value."""
        ...


class Ground(Protocol):
    """Decides where the tensors of a replay lie."""

    def empty(self, value: int, spec: TensorSpec) -> torch.Tensor:
        """Returns poisoned memory for a value that `torch.empty` or kin makes, laid out as the trace says."""
        ...

    def computed(self, value: int, tensor: torch.Tensor) -> torch.Tensor:
        """Returns what is used for a new tensor that another operator made: that one, or a copy of the same layout."""
        ...


class MalformedTrace(ValueError):
    """The trace contradicts itself or what its operators do; the node and value are named."""


class ValueOutOfRange(MalformedTrace):
    """A number that was read back does not fit the kernel's parameter."""


STAND_IN = 1
"""What a number that is read back counts as where there is no data."""

REJECTIONS = (
    RuntimeError,
    TypeError,
    ValueError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
)
"""What torch, partly written in Python, raises for arguments that it can't use."""


ACCELERATOR_ERRORS = (torch.OutOfMemoryError, torch.AcceleratorError)
"""What torch raises for a GPU that fails, whatever the arguments are; not for a CPU."""

UNMARKED = nullcontext()


class OutOfTime(Exception):
    """The replay has taken as long as it may.

    Args:
        line: The candidate's line that comes next.
    """

    def __init__(self, line: int | None) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        return "replaying the program takes longer than the time limit"


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of one replay."""

    output: Any
    """A tensor, or nested tuples and lists of tensors and plain values."""


def replay(
    trace: Trace,
    inputs: Values,
    constants: Mapping[str, torch.Tensor],
    *,
    device: torch.device,
    launch: LaunchFunction,
    precision: Precision = Precision.FP32,
    deadline_s: float = float("inf"),
    memory: Memory | None = None,
    ground: Ground | None = None,
    mark: Callable[[int], AbstractContextManager[None]] | None = None,
) -> Replayed:
    """Replays a trace.

    Args:
        trace: The graph.
        inputs: Tensors for the ids in `trace.inputs`, and for constants that are laid out already; in-place nodes
            change them.
        constants: Data of the others by `Constant.key`, contiguous.
        device: Where to run; `meta` propagates shapes only.
        precision: How ATen matrix products treat float32 factors.
        launch: Runs launch number `index`, given the values so far.
        deadline_s: On `time.monotonic`'s clock; looked at before every node.
        memory: Is told of uninitialised results and of writes into values, after each ATen call.
        ground: Where tensors lie; None leaves that to torch, and poisons what it has not initialised.
        mark: Each node runs inside of what this returns for its index.

    Raises:
        MalformedTrace: A result is not what the trace says it is, or an operator rejects its arguments.
        OutOfTime: The deadline has passed.
    """
    values: Values = dict(inputs)
    for constant in trace.constants:
        if constant.value not in values:
            values[constant.value] = restride(constants[constant.key].to(device), trace.values[constant.value])
    last_use = _last_uses(trace)
    with torch.no_grad():
        for index, node in enumerate(trace.nodes):
            if time.monotonic() > deadline_s:
                raise OutOfTime(node.line)
            with mark(index) if mark is not None else UNMARKED:
                if isinstance(node, Launch):
                    launch(index, node, values)
                else:
                    _call(index, node, values, trace.values, device, precision, ground, last_use.get(index, ()))
            if memory is not None and not isinstance(node, Launch):
                _tell(memory, node, values)
            for id_ in last_use.get(index, ()):
                values.pop(id_, None)
    return Replayed(output=_plain(trace.output, values, device))


def _last_uses(trace: Trace) -> dict[int, list[int]]:
    """Returns for each node the values that nothing after it uses."""
    keep = set(references((trace.output,))) | set(references(trace.inputs))
    last: dict[int, int] = {}
    for index, node in enumerate(trace.nodes):
        ids = node_inputs(node) + (references(node.results) if isinstance(node, AtenCall) else [])
        last.update(dict.fromkeys(ids, index))
    by_node: dict[int, list[int]] = {}
    for id_, index in last.items():
        if id_ not in keep:
            by_node.setdefault(index, []).append(id_)
    return by_node


def _call(
    index: int,
    call: AtenCall,
    values: Values,
    specs: tuple[TensorSpec, ...],
    device: torch.device,
    precision: Precision,
    ground: Ground | None,
    ending: Sequence[int],
) -> None:
    """Runs one ATen call and stores its results; of several not those that are never used (among `ending`).

    What an operator keeps for a backward pass differs between devices: a CPU's statistics of half types are half, a
    GPU's are not.
    """
    try:
        op = operator(call.operator)
    except OperatorNotAllowed as error:
        error.line = call.line
        raise
    _check_numbers(index, call, op)
    args: Sequence[Any] = [_plain(argument, values, device) for argument in call.args]
    if precision is Precision.TF32:
        args = rounded_factors(call.operator.partition(".")[0], args)
    kwargs = {name: _plain(argument, values, device) for name, argument in call.kwargs.items()}
    kwargs.pop("pin_memory", None)
    claimed = call.results[0] if len(call.results) == 1 else None
    if ground is not None and op.allocates and op.fresh and isinstance(claimed, TensorRef):
        _store_all(index, call, call.results, (ground.empty(claimed.id, specs[claimed.id]),), values, specs)
        return
    try:
        result = op.overload(*args, **kwargs)
    except ACCELERATOR_ERRORS:
        raise
    except REJECTIONS as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise MalformedTrace(f"node {index} (`{call.operator}`): {reason[:300]}") from None
    if op.allocates and device.type != "meta":
        poison(result)
    results, items = call.results, result if isinstance(result, (tuple, list)) else (result,)
    if device.type != "meta" and len(results) == len(items) > 1:
        kept = [place for place, item in enumerate(results) if not (isinstance(item, TensorRef) and item.id in ending)]
        results, items = tuple(results[place] for place in kept), [items[place] for place in kept]
    fresh = _store_all(index, call, results, items, values, specs)
    if ground is not None and op.fresh:
        values.update({id_: ground.computed(id_, values[id_]) for id_ in fresh})


def _check_numbers(index: int, call: AtenCall, op: Operator) -> None:
    """Refuses a number that is read back where it would decide a shape."""
    by_position: dict[int, Argument] = dict(enumerate(call.args))
    by_position.update({op.parameters.index(name): item for name, item in call.kwargs.items() if name in op.parameters})
    for position, argument in by_position.items():
        if isinstance(argument, ScalarRef) and position not in op.numbers:
            name = op.parameters[position] if position < len(op.parameters) else position
            raise MalformedTrace(f"node {index} (`{call.operator}`) takes a number that is read back as `{name}`")


def number(values: Values, reference: ScalarRef) -> int | float:
    """Returns the number that was read back into a value.

    Raises:
        MalformedTrace: The value is no such number.
    """
    tensor = values[reference.id]
    if tensor.numel() != 1 or tensor.dtype not in {torch.float64, torch.int64}:
        raise MalformedTrace(f"value {reference.id} ({describe(tensor)}) is no number that was read back")
    if tensor.device.type == "meta":
        return float(STAND_IN) if tensor.dtype == torch.float64 else STAND_IN
    found: int | float = tensor.item()
    return found


def _tell(memory: Memory, call: AtenCall, values: Values) -> None:
    """Says what a call has done to memory."""
    op = operator(call.operator)
    if op.allocates:
        for id_ in references(call.results):
            memory.allocated(id_, values[id_])
        return
    arguments: dict[int, Argument] = dict(enumerate(call.args))
    arguments.update({op.parameters.index(name): argument for name, argument in call.kwargs.items()})
    for position in op.written:
        for id_ in references((arguments[position],)) if position in arguments else ():
            memory.written(id_, values[id_])


def _store_all(
    index: int,
    call: AtenCall,
    claimed: Sequence[Argument],
    items: Sequence[Any],
    values: Values,
    specs: tuple[TensorSpec, ...],
) -> list[int]:
    """Stores results under the ids the trace gives them; returns the ids that are new."""
    if len(claimed) != len(items):
        raise MalformedTrace(
            f"node {index} (`{call.operator}`) has {len(items)} results, the trace claims {len(claimed)}"
        )
    new: list[int] = []
    for inner, item in zip(claimed, items, strict=True):
        new += _store(index, call, inner, item, values, specs)
    return new


def _store(
    index: int, call: AtenCall, claimed: Argument, item: Any, values: Values, specs: tuple[TensorSpec, ...]
) -> list[int]:
    """Stores one result under the id the trace gives it, after checking that it looks as claimed."""
    where = f"node {index} (`{call.operator}`)"
    if isinstance(claimed, ArgumentSequence) and isinstance(item, (tuple, list)):
        return _store_all(index, call, claimed.items, item, values, specs)
    if not isinstance(claimed, TensorRef):
        if isinstance(item, torch.Tensor):
            raise MalformedTrace(f"{where} returns {describe(item)}, which the trace leaves out")
        return []
    spec = specs[claimed.id]
    if not isinstance(item, torch.Tensor) or tuple(item.shape) != spec.shape or dtype_name(item) != spec.dtype:
        raise MalformedTrace(f"{where} returns {describe(item)}, the trace claims {spec}")
    if claimed.id in values:
        if values[claimed.id] is not item:
            raise MalformedTrace(f"{where} returns a new tensor, the trace claims value {claimed.id} once more")
        return []
    stored = restride(item, spec) if operator(call.operator).fresh else item
    if stored.storage_offset() != spec.offset or not _strides_match(stored, spec):
        raise MalformedTrace(f"{where} lays {spec} out otherwise than the trace claims")
    if _end(stored) > stored.untyped_storage().nbytes():  # `meta` does not look
        raise MalformedTrace(f"{where} returns {spec} out of bounds of its storage")
    values[claimed.id] = stored
    return [claimed.id]


def restride(tensor: torch.Tensor, spec: TensorSpec) -> torch.Tensor:
    """Returns the tensor laid out as the trace says, since kernels were given these strides as numbers.

    Raises:
        MalformedTrace: It is not the one that the trace means, or the layout is none of a tensor of its own.
    """
    if tuple(tensor.shape) != spec.shape or dtype_name(tensor) != spec.dtype:
        raise MalformedTrace(f"a tensor is {describe(tensor)}, the trace claims {spec}")
    if _strides_match(tensor, spec):
        return tensor
    if not spec.is_dense:
        raise MalformedTrace(f"a tensor {spec} has strides {list(spec.stride)}, which leave gaps or overlap")
    return torch.empty_strided(spec.shape, spec.stride, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def _strides_match(tensor: torch.Tensor, spec: TensorSpec) -> bool:
    """True if every element is where the trace says; strides of single elements don't matter."""
    layout = zip(tensor.shape, tensor.stride(), spec.stride, strict=True)
    return tensor.numel() <= 1 or all(size == 1 or got == claimed for size, got, claimed in layout)


def _end(tensor: torch.Tensor) -> int:
    """Returns where the last element ends, in bytes from the start of the storage."""
    if tensor.numel() == 0:
        return 0
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return (int(tensor.storage_offset()) + last + 1) * tensor.element_size()


def poison(tensor: torch.Tensor) -> None:
    """Fills memory that nobody has written yet with values that can't pass for results."""
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        tensor.fill_(float("nan"))
    elif tensor.dtype == torch.bool:
        tensor.fill_(True)
    else:
        tensor.fill_(torch.iinfo(tensor.dtype).max - 58)


def dtype_name(tensor: torch.Tensor) -> str:
    """Returns torch's name of a tensor's dtype, without `torch.`."""
    return str(tensor.dtype).removeprefix("torch.")


def describe(value: Any) -> str:
    """Returns a short description of a value, e.g. `float32[3, 70]`."""
    if isinstance(value, torch.Tensor):
        return f"{dtype_name(value)}{list(value.shape)}"
    return type(value).__name__


def _enumerated(constant: TorchConstant) -> Any:
    """Returns the torch value of this name, which must be of the kind it claims to be."""
    kinds = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
    value = getattr(torch, constant.name, None)
    if not isinstance(value, kinds[constant.kind]):
        raise MalformedTrace(f"there is no {constant.kind} `{constant.name}`")
    return value


def _plain(argument: Argument, values: Values, device: torch.device) -> Any:
    """Returns what to pass to torch for an argument."""
    if isinstance(argument, TensorRef):
        return values[argument.id]
    if isinstance(argument, ScalarRef):
        return number(values, argument)
    if isinstance(argument, ArgumentSequence):
        items = [_plain(item, values, device) for item in argument.items]
        return tuple(items) if argument.kind == "tuple" else items
    if isinstance(argument, TorchConstant):
        return device if argument.kind == "device" else _enumerated(argument)
    return argument

"""Checks a trace as data before anything is done with it: it must fit the case, its constants and its own operators."""

import safetensors.torch
import torch
from safetensors import SafetensorError

from sandboxes.contracts import Argument, ArgumentSequence, Case, Launch, TensorRef, TensorSpec, Trace, references
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.replay import MalformedTrace, Values, describe, dtype_name, replay

MAX_VALUE_BYTES = 8 * 2**30
"""Largest single tensor of a trace."""


def load_constants(blob: bytes) -> dict[str, torch.Tensor]:
    """Parses a safetensors blob.

    Raises:
        MalformedTrace: It is not safetensors.
    """
    try:
        loaded: dict[str, torch.Tensor] = safetensors.torch.load(blob)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise MalformedTrace(f"the constants are not valid safetensors: {str(error)[:200]}") from None
    return loaded


def validate(trace: Trace, case: Case, constants: dict[str, torch.Tensor]) -> None:
    """Checks one trace.

    Its inputs must be the case's, its constants must be there with the claimed shapes (but for hollow cases), and
    every ATen call must be allowed and produce what the trace says (by propagating shapes on the `meta` device).

    Raises:
        MalformedTrace: It is not so; the message names the node or value.
        OperatorNotAllowed: It calls an operator that can't be replayed.
    """
    _match_inputs(case, trace)
    for index, spec in enumerate(trace.values if not case.hollow else ()):
        if max(spec.numel, spec.extent) * DTYPE_BYTES[spec.dtype] > MAX_VALUE_BYTES:
            raise MalformedTrace(f"value {index} ({spec}) is larger than {MAX_VALUE_BYTES} bytes")
    metas: dict[str, torch.Tensor] = {}
    for constant in trace.constants:
        spec = trace.values[constant.value]
        metas[constant.key] = torch.empty(spec.shape, dtype=getattr(torch, spec.dtype), device="meta")
        if case.hollow:
            continue
        data = constants.get(constant.key)
        if data is None or tuple(data.shape) != spec.shape or dtype_name(data) != spec.dtype:
            raise MalformedTrace(f"constant `{constant.key}` is {describe(data)}, the trace claims {spec}")
    inputs = {id_: _meta(trace.values[id_]) for id_ in references(trace.inputs)}
    replay(trace, inputs, metas, device=torch.device("meta"), launch=_no_launch)


def _no_launch(index: int, launch: Launch, values: Values) -> None:
    """Kernels have no results of their own: shapes propagate past them."""


def _meta(spec: TensorSpec) -> torch.Tensor:
    storage = torch.empty(spec.extent, dtype=getattr(torch, spec.dtype), device="meta")
    return storage.as_strided(spec.shape, spec.stride, spec.offset)


def _match_inputs(case: Case, trace: Trace) -> None:
    if trace.case != case.name:
        raise MalformedTrace(f"the trace is of case `{trace.case}`, expected `{case.name}`")
    if len(trace.inputs) != len(case.inputs):
        raise MalformedTrace(f"the trace has {len(trace.inputs)} inputs, the case {len(case.inputs)}")
    ids = [*references(trace.inputs), *(constant.value for constant in trace.constants)]
    if len(set(ids)) != len(ids):
        raise MalformedTrace("an input or a constant appears twice")
    for position, (wanted, got) in enumerate(zip(case.inputs, trace.inputs, strict=True)):
        _match(wanted, got, trace, f"input {position}")


def _match(wanted: Argument, got: Argument, trace: Trace, where: str) -> None:
    if isinstance(wanted, TensorSpec):
        if not isinstance(got, TensorRef) or trace.values[got.id] != wanted:
            raise MalformedTrace(f"{where} is not {wanted}")
    elif isinstance(wanted, ArgumentSequence):
        if not isinstance(got, ArgumentSequence) or len(got.items) != len(wanted.items):
            raise MalformedTrace(f"{where} is not a sequence of {len(wanted.items)}")
        for index, (inner, item) in enumerate(zip(wanted.items, got.items, strict=True)):
            _match(inner, item, trace, f"{where}[{index}]")
    elif got != wanted:
        raise MalformedTrace(f"{where} is {got!r:.50}, expected {wanted!r:.50}")

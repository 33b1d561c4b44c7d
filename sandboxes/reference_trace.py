"""The reference in the form of a trace, so that the same functions price it."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from sandboxes.contracts import AtenCall, Case, Precision, Trace, references
from sandboxes.errors import InvalidReference
from sandboxes.fake_mode import FakeMode
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.reference import LiveReference
from sandboxes.reference_module import ReferenceModule, unusable
from sandboxes.tracing.building import fake_state
from sandboxes.tracing.recorder import ConstantPool, Recorder
from sandboxes.tracing.untraceable import Untraceable


def trace_reference(reference: LiveReference, case: Case) -> Trace:
    """Returns the ATen calls of the reference's forward at a case, recorded once, without data.

    Raises:
        InvalidReference: Its forward raises.
    """
    if case.name not in reference.graphs:
        reference.graphs[case.name] = trace_module(reference.module(case), case.shape, case.name)
    return reference.graphs[case.name]


def trace_module(module: ReferenceModule, shape: Mapping[str, int], name: str = "") -> Trace:
    """Records the ATen calls of a module's forward, without data.

    Args:
        module: The reference under some constants.
        shape: Arguments of its `get_inputs`.
        name: What the trace says its case is.

    Raises:
        InvalidReference: Its code raises.
    """
    mode = FakeMode(allow_non_fake_inputs=True)
    pool = ConstantPool(mode, device="cpu")
    model = fake_state(_build(module, mode), pool)
    with mode:
        inputs = module.inputs(shape)
    recorder = Recorder(pool)
    try:
        arguments = tuple(recorder.argument(item, new=True) for item in inputs)
        with mode, recorder, torch.no_grad():
            output: Any = module.run(model, inputs)
        return Trace(
            case=name,
            weight_seed=0,  # shapes don't depend on it
            values=tuple(recorder.values),
            inputs=arguments,
            constants=tuple(recorder.constants),
            nodes=tuple(recorder.nodes),
            output=recorder.argument(output),
        )
    except ValidationError as error:
        raise unusable(module.id, error) from None
    except Untraceable as error:
        raise InvalidReference(f"the reference `{module.id}` can't be recorded: {error}") from None


def _build(module: ReferenceModule, mode: FakeMode) -> nn.Module:
    """Returns a module without data, or with data if its constructor reads values."""
    try:
        with mode:
            return module.build()
    except InvalidReference:
        return module.build()


def graph_gflop(trace: Trace) -> float:
    """Returns the arithmetic of a reference, 1e9 operations; a byte of traffic counts as one."""
    works = [aten_work(call, trace.values, Precision.TF32) for call in trace.nodes if isinstance(call, AtenCall)]
    return sum(work.total_flops + work.dram_bytes for work in works) / 1e9


def graph_bytes(trace: Trace) -> int:
    """Returns the memory that a reference needs: inputs, weights, outputs and the largest tensor in between."""
    kept = kept_values(trace)
    between = [trace.values[id_].bytes for id_ in computed_values(trace) - kept]
    return sum(trace.values[id_].bytes for id_ in kept) + max(between, default=0)


def kept_values(trace: Trace) -> set[int]:
    """Returns the ids of inputs, weights and outputs."""
    return {*references(trace.inputs), *references((trace.output,)), *(item.value for item in trace.constants)}


def computed_values(trace: Trace) -> set[int]:
    """Returns the ids of tensors that are computed, not views of others."""
    calls = (call for call in trace.nodes if isinstance(call, AtenCall))
    return {id_ for call in calls if aten_work(call, trace.values).launches for id_ in references(call.results)}

"""The reference in the form of a trace, so that the same functions price it."""

from functools import lru_cache
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from sandboxes.contracts import AtenCall, Precision, Trace
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.reference import Distribution, LiveReference
from sandboxes.tracing.building import fake_state
from sandboxes.tracing.recorder import ConstantPool, Recorder


@lru_cache(maxsize=64)
def trace_reference(reference: LiveReference, case_name: str, weight_seed: int) -> Trace:
    """Records the ATen calls of the reference's forward, without data.

    Raises:
        InvalidReference: Its forward raises.
    """
    case = next(case for case in reference.cases if case.name == case_name)
    mode = FakeTensorMode()
    pool = ConstantPool(mode, device="cpu")
    model = fake_state(reference.copy(weight_seed), pool)
    with mode:
        inputs = reference.draw(case, Distribution.UNIT, seed=0)
    recorder = Recorder(pool)
    arguments = tuple(recorder.argument(item, new=True) for item in inputs)
    with mode, recorder, torch.no_grad():
        output: Any = reference.run(model, inputs)
    return Trace(
        case=case.name,
        weight_seed=weight_seed,
        values=tuple(recorder.values),
        inputs=arguments,
        constants=tuple(recorder.constants),
        nodes=tuple(recorder.nodes),
        output=recorder.argument(output),
    )


def graph_gflop(trace: Trace) -> float:
    """Returns the arithmetic of a reference, 1e9 operations; a byte of traffic counts as one."""
    works = [aten_work(call, trace.values, Precision.TF32) for call in trace.nodes if isinstance(call, AtenCall)]
    return sum(work.total_flops + work.dram_bytes for work in works) / 1e9

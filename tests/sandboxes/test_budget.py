"""What a trace may ask of the machine: memory at a time, and arithmetic in torch's own operators."""

import pytest

from sandboxes.budget import MAX_LIVE_BYTES, check_budget, live_bytes
from sandboxes.contracts import AtenCall, Outcome, Submission, TensorRef, TensorSpec, Trace
from sandboxes.dataflow import analyse
from sandboxes.devices.device import Program
from sandboxes.faults import Fault

SOURCE = Submission(source="one\ntwo\nthree\n")


def spec(*shape: int) -> TensorSpec:
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    return TensorSpec(shape=shape, dtype="float32", stride=tuple(strides))


def call(operator: str, *args: object, result: int, line: int | None = None) -> AtenCall:
    return AtenCall.model_validate(
        {"operator": operator, "args": args, "kwargs": {}, "results": [TensorRef(id=result)], "line": line}
    )


def trace(values: list[TensorSpec], nodes: list[AtenCall], output: int) -> Trace:
    return Trace(
        case="case",
        weight_seed=1,
        values=tuple(values),
        inputs=(TensorRef(id=0),),
        constants=(),
        nodes=tuple(nodes),
        output=TensorRef(id=output),
    )


def refusal(candidate: Trace, reference: Trace) -> Fault:
    program = Program(trace=candidate, flow=analyse(candidate), constants={}, kernels={})
    with pytest.raises(Fault) as caught:
        check_budget({("case", 1): program}, reference, SOURCE)
    return caught.value


CHAIN = trace(
    [spec(100) for _ in range(4)],
    [call("aten::neg.default", TensorRef(id=n), result=n + 1, line=n + 1) for n in range(3)],
    output=3,
)


def test_a_tensor_is_freed_after_its_last_use() -> None:
    peak, _ = live_bytes(CHAIN, analyse(CHAIN))
    assert peak == 4 * 100 * 4  # input and output stay, two in between overlap


def test_a_view_keeps_its_storage_alive_and_costs_nothing() -> None:
    values = [spec(100), spec(100), spec(10, 10), spec(10, 10)]
    nodes = [
        call("aten::neg.default", TensorRef(id=0), result=1),
        call("aten::view.default", TensorRef(id=1), {"kind": "list", "items": [10, 10]}, result=2),
        call("aten::neg.default", TensorRef(id=2), result=3),
    ]
    viewed = trace(values, nodes, output=3)
    assert live_bytes(viewed, analyse(viewed))[0] == 3 * 400


def test_more_memory_than_the_device_has_is_unsupported_and_names_the_line() -> None:
    size = MAX_LIVE_BYTES // 4 // 2
    greedy = trace(
        [spec(10), spec(size), spec(size), spec(size), spec(10)],
        [
            *(call("aten::empty.memory_format", {"kind": "list", "items": [size]}, result=n, line=n) for n in (1, 2)),
            call("aten::add.Tensor", TensorRef(id=1), TensorRef(id=2), result=3, line=3),
            call("aten::neg.default", TensorRef(id=0), result=4),
        ],
        output=4,
    )
    fault = refusal(greedy, CHAIN)
    assert fault.outcome is Outcome.UNSUPPORTED
    assert fault.diagnostic.line == 3
    assert "6 GiB" in fault.diagnostic.message


def test_far_more_arithmetic_than_the_reference_needs_is_a_timeout_before_it_begins() -> None:
    square = spec(20_000, 20_000)
    heavy = trace([square, square], [call("aten::mm.default", TensorRef(id=0), TensorRef(id=0), result=1)], output=1)
    fault = refusal(heavy, CHAIN)
    assert fault.outcome is Outcome.TIMEOUT
    assert "GFLOP" in fault.diagnostic.message

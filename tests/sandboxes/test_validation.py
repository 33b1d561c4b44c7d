"""A forged trace is refused with its fault named: never a crash, never another exception."""

import json
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.contracts import (
    Argument,
    ArgumentSequence,
    AtenCall,
    Case,
    Constant,
    TensorRef,
    TensorSpec,
    TorchConstant,
    Trace,
)
from sandboxes.operators import OperatorNotAllowed
from sandboxes.replay import MalformedTrace, replay
from sandboxes.validation import load_constants, validate
from tests.tracer import case, spec

CASE = case(spec(4, 32))
WEIGHT = {"parameter:w": torch.ones(32)}
X, W = TensorRef(id=0), TensorRef(id=1)
CUDA = TorchConstant(kind="device", name="cuda")


def call(
    operator: str, *args: Argument, results: tuple[Argument, ...] = (TensorRef(id=2),), **kwargs: Argument
) -> AtenCall:
    """A recorded call in line 7."""
    return AtenCall(operator=f"aten::{operator}", args=args, kwargs=kwargs, results=results, line=7)


def trace(*nodes: AtenCall, more: tuple[TensorSpec, ...] = (spec(4, 32),), **fields: Any) -> Trace:
    """A trace of one input `float32[4, 32]` (0), a parameter `float32[32]` (1) and further values from 2 on."""
    return Trace.model_validate({
        "case": "small", "weight_seed": 1, "values": (spec(4, 32), spec(32), *more), "inputs": (X,),
        "constants": (Constant(value=1, key="parameter:w", role="parameter"),), "nodes": nodes,
        "output": TensorRef(id=2) if nodes else X,
    } | fields)  # fmt: skip


def refused(forged: Trace, *, constants: dict[str, torch.Tensor] | None = None, of: Case = CASE) -> str:
    """The message with which a trace is refused."""
    with pytest.raises(MalformedTrace) as caught:
        validate(forged, of, WEIGHT if constants is None else constants)
    return str(caught.value)


def test_an_honest_trace_is_accepted() -> None:
    validate(trace(call("add.Tensor", X, W, alpha=1)), CASE, WEIGHT)
    validate(trace(call("add_.Tensor", X, W, results=(X,)), output=X, more=()), CASE, WEIGHT)
    pieces = ArgumentSequence(kind="list", items=(2, 2))
    halves = (TensorRef(id=2), TensorRef(id=3))
    validate(trace(call("split_with_sizes.default", X, pieces, results=halves),
                   more=(spec(2, 32), spec(2, 32, offset=64))), CASE, WEIGHT)  # fmt: skip


class TestInputs:
    def test_another_case(self) -> None:
        assert "expected `small`" in refused(trace(case="large"))

    def test_more_or_fewer_inputs(self) -> None:
        assert "2 inputs" in refused(trace(inputs=(X, 3)))

    def test_an_input_twice(self) -> None:
        assert "twice" in refused(trace(inputs=(X, X)), of=case(spec(4, 32), spec(4, 32)))

    def test_an_input_that_is_a_constant(self) -> None:
        assert "twice" in refused(trace(inputs=(W,), output=W), of=case(spec(32)))

    def test_a_constant_twice(self) -> None:
        once = Constant(value=1, key="parameter:w", role="parameter")
        assert "twice" in refused(trace(constants=(once, once.model_copy(update={"role": "buffer"}))))

    @pytest.mark.parametrize(
        "wanted", [spec(4, 33), spec(4, 32, dtype="float16"), spec(4, 32, stride=(1, 4)), spec(4, 32, offset=1)]
    )
    def test_other_shapes_dtypes_strides_and_offsets(self, wanted: TensorSpec) -> None:
        assert "input 0 is not" in refused(trace(), of=case(wanted))

    def test_another_plain_value(self) -> None:
        assert "input 1 is 3, expected 4" in refused(trace(inputs=(X, 3)), of=case(spec(4, 32), 4))

    def test_a_tensor_for_a_number_and_a_number_for_a_tensor(self) -> None:
        assert "input 0" in refused(trace(), of=case(4))
        assert "input 0" in refused(trace(inputs=(4,), output=None))

    def test_a_sequence_of_another_length(self) -> None:
        wanted = ArgumentSequence(kind="list", items=(spec(4, 32), 2))
        got = ArgumentSequence(kind="list", items=(X,))
        assert "not a sequence of 2" in refused(trace(inputs=(got,)), of=case(wanted))


class TestConstants:
    @pytest.mark.parametrize(
        "data", [{}, {"parameter:w": torch.ones(31)}, {"parameter:w": torch.ones(32).half()}, {"other": torch.ones(32)}]
    )
    def test_data_that_is_not_what_the_trace_claims(self, data: dict[str, torch.Tensor]) -> None:
        assert "constant `parameter:w`" in refused(trace(), constants=data)

    @pytest.mark.parametrize("stride", [(0,), (2,)])
    def test_a_layout_with_overlaps_or_gaps(self, stride: tuple[int, ...]) -> None:
        assert "gaps or overlap" in refused(trace(values=(spec(4, 32), spec(32, stride=stride))))

    @given(blob=st.binary(max_size=100))
    @settings(max_examples=100, deadline=None)
    def test_garbage(self, blob: bytes) -> None:
        with pytest.raises(MalformedTrace):
            load_constants(blob)

    @pytest.mark.parametrize(
        "entry",
        [
            {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**60]},
            {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
            {"dtype": "PICKLE", "shape": [2], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
            {"dtype": "F32"},
            [],
        ],
    )
    def test_headers_that_lie(self, entry: object) -> None:
        head = json.dumps({"a": entry}).encode()
        with pytest.raises(MalformedTrace):
            load_constants(len(head).to_bytes(8, "little") + head + b"\0" * 8)

    def test_no_constants_at_all(self) -> None:
        assert load_constants(safetensors.torch.save({})) == {}


class TestCalls:
    @pytest.mark.parametrize("claimed", [spec(4, 31), spec(4, 32, dtype="float64"), spec(32), spec(4, 32, offset=1)])
    def test_a_result_of_another_shape_dtype_or_place(self, claimed: TensorSpec) -> None:
        assert "node 0 (`aten::relu.default`)" in refused(trace(call("relu.default", X), more=(claimed,)))

    @pytest.mark.parametrize("stride", [(0, 0), (64, 1)])
    def test_a_fresh_result_with_overlaps_or_gaps(self, stride: tuple[int, ...]) -> None:
        assert "gaps or overlap" in refused(trace(call("relu.default", X), more=(spec(4, 32, stride=stride),)))

    def test_a_view_that_lies_about_its_strides(self) -> None:
        assert "lays" in refused(trace(call("t.default", X), more=(spec(32, 4),)))
        validate(trace(call("t.default", X), more=(spec(32, 4, stride=(1, 32)),)), CASE, WEIGHT)

    @pytest.mark.parametrize("results", [(), (TensorRef(id=2), TensorRef(id=3)), (None,), (5,)])
    def test_results_left_out_or_made_up(self, results: tuple[Argument, ...]) -> None:
        assert "node 0" in refused(trace(call("relu.default", X, results=results), more=(spec(4, 32),) * 2, output=X))

    def test_a_sequence_in_place_of_a_tensor(self) -> None:
        rows = ArgumentSequence(kind="tuple", items=(TensorRef(id=2),) * 4)
        assert "node 0" in refused(trace(call("relu.default", X, results=(rows,)), more=(spec(32),)))

    def test_a_new_tensor_under_the_name_of_an_old_one(self) -> None:
        assert "once more" in refused(trace(call("relu.default", X, results=(X,)), output=X, more=()))

    def test_the_same_result_twice(self) -> None:
        assert "once more" in refused(
            trace(call("split.Tensor", X, 2, results=(TensorRef(id=2),) * 2), more=(spec(2, 32),))
        )

    @pytest.mark.parametrize(
        "node",
        [
            call("add.Tensor", X),
            call("add.Tensor", X, W, W, W, W),
            call("add.Tensor", X, "text"),
            call("add.Tensor", X, W, nonsense=1),
            call("add.Tensor", X, W, self=X),
            call("view.default", X, ArgumentSequence(kind="list", items=(5, 5))),
            call("view.default", X, ArgumentSequence(kind="list", items=(10**30,))),
            call("select.int", X, 0, 10**9),
            call("sum.dim_IntList", X, ArgumentSequence(kind="list", items=(7,))),
            call("empty.memory_format", ArgumentSequence(kind="list", items=(-4, 32)), device=CUDA),
            call("empty.memory_format", ArgumentSequence(kind="list", items=(4, 32)), device="nowhere"),
            call("cat.default", ArgumentSequence(kind="list", items=())),
            call("convolution.default", X, X, None, *(ArgumentSequence(kind="list", items=()),) * 3, False, 1, 1),
        ],
        ids=lambda node: node.operator,
    )
    def test_arguments_that_an_operator_rejects(self, node: AtenCall) -> None:
        assert f"node 0 (`{node.operator}`)" in refused(trace(node))

    @pytest.mark.parametrize("name", ["load", "nothing_such", "strided"])
    def test_enumeration_values_that_torch_does_not_have(self, name: str) -> None:
        node = call("_to_copy.default", X, dtype=TorchConstant(kind="dtype", name=name))
        assert f"there is no dtype `{name}`" in refused(trace(node))

    @pytest.mark.parametrize(
        "operator",
        [
            "rand.default", "rand_like.default", "bernoulli.p", "native_dropout.default", "normal_.default",
            "randperm.default", "uniform_.default", "rand.out", "set_.source_Tensor", "resize_.default",
            "from_file.default", "_local_scalar_dense.default", "nonzero.default",
            "masked_select.default", "t_.default", "squeeze_.default", "equal.default", "record_stream.default",
            "nothing_such.default", "add.NothingSuch", "add.__class__", "__class__.default", "name.upper",
            "_dir.append", "manual_seed.default", "save.default",
        ],
    )  # fmt: skip
    def test_operators_that_are_not_functions_of_their_arguments(self, operator: str) -> None:
        with pytest.raises(OperatorNotAllowed) as caught:
            validate(trace(call(operator, X)), CASE, WEIGHT)
        assert caught.value.line == 7

    @pytest.mark.parametrize("operator", ["prim::device.default", "quantized::add.default", "os::system.default"])
    def test_operators_of_other_namespaces(self, operator: str) -> None:
        node = call("relu.default", X).model_copy(update={"operator": operator})
        with pytest.raises(OperatorNotAllowed, match="there is no operator"):
            validate(trace(node), CASE, WEIGHT)

    def test_views_beyond_the_storage(self) -> None:
        beyond = call("as_strided.default", X, *(ArgumentSequence(kind="list", items=(n, 1)) for n in (1000, 1)), 0)
        forged = trace(beyond, more=(spec(1000, 1, stride=(1, 1)),))
        assert "node 0 (`aten::as_strided.default`)" in refused(forged)
        with pytest.raises(MalformedTrace, match="out of bounds"):
            replay(forged, {0: torch.ones(4, 32)}, WEIGHT, device=torch.device("cpu"), launch=lambda *_: None)

    @pytest.mark.parametrize("results", [(TensorRef(id=2),), (None,)])
    def test_tensors_larger_than_any_gpu(self, results: tuple[Argument, ...]) -> None:
        node = call("empty.memory_format", ArgumentSequence(kind="list", items=(10**12,)), device=CUDA, results=results)
        message = refused(trace(node, more=(spec(10**12),), output=X))
        assert "larger than" in message
        assert "leaves out" in refused(trace(node.model_copy(update={"results": (None,)}), more=(), output=X))

    def test_gigantic_strides(self) -> None:
        assert "larger than" in refused(trace(call("relu.default", X), more=(spec(4, 32, stride=(2**40, 1)),)))

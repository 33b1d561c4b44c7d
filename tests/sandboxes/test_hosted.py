"""Numbers on the host: derived from the trace, so that a forged one can't read the GPU for nothing."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from sandboxes.contracts import (
    READ_BACK,
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
    Variant,
)
from sandboxes.dataflow import analyse
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.hardware.pricing import DEFAULT, price_aten
from sandboxes.hardware.targets import get_target
from sandboxes.hosted import check_scalars, host_values
from sandboxes.replay import MalformedTrace, replay
from sandboxes.validation import validate
from tests.tracer import case, spec

CASE = case(spec(4, 32))
X = TensorRef(id=0)
NUMBER = spec(dtype="float64")
COUNT = spec(dtype="int64")
LISTED = ArgumentSequence(kind="list", items=(ScalarRef(id=2),))

UNUSED = """module { tt.func public @k(%p: !tt.ptr<f32>, %s: f32) {
  %c = arith.constant 1.0 : f32
  tt.store %p, %c : !tt.ptr<f32>
  tt.return } }"""
USED = UNUSED.replace("%c :", "%s :")


def call(operator: str, *args: Argument, to: int, **kwargs: Argument) -> AtenCall:
    """A recorded call."""
    return AtenCall(operator=operator, args=args, kwargs=kwargs, results=(TensorRef(id=to),), line=7)


SUM = call("aten::sum.default", X, to=1)
READ = call(READ_BACK, TensorRef(id=1), to=2)


def trace(*nodes: AtenCall | Launch, more: tuple[TensorSpec, ...] = (), output: int = 0) -> Trace:
    """A trace of an input (0), its sum (1), the number read from that (2), and further values."""
    return Trace.model_validate({
        "case": "small", "weight_seed": 1, "values": (spec(4, 32), spec(), NUMBER, *more), "inputs": (X,),
        "constants": (), "nodes": nodes, "output": TensorRef(id=output),
    })  # fmt: skip


def launch(ttir: str, *args: Argument) -> Launch:
    """A launch of one program."""
    fields: dict[str, Any] = {"config": "", "ttir": ttir, "grid": (1, 1, 1), "num_warps": 4, "num_stages": 1}
    return Launch(kernel="k", variants=(Variant.model_validate(fields | {"args": args}),))


def checked(forged: Trace) -> None:
    """Everything that trusted code checks before it replays."""
    validate(forged, CASE, {})
    check_scalars(forged, analyse(forged))


def test_a_number_is_read_where_the_trace_says_and_is_python_s() -> None:
    nodes = (
        SUM,
        READ,
        call("aten::zero_.default", TensorRef(id=1), to=1),
        call("aten::mul.Tensor", X, ScalarRef(id=2), to=3),
    )
    honest = trace(*nodes, more=(spec(4, 32),), output=3)
    checked(honest)
    values = {0: torch.full((4, 32), 0.5)}
    output = replay(honest, values, {}, device=torch.device("cpu"), launch=lambda *_: None).output
    assert torch.equal(output, torch.full((4, 32), 32.0))


def test_arithmetic_of_numbers_stays_on_the_host_and_products_with_tensors_do_not() -> None:
    graph = trace(
        SUM,
        READ,
        call("aten::add.Tensor", TensorRef(id=2), 1.0, to=3),
        call("aten::_to_copy.default", TensorRef(id=3), to=4, dtype=TorchConstant(kind="dtype", name="int64")),
        call("aten::mul.Tensor", TensorRef(id=1), TensorRef(id=2), to=5),
        call("aten::_to_copy.default", TensorRef(id=2), to=6, device=TorchConstant(kind="device", name="cuda")),
        more=(NUMBER, COUNT, NUMBER, NUMBER),
    )
    assert host_values(graph) == {2, 3, 4}


@pytest.mark.parametrize(
    ("nodes", "more", "message"),
    [
        ((SUM, call("aten::mul.Tensor", X, ScalarRef(id=1), to=2)), (), "no number that was read back"),
        ((call("aten::mul.Tensor", X, ScalarRef(id=0), to=2),), (), "no number that was read back"),
        ((call(READ_BACK, X, to=2),), (), "128 elements can't be read back"),
        ((SUM, call(READ_BACK, TensorRef(id=1), to=3)), (COUNT,), "the trace claims int64"),
        ((SUM, call(READ_BACK, TensorRef(id=1), X, to=2)), (), "node 1"),
        ((SUM, READ, call("aten::slice.Tensor", X, 0, ScalarRef(id=2), to=3)), (spec(4, 32),), "as `start`"),
        ((SUM, READ, call("aten::arange.default", ScalarRef(id=2), to=3)), (spec(1),), "as `end`"),
        ((SUM, READ, call("aten::sum.dim_IntList", X, ScalarRef(id=2), to=3)), (spec(4),), "as `dim`"),
        ((SUM, READ, call("aten::select.int", X, dim=ScalarRef(id=2), index=0, to=3)), (spec(32),), "as `dim`"),
        ((SUM, READ, call("aten::relu.default", X, ScalarRef(id=2), to=3)), (spec(4, 32),), "as `1`"),
        (
            (
                call("aten::sum.default", X, to=1, dtype=TorchConstant(kind="dtype", name="float64")),
                call("aten::mul.Tensor", X, ScalarRef(id=1), to=3),
            ),
            (spec(4, 32),),
            "which was not read back",
        ),
        (
            (
                call("aten::sum.default", X, to=3, dtype=TorchConstant(kind="dtype", name="float64")),
                SUM,
                READ,
                call("aten::copy_.default", TensorRef(id=2), TensorRef(id=3), to=2),
                call("aten::mul.Tensor", X, ScalarRef(id=2), to=4),
            ),
            (NUMBER, spec(4, 32)),
            "written over",
        ),
        (
            (
                SUM,
                READ,
                call("aten::detach.default", TensorRef(id=2), to=3),
                call("aten::fill_.Scalar", TensorRef(id=3), 1.0, to=3),
                call("aten::mul.Tensor", X, ScalarRef(id=2), to=4),
            ),
            (NUMBER, spec(4, 32)),
            "written over",
        ),
        (
            (SUM, READ, launch(USED, X, ScalarRef(id=2)), launch(USED, TensorRef(id=2), ScalarRef(id=2))),
            (),
            "written over",
        ),
    ],
)
def test_a_forged_number_is_refused(
    nodes: tuple[AtenCall | Launch, ...], more: tuple[TensorSpec, ...], message: str
) -> None:
    values = dict(enumerate((spec(4, 32), spec(), NUMBER, *more)))
    if nodes[0].kind == "aten" and "dtype" in nodes[0].kwargs and nodes[0].results == (TensorRef(id=1),):
        values[1] = NUMBER
    forged = trace(*nodes, more=more).model_copy(update={"values": tuple(values.values())})
    with pytest.raises(MalformedTrace, match=message):
        checked(forged)


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": (ScalarRef(id=0),)},
        {"output": ScalarRef(id=2)},
        {"output": LISTED},
        {"nodes": (SUM, READ, call("aten::view.default", X, LISTED, to=2))},
        {"nodes": (SUM, READ.model_copy(update={"results": (ScalarRef(id=2),)}))},
        {"nodes": (call("aten::mul.Tensor", X, ScalarRef(id=2), to=2),)},
    ],
)  # fmt: skip
def test_a_number_can_only_be_a_direct_argument_of_what_comes_later(fields: dict[str, Any]) -> None:
    honest = trace(SUM, READ)
    with pytest.raises(ValidationError):
        Trace.model_validate({name: getattr(honest, name) for name in Trace.model_fields} | fields)


@pytest.mark.parametrize("dtype", ["bool", "complex64", "uint64"])
def test_what_is_no_number_of_python_s_can_t_be_read_back(dtype: str) -> None:
    nodes = (
        call("aten::sum.default", X, to=3),
        call("aten::_to_copy.default", TensorRef(id=3), to=1, dtype=TorchConstant(kind="dtype", name=dtype)),
        READ,
    )
    forged = trace(*nodes, more=(spec(),)).model_copy(
        update={"values": (spec(4, 32), spec(dtype=dtype), NUMBER, spec())}
    )
    with pytest.raises(MalformedTrace, match="can't be read back"):
        checked(forged)


def test_a_kernel_reads_the_numbers_that_it_uses_and_only_these() -> None:
    used, unused = (analyse(trace(SUM, READ, launch(ttir, X, ScalarRef(id=2)))) for ttir in (USED, UNUSED))
    assert used.live == {0, 1, 2}
    assert unused.live == {2}


def test_an_output_made_from_a_number_depends_on_what_it_was_read_from() -> None:
    nodes = (SUM, READ, call("aten::full.default", ArgumentSequence(kind="list", items=(4,)), ScalarRef(id=2), to=3))
    flow = analyse(trace(*nodes, more=(spec(4),), output=3))
    assert flow.output_storages <= flow.tainted
    assert flow.live == {0, 1, 2}


def test_ten_thousand_numbers_are_paid_for_one_by_one_and_checked_in_time() -> None:
    reads = tuple(READ.model_copy(update={"results": (TensorRef(id=number),)}) for number in range(2, 10_002))
    forged = trace(SUM, *reads, launch(USED, X, ScalarRef(id=5_000)), more=(NUMBER,) * 9_999)
    checked(forged)
    work = aten_work(READ, forged.values, Precision.TF32)
    assert work.waits == 1
    assert DEFAULT.wait_us < price_aten(get_target("h200"), work).time_us < DEFAULT.wait_us + 5

"""Liveness, taint and aliasing of graphs, kernels included, derived and not believed."""

from pathlib import Path

import pytest

from sandboxes.contracts import Argument, AtenCall, Constant, Launch, Node, TensorRef, TensorSpec, Trace, Variant
from sandboxes.dataflow import analyse, launch_access
from tests.tracer import spec

TTIR = Path(__file__).parents[1] / "data" / "ttir" / "3.9.0"
X, W, A, B, C = (TensorRef(id=number) for number in range(5))


def call(operator: str, *args: Argument, to: TensorRef | None = None, **kwargs: Argument) -> AtenCall:
    """A recorded call."""
    results = () if to is None else (to,)
    return AtenCall(operator=f"aten::{operator}", args=args, kwargs=kwargs, results=results)


def launch(kernel: str, *args: Argument) -> Launch:
    """A launch of one of the stored kernels."""
    variant = Variant.model_validate({
        "config": "", "ttir": (TTIR / f"{kernel}.ttir").read_text(encoding="utf-8"), "grid": (1, 1, 1), "args": args,
        "num_warps": 4, "num_stages": 1,
    })  # fmt: skip
    return Launch(kernel=kernel, variants=(variant,))


def graph(*nodes: Node, output: Argument = A, values: tuple[TensorSpec, ...] = ()) -> Trace:
    """A trace of an input (X), a parameter (W) and values A, B, C."""
    weight = Constant(value=1, key="parameter:w", role="parameter")
    return Trace(case="small", weight_seed=1, values=values or (spec(4, 32),) * 5, inputs=(X,), constants=(weight,),
                 nodes=nodes, output=output)  # fmt: skip


EMPTY_A = call("empty_like.default", X, to=A)
RELU_A = call("relu.default", X, to=A)


@pytest.mark.parametrize(
    ("nodes", "output", "live"),
    [
        ((RELU_A, call("neg.default", X, to=B)), A, {0}),
        ((RELU_A, call("neg.default", A, to=B)), B, {0, 1}),
        ((RELU_A, call("t.default", A, to=B), call("mul_.Tensor", B, 2, to=B)), A, {0, 2}),
        ((RELU_A, call("view.default", A, 128, to=B)), B, {0}),
        ((RELU_A, call("copy_.default", A, W, to=A)), A, {1}),
        ((RELU_A, call("fill_.Scalar", A, 0, to=A)), A, {1}),
        ((EMPTY_A, call("mul.out", X, W, out=A, to=A)), A, {1}),
        ((RELU_A, call("mul.out", X, W, out=A, to=A)), A, {1}),
        ((RELU_A, call("add_.Tensor", A, W, to=A)), A, {0, 1}),
        ((RELU_A, call("view.default", self=A, size=128, to=B), call("fill_.Scalar", B, 0, to=B)), A, {2}),
    ],
)
def test_a_node_is_live_if_what_it_writes_reaches_an_output(
    nodes: tuple[Node, ...], output: TensorRef, live: set[int]
) -> None:
    assert analyse(graph(*nodes, output=output)).live == live


@pytest.mark.parametrize(
    "view",
    [
        spec(3, 32, offset=32),
        spec(4, 32, offset=1),
        spec(4, 32, stride=(1, 1)),
        spec(4, 32, stride=(0, 1)),
        spec(2, 32),
    ],
    ids=["rest", "shifted", "overlapping", "repeated", "half"],
)
def test_a_fill_of_a_part_does_not_kill_what_was_there(view: TensorSpec) -> None:
    size, stride = list(view.shape), list(view.stride)
    nodes = (
        RELU_A,
        call("as_strided.default", A, *size, *stride, view.offset, to=B),
        call("fill_.Scalar", B, 0, to=B),
    )
    flow = analyse(graph(*nodes, values=(spec(4, 32), spec(4, 32), spec(4, 32), view, spec(1))))
    assert {0, 2} <= flow.live


def test_views_share_the_storage_of_what_they_are_views_of() -> None:
    flow = analyse(graph(RELU_A, call("t.default", A, to=B), call("clone.default", B, to=C), output=C))
    assert flow.storage[2] == flow.storage[3] != flow.storage[4]


def test_a_view_by_keyword_is_a_view_too() -> None:
    flow = analyse(graph(call("view.default", self=X, size=128, to=A)))
    assert flow.output_storages == flow.input_storages


def test_a_view_of_an_input_leaves_the_output_untouched() -> None:
    flow = analyse(graph(call("t.default", X, to=A)))
    assert flow.output_storages - flow.written == flow.input_storages


@pytest.mark.parametrize(
    ("nodes", "tainted"),
    [
        ((RELU_A,), True),
        ((call("relu.default", W, to=A),), False),
        ((EMPTY_A, call("fill_.Scalar", A, 1, to=A)), False),
        ((RELU_A, call("fill_.Scalar", A, 1, to=A)), False),
        ((call("ones_like.default", X, to=A),), False),
        ((call("full_like.default", X, 2.0, to=B), call("mul.Tensor", B, X, to=A)), True),
        ((call("relu.default", W, to=A), call("add_.Tensor", A, X, to=A)), True),
        ((EMPTY_A, call("t.default", A, to=B), call("copy_.default", B, X, to=B)), True),
    ],
)
def test_an_output_is_tainted_if_an_input_reaches_it(nodes: tuple[Node, ...], tainted: bool) -> None:
    flow = analyse(graph(*nodes))
    assert (flow.output_storages <= flow.tainted) is tainted


def test_a_kernel_reads_and_writes_what_its_text_loads_and_stores() -> None:
    node = launch("softmax", A, X, 32, 32, 32)
    assert [(ref.id, reads, writes) for ref, reads, writes in launch_access(node.variants[0])] in (
        [(2, False, True), (0, True, False)],
        [(2, True, False), (0, False, True)],
    )


def test_an_atomic_reads_what_it_adds_to_so_the_zeros_before_it_are_live() -> None:
    nodes = (call("zeros_like.default", X, to=A), launch("atomic_sum", X, A, 128))
    flow = analyse(graph(*nodes))
    assert flow.live == {0, 1}
    assert flow.output_storages <= flow.tainted


def test_a_launch_into_memory_that_is_overwritten_later_is_dead() -> None:
    nodes = (EMPTY_A, launch("atomic_sum", X, A, 128), call("copy_.default", A, W, to=A))
    assert analyse(graph(*nodes)).live == {2}


def test_a_launch_into_a_view_reaches_the_whole() -> None:
    nodes = (EMPTY_A, call("slice.Tensor", A, 0, 1, 3, to=B), launch("atomic_sum", X, B, 128))
    values = (spec(4, 32), spec(4, 32), spec(4, 32), spec(2, 32, offset=32), spec(1))
    assert 2 in analyse(graph(*nodes, values=values)).live

"""The work of ATen operators, against numbers worked out by hand."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch

from sandboxes.contracts import READ_BACK, Argument, ArgumentSequence, AtenCall, Precision, TensorRef, TensorSpec
from sandboxes.hardware.aten_cost import aten_work, is_free, unique_bytes
from sandboxes.hardware.work import FREE
from sandboxes.operators import Operator, OperatorNotAllowed, operator


def tensor(*shape: int, dtype: str = "float32", stride: tuple[int, ...] | None = None) -> TensorSpec:
    if stride is None:
        steps = [1]
        for size in reversed(shape[1:]):
            steps.insert(0, steps[0] * size)
        stride = tuple(steps[: len(shape)])
    return TensorSpec.model_validate({"shape": shape, "dtype": dtype, "stride": stride})


def call(operator: str, *args: Argument, result: int) -> AtenCall:
    return AtenCall(operator=f"aten::{operator}", args=args, kwargs={}, results=(TensorRef(id=result),))


def ref(id_: int) -> TensorRef:
    return TensorRef(id=id_)


def numbers(*values: int) -> ArgumentSequence:
    return ArgumentSequence(kind="list", items=values)


@pytest.mark.parametrize(
    ("dtype", "precision", "kind"),
    [
        ("float32", Precision.TF32, "tf32"),
        ("float32", Precision.FP32, "fp32"),
        ("bfloat16", Precision.TF32, "bf16"),
        ("float16", Precision.FP32, "fp16"),
        ("float64", Precision.TF32, "fp64"),
    ],
)
def test_a_matrix_product(dtype: str, precision: Precision, kind: str) -> None:
    values = [tensor(8, 16, dtype=dtype), tensor(16, 4, dtype=dtype), tensor(8, 4, dtype=dtype)]
    work = aten_work(call("mm.default", ref(0), ref(1), result=2), values, precision)
    width = {"float64": 8, "float32": 4}.get(dtype, 2)
    assert work.flops == {kind: 2 * 8 * 16 * 4}
    assert (work.read_bytes, work.written_bytes) == (width * (8 * 16 + 16 * 4), width * 8 * 4)


def test_a_linear_layer_reads_its_bias() -> None:
    values = [tensor(4), tensor(8, 16), tensor(16, 4), tensor(8, 4)]
    work = aten_work(call("addmm.default", ref(0), ref(1), ref(2), result=3), values)
    assert work.flops == {"tf32": 2 * 8 * 16 * 4}
    assert work.read_bytes == 4 * (4 + 8 * 16 + 16 * 4)


def test_a_convolution() -> None:
    values = [tensor(2, 3, 8, 8), tensor(5, 3, 3, 3), tensor(2, 5, 6, 6)]
    one = numbers(1, 1)
    zero = numbers(0, 0)
    args = (ref(0), ref(1), None, one, zero, one, False, zero, 1)
    work = aten_work(call("convolution.default", *args, result=2), values)
    assert work.flops == {"tf32": 2 * (2 * 5 * 6 * 6) * (3 * 3 * 3)}


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (True, True)])
def test_the_gradients_of_a_convolution_cost_what_is_asked_for(wanted: tuple[bool, bool]) -> None:
    values = [tensor(2, 5, 6, 6), tensor(2, 3, 8, 8), tensor(5, 3, 3, 3)]
    settings = (numbers(1, 1), numbers(0, 0), numbers(1, 1), False, numbers(0, 0), 1, numbers(*wanted, False))
    backward = call("convolution_backward.default", ref(0), ref(1), ref(2), None, *settings, result=1)
    results = tuple(ref(id_) if asked else None for id_, asked in zip((1, 2), wanted, strict=True))
    work = aten_work(backward.model_copy(update={"results": (*results, None)}), values)
    assert work.flops == {"tf32": sum(wanted) * 2 * (2 * 5 * 6 * 6) * (3 * 3 * 3)}


def test_attention() -> None:
    values = [tensor(2, 4, 32, 16, dtype="bfloat16") for _ in range(4)]
    args = (ref(0), ref(1), ref(2))
    work = aten_work(call("_scaled_dot_product_flash_attention.default", *args, result=3), values)
    assert work.flops == {"bf16": 2 * (2 * 2 * 4 * 32 * 32 * 16)}


@pytest.mark.parametrize(
    "operator", ["view.default", "t.default", "expand.default", "slice.Tensor", "detach.default", "empty.memory_format"]
)
def test_views_and_allocations_are_free(operator: str) -> None:
    assert aten_work(call(operator, ref(0), result=1), [tensor(4, 4), tensor(4, 4)]) == FREE


def allowed_operators() -> Iterator[tuple[str, Operator]]:
    """Every overload that a trace may call."""
    known = {name.partition("::")[2].partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    for name in sorted(known | set(dir(torch.ops.aten))):
        packet = getattr(torch.ops.aten, name, None)
        for overload in packet.overloads() if isinstance(packet, torch._ops.OpOverloadPacket) else ():
            with suppress(OperatorNotAllowed):
                if f"aten::{name}.{overload}" != READ_BACK:
                    yield f"{name}.{overload}", operator(f"aten::{name}.{overload}")


def test_of_all_allowed_operators_only_views_and_allocations_are_free() -> None:
    allowed = dict(allowed_operators())
    free = {name: op for name, op in allowed.items() if is_free(name.partition(".")[0], op.overload)}
    for name, op in free.items():
        views = all(alias is not None for alias in op.aliases) or name == "_unsafe_view.default"
        assert not op.written, name
        assert views or op.allocates, name
    assert len(allowed) > 1000
    assert {"view.default", "empty.memory_format", "_unsafe_view.default"} < set(free)


def test_a_view_that_writes_its_result_elsewhere_is_a_copy() -> None:
    copy = call("_unsafe_view.out", ref(0), numbers(8, 4), result=1).model_copy(update={"kwargs": {"out": ref(1)}})
    work = aten_work(copy, [tensor(4, 8, stride=(1, 4)), tensor(8, 4)])
    assert (work.read_bytes, work.written_bytes, work.launches, work.flops) == (128, 128, 1, {})


def test_what_takes_a_result_is_not_read() -> None:
    product = call("mm.out", ref(0), ref(1), result=2).model_copy(update={"kwargs": {"out": ref(2)}})
    values = [tensor(8, 16), tensor(16, 4), tensor(8, 4)]
    assert aten_work(product, values) == aten_work(call("mm.default", ref(0), ref(1), result=2), values)


@pytest.mark.parametrize("operator", ["zeros_like.default", "new_zeros.default", "full_like.default"])
def test_a_fill_does_not_read_what_it_is_shaped_like(operator: str) -> None:
    work = aten_work(call(operator, ref(0), result=1), [tensor(64), tensor(64)])
    assert (work.read_bytes, work.written_bytes, work.flops) == (0, 256, {})


@pytest.mark.parametrize(
    ("operator", "args", "values", "flops"),
    [
        ("_cdist_forward.default", (ref(0), ref(1)), (tensor(8, 32), tensor(16, 32)), 3 * 8 * 16 * 32),
        ("_pdist_forward.default", (ref(0),), (tensor(9, 32),), 3 * 36 * 32),
        ("_embedding_bag.default", (ref(0), ref(1)), (tensor(16, 32), tensor(128, dtype="int32")), 2 * 128 * 32),
        ("avg_pool2d_backward.default", (ref(0), ref(1), numbers(3, 3)), (tensor(4, 4), tensor(6, 6)), 9 * 16),
        ("searchsorted.Tensor", (ref(0), ref(1)), (tensor(1023), tensor(50)), 50 * 10),
        ("bucketize.Tensor", (ref(0), ref(1)), (tensor(50), tensor(1023)), 50 * 10),
        ("_fft_r2c.default", (ref(0), numbers(1), 0, False), (tensor(4, 1024),), 2.5 * 4096 * 10),
        ("_fft_c2r.default", (ref(0), numbers(0, 1), 0, 64), (tensor(64, 64, dtype="complex64"),), 2.5 * 4096 * 12),
        ("addbmm.default", (ref(0), ref(1), ref(2)), (tensor(8, 4), tensor(3, 8, 16), tensor(3, 16, 4)), 3072),
        ("mv.default", (ref(0), ref(1)), (tensor(8, 16), tensor(16)), 256),
        ("special_bessel_j0.default", (ref(0),), (tensor(64),), 50 * 64),
        ("polygamma.default", (2, ref(0)), (tensor(64),), 50 * 64),
        ("grid_sampler_2d.default", (ref(0), ref(1)), (tensor(1, 1, 8, 8), tensor(1, 8, 8, 2)), 40 * 128),
        ("isin.Tensor_Tensor", (ref(0), ref(1)), (tensor(64), tensor(8)), 30 * 64),
    ],
)
def test_arithmetic_that_the_operands_sizes_hide(
    operator: str, args: tuple[Argument, ...], values: tuple[TensorSpec, ...], flops: float
) -> None:
    results = {
        "_cdist": (8, 16), "_pdist": (36,), "_embed": (4, 32), "avg_po": (6, 6), "search": (50,), "bucket": (50,),
        "_fft_r": (4, 1024), "_fft_c": (64, 64), "addbmm": (8, 4), "mv.def": (8,),
    }  # fmt: skip
    shape = results.get(operator[:6], values[0].shape)
    work = aten_work(call(operator, *args, result=len(values)), [*values, tensor(*shape)])
    assert sum(count for kind, count in work.flops.items() if kind != "special") == flops


def test_an_embedding_bag_asks_for_every_row_that_it_names() -> None:
    values = [tensor(16, 32), tensor(128, dtype="int32"), tensor(4, dtype="int32"), tensor(4, 32)]
    work = aten_work(call("_embedding_bag.default", ref(0), ref(1), ref(2), result=3), values)
    assert work.read_bytes == 4 * (16 * 32 + 128 + 4)
    assert work.requested_bytes == work.dram_bytes + 4 * 128 * 32


def test_a_transform_passes_over_its_data_once_for_each_dimension() -> None:
    values = [tensor(64, 64, dtype="complex64"), tensor(64, 64, dtype="complex64")]
    work = aten_work(call("_fft_c2r.default", ref(0), numbers(0, 1), 0, 64, result=1), values)
    assert (work.launches, work.read_bytes) == (2, 2 * 8 * 4096)


@pytest.mark.parametrize("operator", ["relu.default", "gelu.default", "_softmax.default", "native_layer_norm.default"])
def test_fused_eager_kernels_read_and_write_once(operator: str) -> None:
    work = aten_work(call(operator, ref(0), result=1), [tensor(64, 64), tensor(64, 64)])
    assert work.read_bytes == work.written_bytes == 4 * 64 * 64
    assert work.launches == 1
    assert work.total_flops >= 64 * 64


def test_in_place_writes_its_argument() -> None:
    work = aten_work(call("add_.Tensor", ref(0), ref(1), result=0), [tensor(64), tensor(64)])
    assert (work.read_bytes, work.written_bytes) == (512, 256)


def test_filling_reads_nothing_and_copying_does_not_read_its_target() -> None:
    assert aten_work(call("zero_.default", ref(0), result=0), [tensor(64)]).read_bytes == 0
    work = aten_work(call("copy_.default", ref(0), ref(1), result=0), [tensor(64), tensor(64, dtype="float16")])
    assert (work.read_bytes, work.written_bytes, work.flops) == (128, 256, {})


def test_an_embedding_reads_only_the_rows_it_returns() -> None:
    values = [tensor(50_000, 64), tensor(8, dtype="int64"), tensor(8, 64)]
    work = aten_work(call("embedding.default", ref(0), ref(1), result=2), values)
    assert work.read_bytes == 8 * 64 * 4 + 8 * 8


def test_a_scatter_in_place_touches_only_what_it_gets() -> None:
    values = [tensor(50_000, 64), tensor(8, 64, dtype="int64"), tensor(8, 64)]
    work = aten_work(call("scatter_.src", ref(0), 0, ref(1), ref(2), result=0), values)
    assert work.written_bytes == 8 * 64 * 4


def test_a_reduction_reads_its_input_and_counts_it() -> None:
    work = aten_work(call("sum.dim_IntList", ref(0), numbers(1), result=1), [tensor(8, 128), tensor(8)])
    assert (work.read_bytes, work.written_bytes, work.flops) == (4096, 32, {"fp32": 1024})


def test_several_passes_are_several_kernels() -> None:
    work = aten_work(call("native_batch_norm.default", ref(0), result=1), [tensor(2, 4, 8), tensor(2, 4, 8)])
    assert work.launches == 2
    assert work.read_bytes == 2 * 256


@pytest.mark.parametrize("operator", ["huber_loss.default", "mse_loss.default", "smooth_l1_loss.default"])
def test_a_mean_loss_writes_the_loss_of_every_element_and_reads_it_again(operator: str) -> None:
    work = aten_work(call(operator, ref(0), ref(1), result=2), [tensor(8, 64), tensor(8, 64), tensor()])
    assert (work.read_bytes, work.written_bytes, work.launches) == (3 * 2048, 2048 + 4, 2)
    work = aten_work(call(operator, ref(0), ref(1), 0, result=2), [tensor(8, 64), tensor(8, 64), tensor(8, 64)])
    assert (work.read_bytes, work.written_bytes, work.launches) == (2 * 2048, 2048, 1)


def test_expanded_dimensions_are_read_once() -> None:
    assert unique_bytes(tensor(100, 8, stride=(0, 1))) == 32
    assert unique_bytes(tensor(0, 8, stride=(0, 1))) == 0


def test_an_operator_this_torch_lacks_is_elementwise() -> None:
    work = aten_work(call("brand_new.default", ref(0), result=1), [tensor(64), tensor(64)])
    assert work.flops == {"fp32": 64}


def test_elements_far_apart_cost_a_sector_each() -> None:
    assert unique_bytes(tensor(100, stride=(2,))) == 800
    assert unique_bytes(tensor(100, stride=(64,))) == 3200


@pytest.mark.parametrize(
    ("operator", "shapes", "result"),
    [
        ("linear.default", [(64, 32), (16, 32)], (64, 16)),
        ("addmm_.default", [(64, 16), (64, 32), (32, 16)], (64, 16)),
        ("addbmm.default", [(64, 16), (4, 64, 8), (4, 8, 16)], (64, 16)),
    ],
)
def test_a_product_costs_the_same_under_any_name(
    operator: str, shapes: list[tuple[int, ...]], result: tuple[int, ...]
) -> None:
    values = [tensor(*shape) for shape in (*shapes, result)]
    made = call(operator, *map(ref, range(len(shapes))), result=len(shapes))
    assert aten_work(made, values).flops == {"tf32": 2 * 64 * 32 * 16}


def test_distances_and_windows_cost_every_pair_and_every_element() -> None:
    values = [tensor(64, 32), tensor(16, 32), tensor(64, 16)]
    distances = call("_cdist_forward.default", ref(0), ref(1), 2.0, None, result=2)
    assert aten_work(distances, values).flops == {"fp32": 3 * 64 * 16 * 32}
    values = [tensor(1, 1, 1000), tensor(1, 1, 901)]
    means = call("avg_pool1d.default", ref(0), numbers(100), result=1)
    assert aten_work(means, values).flops == {"fp32": 901 * 100}

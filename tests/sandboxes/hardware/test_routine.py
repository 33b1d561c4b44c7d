"""A routine says what a library's speed depends on: which kind of kernel, which product, which rows."""

from sandboxes.contracts import ArgumentSequence, AtenCall, Precision, TensorRef, TensorSpec
from sandboxes.hardware.routine import Routine, RoutineKind, routine_of


def spec(*shape: int, stride: tuple[int, ...] | None = None, dtype: str = "float32") -> TensorSpec:
    """A tensor, contiguous unless a stride is given."""
    strides, size = [], 1
    for length in reversed(shape):
        strides.insert(0, size)
        size *= max(length, 1)
    return TensorSpec(shape=shape, dtype=dtype, stride=stride or tuple(strides))


def routine(operator: str, inputs: list[TensorSpec], outputs: list[TensorSpec], *rest: object) -> Routine:
    values = [*inputs, *outputs]
    call = AtenCall(
        operator=operator,
        args=(*(TensorRef(id=number) for number in range(len(inputs))), *rest),
        kwargs={},
        results=tuple(TensorRef(id=len(inputs) + number) for number in range(len(outputs))),
    )
    return routine_of(call, values, Precision.TF32)


def sizes(*items: int | bool) -> ArgumentSequence:
    return ArgumentSequence(kind="list", items=items)


def test_matrix_products_know_their_rows_columns_and_depth() -> None:
    found = routine("aten::addmm.default", [spec(7), spec(5, 3), spec(3, 7)], [spec(5, 7)])
    assert found.kind is RoutineKind.PRODUCT
    assert found.product is not None
    assert (found.product.rows, found.product.columns, found.product.depth) == (5, 7, 3)
    assert found.product.kind == "tf32"


def test_rows_that_do_not_begin_at_multiples_of_16_bytes_are_not_aligned() -> None:
    even = routine("aten::mm.default", [spec(64, 64), spec(64, 64)], [spec(64, 64)])
    odd = routine("aten::mm.default", [spec(64, 63), spec(63, 64)], [spec(64, 64)])
    assert even.product is not None
    assert even.product.aligned
    assert odd.product is not None
    assert not odd.product.aligned


def test_a_convolution_is_the_product_of_its_windows_with_its_filters() -> None:
    found = routine(
        "aten::convolution.default", [spec(8, 16, 32, 32), spec(64, 16, 3, 3)], [spec(8, 64, 32, 32)],
        None, sizes(1, 1), sizes(1, 1), sizes(1, 1), False, sizes(0, 0), 1,
    )  # fmt: skip
    assert found.kind is RoutineKind.CONVOLUTION
    assert found.product is not None
    assert (found.product.rows, found.product.columns, found.product.depth) == (8 * 32 * 32, 64, 16 * 9)


def test_a_convolution_of_single_channels_is_no_product() -> None:
    found = routine(
        "aten::convolution.default", [spec(8, 16, 32, 32), spec(16, 1, 3, 3)], [spec(8, 16, 32, 32)],
        None, sizes(1, 1), sizes(1, 1), sizes(1, 1), False, sizes(0, 0), 16,
    )  # fmt: skip
    assert found.kind is RoutineKind.DEPTHWISE


def test_a_copy_between_layouts_is_told_apart_from_one_within_a_layout() -> None:
    turned = spec(64, 32, stride=(1, 64))
    assert routine("aten::clone.default", [turned], [spec(64, 32)]).kind is RoutineKind.TRANSPOSING
    assert routine("aten::clone.default", [spec(64, 32)], [spec(64, 32)]).kind is RoutineKind.COPY
    assert routine("aten::add.Tensor", [turned, spec(64, 32)], [spec(64, 32)]).kind is RoutineKind.TRANSPOSING


def test_a_softmax_knows_its_rows() -> None:
    found = routine("aten::_softmax.default", [spec(128, 4096)], [spec(128, 4096)], 1, False)
    assert (found.kind, found.blocks, found.row) == (RoutineKind.SOFTMAX, 128, 4096)


def test_an_embedding_looks_up_whole_rows() -> None:
    found = routine("aten::embedding.default", [spec(1000, 64), spec(32, dtype="int64")], [spec(32, 64)])
    assert (found.kind, found.looked_up, found.looked_up_bytes) == (RoutineKind.GATHER, 32, 256)


def test_what_is_smaller_than_what_it_reads_is_a_reduction() -> None:
    assert routine("aten::sum.dim_IntList", [spec(64, 32)], [spec(64)]).kind is RoutineKind.REDUCTION

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


def test_a_sum_that_keeps_its_dimension_is_no_transposition() -> None:
    found = routine("aten::mean.dim", [spec(4096, 1024)], [spec(4096, 1)], sizes(1), True)
    assert found.kind is RoutineKind.REDUCTION
    assert (
        routine("aten::clone.default", [spec(64, 32, stride=(1, 64))], [spec(64, 32)]).kind is RoutineKind.TRANSPOSING
    )


def test_convolutions_of_three_channels_run_without_tensor_cores() -> None:
    def of(channels: int, dtype: str = "float32") -> Routine:
        return routine(
            "aten::convolution.default",
            [spec(8, channels, 32, 32, dtype=dtype), spec(64, channels, 3, 3, dtype=dtype)],
            [spec(8, 64, 32, 32, dtype=dtype)],
            None, sizes(1, 1), sizes(1, 1), sizes(1, 1), False, sizes(0, 0), 1,
        )  # fmt: skip

    assert [of(channels).product.kind for channels in (3, 16)] == ["fp32", "tf32"]  # type: ignore[union-attr]
    assert of(3, "float16").product.kind == "fp16"  # type: ignore[union-attr]


def test_contiguous_images_are_brought_into_another_layout_for_tensor_cores() -> None:
    def of(size: int, stride: tuple[int, ...] | None = None) -> Routine:
        return routine(
            "aten::convolution.default",
            [spec(8, 16, 32, 32, stride=stride), spec(64, 16, size, size)], [spec(8, 64, 32, 32)],
            None, sizes(1, 1), sizes(size // 2, size // 2), sizes(1, 1), False, sizes(0, 0), 1,
        )  # fmt: skip

    assert of(3).around_bytes == 2 * 8 * (16 + 64) * 32 * 32 * 4
    assert of(3, (16 * 32 * 32, 1, 32 * 16, 16)).around_bytes == 0
    assert of(1).around_bytes == 0


def test_the_bias_of_a_convolution_is_added_by_another_kernel() -> None:
    found = routine(
        "aten::convolution.default",
        [spec(8, 16, 32, 32), spec(64, 16, 1, 1), spec(64)], [spec(8, 64, 32, 32)],
        sizes(1, 1), sizes(0, 0), sizes(1, 1), False, sizes(0, 0), 1,
    )  # fmt: skip
    assert found.around_bytes == 2 * 8 * 64 * 32 * 32 * 4

"""What kind of routine PyTorch runs for an ATen operator, and the shapes that its speed depends on.

`Work` says how much an operator moves and computes; a `Routine` says how well libraries do that. Both come from shapes
alone. What is not recognised is pointwise: one thread per element, everything coalesced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any

import torch

from sandboxes.contracts import Argument, ArgumentSequence, AtenCall, Precision, TensorRef, TensorSpec, references
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.hardware.aten_arithmetic import product_kind
from sandboxes.hardware.aten_tables import GATHERING_NAMES, POOL_GRADIENTS, POOLS, SCATTERING_NAMES
from sandboxes.hardware.causality import seen_share

ALIGNED_BYTES = 16
"""Rows of factors that begin at a multiple of it are loaded in the widest instructions."""

IMAGE_DIMENSIONS = 4
"""Of an image's filters. Convolutions of float32 run in TF32, but three channels, and transposed ones of volumes, take
as long as in FP32 (KernelBench on H100, see `sandboxes.hardware.pricing.operators`)."""

DEPTHWISE_CHANNELS = 8
"""Input channels per group below which a convolution is no product for tensor cores."""

PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "addbmm", "linear", "mv", "addmv", "dot", "vdot"})
CONVOLUTIONS = frozenset({"convolution", "_convolution", "cudnn_convolution", "convolution_overrideable"})
NORMALISATIONS = frozenset({"native_layer_norm", "_fused_rms_norm", "native_group_norm"})
BATCH_NORMALISATIONS = frozenset({
    "native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "_batch_norm_with_update",
})  # fmt: skip
SOFTMAXES = frozenset({"_softmax", "_log_softmax", "_safe_softmax", "softmax", "log_softmax"})
SORTS = frozenset({
    "sort", "topk", "kthvalue", "median", "nanmedian", "mode", "unique_dim", "_unique2", "argsort", "msort", "isin",
    "histc", "bincount",
})  # fmt: skip
SCANS = frozenset({"cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "_cummax_helper", "_cummin_helper"})
COPIES = (
    "copy", "clone", "_to_copy", "contiguous", "cat", "stack", "roll", "flip", "repeat", "constant_pad",
    "reflection_pad", "replication_pad", "pixel_", "native_channel_shuffle", "im2col", "tril", "triu", "expand_copy",
)  # fmt: skip
"""Prefixes of operators that move data and do little else."""
RANDOM = ("rand", "normal", "uniform", "bernoulli", "native_dropout", "exponential", "multinomial")
"""Prefixes of operators that draw numbers."""


class RoutineKind(StrEnum):
    """Classes of library routines that reach about the same share of what the hardware can."""

    POINTWISE = "pointwise"
    REDUCTION = "reduction"
    SOFTMAX = "softmax"
    NORMALISATION = "normalisation"
    """By rows: layer, group, RMS."""
    BATCH_NORMALISATION = "batch_normalisation"
    COPY = "copy"
    TRANSPOSING = "transposing"
    """Neighbours in what is read are no neighbours in what is written."""
    GATHER = "gather"
    SCATTER = "scatter"
    SORT = "sort"
    SCAN = "scan"
    POOLING = "pooling"
    SAMPLING = "sampling"
    """Interpolates between pixels."""
    FFT = "fft"
    FILL = "fill"
    RANDOM = "random"
    PRODUCT = "product"
    CONVOLUTION = "convolution"
    DEPTHWISE = "depthwise"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A matrix product, or what is one in disguise."""

    rows: int
    columns: int
    depth: int
    batch: int
    kind: str
    """As keys of `Work.flops`."""
    element_bytes: int
    aligned: bool = True
    """Whether rows of both factors begin at multiples of 16 bytes."""
    saved: float = 1.0
    """Arithmetic that an algorithm with fewer operations (Winograd) leaves of it."""
    causal: bool = False
    """Attention: whether blocks skip the keys that none of their queries may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """What a library's speed depends on, beside work."""

    kind: RoutineKind
    element_bytes: int = 4
    """Of the largest tensor."""
    blocks: int = 0
    """Rows that one block each works on; 0 if the work is spread evenly over the whole GPU."""
    row: int = 0
    """Elements of such a row."""
    product: Product | None = None
    looked_up: int = 0
    """Places that indices name."""
    looked_up_bytes: int = 0
    """Neighbouring bytes at each of them."""
    table_bytes: int = 0
    """What they are looked up in."""
    around_bytes: int = 0
    """What other kernels load and store before and after a convolution: cuDNN's kernels for tensor cores want channels
    last, and PyTorch adds the bias in a kernel of its own."""


PLAIN = Routine(kind=RoutineKind.POINTWISE)


def routine_of(call: AtenCall, values: Sequence[TensorSpec], precision: Precision = Precision.TF32) -> Routine:
    """Returns what kind of routine does an operator.

    Args:
        call: The operator and its arguments.
        values: `Trace.values`.
        precision: Whether float32 products count as TF32.
    """
    name = call.operator.partition("::")[2].partition(".")[0]
    functional = name.removesuffix("_")
    inputs = [values[id_] for id_ in references((*call.args, *call.kwargs.values()))]
    outputs = [values[id_] for id_ in references(call.results)]
    if not outputs:
        return PLAIN
    found = None
    if functional in PRODUCTS and len(inputs) > 1:
        found = _product(functional, inputs, precision)
    elif functional in CONVOLUTIONS and len(inputs) > 1:
        found = _convolution(call, inputs, outputs[0], precision)
    elif functional.startswith("_scaled_dot_product") and len(inputs) > 2 and len(inputs[0].shape) == 4:
        found = _attention(call, values, inputs, precision)
    if found is not None:
        return found
    largest = max([*inputs, *outputs], key=lambda spec: spec.numel)
    width = DTYPE_BYTES[largest.dtype]
    if (looked_up := _looked_up(name, call, inputs, outputs)) is not None:
        return looked_up
    kind, blocks, row = _rows(name, call, inputs, outputs)
    return Routine(kind=kind, element_bytes=width, blocks=blocks, row=row)


def _rows(
    name: str, call: AtenCall, inputs: list[TensorSpec], outputs: list[TensorSpec]
) -> tuple[RoutineKind, int, int]:
    """Returns the kind of what is no product, and the rows that a block each works on."""
    functional = name.removesuffix("_")
    if name.startswith(RANDOM):
        return RoutineKind.RANDOM, 0, 0
    if not inputs or functional in ("fill", "zero", "zeros_like", "ones_like", "full_like") or name.startswith("new_"):
        return RoutineKind.FILL, 0, 0
    first, result = inputs[0], outputs[0]
    if functional in SOFTMAXES:
        row = _size_along(first, call, 1)
        return RoutineKind.SOFTMAX, first.numel // max(row, 1), row
    if functional in NORMALISATIONS:
        return RoutineKind.NORMALISATION, *_normalised(functional, first, outputs, call)
    if functional in BATCH_NORMALISATIONS and len(first.shape) > 1:
        return RoutineKind.BATCH_NORMALISATION, first.shape[1], first.numel // max(first.shape[1], 1)
    if functional in SORTS:
        return RoutineKind.SORT, 0, 0
    if functional in SCANS:
        row = _size_along(first, call, 1)
        return RoutineKind.SCAN, first.numel // max(row, 1), row
    if name.startswith("_fft_"):
        return RoutineKind.FFT, 0, 0
    if name in POOLS or name in POOL_GRADIENTS or "pool" in name:
        return RoutineKind.POOLING, 0, 0
    if name.startswith(("upsample", "grid_sampler")):
        return RoutineKind.SAMPLING, 0, 0
    if _transposes(inputs, result):
        return RoutineKind.TRANSPOSING, 0, 0
    if functional.startswith(COPIES):
        return RoutineKind.COPY, 0, 0
    if result.numel < first.numel:
        return RoutineKind.REDUCTION, 0, first.numel // max(result.numel, 1)
    return RoutineKind.POINTWISE, 0, 0


def _normalised(functional: str, first: TensorSpec, outputs: list[TensorSpec], call: AtenCall) -> tuple[int, int]:
    """Returns how many rows a normalisation has, and how long they are."""
    if functional == "native_layer_norm" or functional == "_fused_rms_norm":
        sizes = call.args[1] if len(call.args) > 1 else None
        row = prod(_numbers(sizes)) if sizes is not None else first.shape[-1] if first.shape else 1
    else:
        statistics = outputs[1].numel if len(outputs) > 1 else 1
        row = first.numel // max(statistics, 1)
    return first.numel // max(row, 1), row


def _transposes(inputs: list[TensorSpec], result: TensorSpec) -> bool:
    """True if a large input has its neighbours along another dimension than the result has."""
    fastest = _fastest(result)
    return any(
        2 * spec.numel >= result.numel
        and 2 * result.numel >= spec.numel  # a sum over neighbours has its own elsewhere, and is none
        and len(spec.shape) == len(result.shape)
        and (own := _fastest(spec)) != fastest
        and min(spec.shape[own], spec.shape[fastest]) > 1
        for spec in inputs
    )


def _fastest(spec: TensorSpec) -> int:
    """Returns the dimension along which neighbours are; the last if that can't be said."""
    last = len(spec.shape) - 1
    along = [
        (stride, -dim)
        for dim, (size, stride) in enumerate(zip(spec.shape, spec.stride, strict=True))
        if size > 1 and stride
    ]
    return -min(along)[1] if along else last


def _looked_up(name: str, call: AtenCall, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> Routine | None:
    """Returns the routine of what looks up places that indices name; None for others."""
    gathers = name in GATHERING_NAMES or name == "_embedding_bag"
    if not inputs or not (gathers or name in SCATTERING_NAMES or f"{name}_" in SCATTERING_NAMES):
        return None
    table = inputs[0]
    width = DTYPE_BYTES[table.dtype]
    if name in ("embedding", "_embedding_bag"):
        places, together = inputs[1].numel, table.shape[-1]
    elif name == "index_select":
        dim = _dimension(call, 1, len(table.shape))
        together = prod(table.shape[dim + 1 :])
        places = outputs[0].numel // max(together, 1)
    elif name in (
        "index",
        "_unsafe_index",
        "index_put_",
        "_unsafe_index_put_",
        "index_put",
        "index_add_",
        "index_copy_",
    ):
        together = prod(table.shape[1:]) if len(inputs) == 2 or "put" not in name else 1
        moved = outputs[0].numel if gathers else max(spec.numel for spec in inputs[1:]) if len(inputs) > 1 else 1
        together = together if together and moved % together == 0 else 1
        places = moved // max(together, 1)
    else:
        places, together = (outputs[0].numel if gathers else max((spec.numel for spec in inputs[1:]), default=1)), 1
    return Routine(
        kind=RoutineKind.GATHER if gathers else RoutineKind.SCATTER,
        element_bytes=width,
        looked_up=places,
        looked_up_bytes=together * width,
        table_bytes=table.bytes,
    )


def _product(functional: str, inputs: list[TensorSpec], precision: Precision) -> Routine | None:
    """Returns a product; None where a factor has no dimensions."""
    added = functional in ("addmm", "baddbmm", "addbmm", "addmv")
    left, right = inputs[added : added + 2] if len(inputs) > 2 or not added else inputs[:2]
    if not left.shape or not right.shape:
        return None
    depth = left.shape[-1]
    batch = left.shape[0] if len(left.shape) == 3 and functional in ("bmm", "baddbmm", "addbmm") else 1
    rows = left.numel // max(depth * batch, 1)
    made = right.shape[0] if functional == "linear" else right.shape[-1]
    product = Product(
        rows=rows,
        columns=made if len(right.shape) > 1 else 1,
        depth=depth,
        batch=batch,
        kind=product_kind(left.dtype, precision),
        element_bytes=DTYPE_BYTES[left.dtype],
        aligned=_is_aligned(left) and _is_aligned(right),
    )
    return Routine(kind=RoutineKind.PRODUCT, element_bytes=product.element_bytes, product=product)


def _convolution(call: AtenCall, inputs: list[TensorSpec], result: TensorSpec, precision: Precision) -> Routine:
    """Returns a convolution as the product of its windows with its filters."""
    image, filters = inputs[0], inputs[1]
    bound = _bound(call)
    transposed, groups = bound.get("transposed") is True, bound.get("groups", 1)
    groups = groups if isinstance(groups, int) and groups > 0 else 1
    window = prod(filters.shape[2:])
    channels = (filters.shape[0] if transposed else filters.shape[1] * groups) // groups
    made = filters.shape[1] if transposed else filters.shape[0] // groups
    places = (image if transposed else result).shape
    rows = places[0] * prod(places[2:])
    kind = product_kind(image.dtype, precision)
    aligned = channels * DTYPE_BYTES[image.dtype] % ALIGNED_BYTES == 0
    if kind == "tf32" and (not aligned or (transposed and len(filters.shape) > IMAGE_DIMENSIONS)):
        kind = "fp32"  # cuDNN does without tensor cores what they are not made for
    plain = set(_numbers(bound.get("stride"))) <= {1} and set(_numbers(bound.get("dilation"))) <= {1}
    winograd = kind == "fp32" and filters.shape[2:] == (3, 3) and plain and not transposed and groups == 1
    product = Product(
        rows=rows,
        columns=made * window if transposed else made,
        depth=channels if transposed else channels * window,
        batch=groups,
        kind=kind,
        element_bytes=DTYPE_BYTES[image.dtype],
        aligned=aligned,
        saved=1 / WINOGRAD_SAVES if winograd else 1.0,
    )
    depthwise = groups > 1 and channels < DEPTHWISE_CHANNELS
    converted = kind != "fp32" and kind != "fp64" and window > 1 and _fastest(image) != 1 and not depthwise
    biased = len(inputs) > 2 and not depthwise
    return Routine(
        kind=RoutineKind.DEPTHWISE if depthwise else RoutineKind.CONVOLUTION,
        element_bytes=product.element_bytes,
        product=product,
        around_bytes=2 * ((image.bytes + result.bytes) * converted + result.bytes * biased),
    )


WINOGRAD_SAVES = 1.6
"""Factor by which cuDNN's F(2x2, 3x3) beats a direct product in FP32: 2.25 fewer multiplications (Lavin and Gray,
arXiv:1509.09308), less its transforms; an estimate."""


def _attention(call: AtenCall, values: Sequence[TensorSpec], inputs: list[TensorSpec], precision: Precision) -> Routine:
    query, key = inputs[:2]
    product = Product(
        rows=query.shape[2],
        columns=key.shape[2],
        depth=query.shape[3],
        batch=query.shape[0] * query.shape[1],
        kind=product_kind(query.dtype, precision),
        element_bytes=DTYPE_BYTES[query.dtype],
        causal=seen_share(call, values) < 1,
    )
    return Routine(kind=RoutineKind.ATTENTION, element_bytes=product.element_bytes, product=product)


def _is_aligned(spec: TensorSpec) -> bool:
    """True if every row begins at a multiple of 16 bytes."""
    width = DTYPE_BYTES[spec.dtype]
    return all(
        stride <= 1 or size == 1 or stride * width % ALIGNED_BYTES == 0
        for size, stride in zip(spec.shape, spec.stride, strict=True)
    )


def _size_along(spec: TensorSpec, call: AtenCall, position: int) -> int:
    """Returns the size of the dimension that an argument names."""
    return spec.shape[_dimension(call, position, len(spec.shape))] if spec.shape else 1


def _dimension(call: AtenCall, position: int, dimensions: int) -> int:
    given = call.args[position] if len(call.args) > position else call.kwargs.get("dim", -1)
    dim = given if isinstance(given, int) and -dimensions <= given < dimensions else -1
    return dim % dimensions if dimensions else 0


def _numbers(argument: Argument | Any) -> list[int]:
    return [item for item in argument.items if isinstance(item, int)] if isinstance(argument, ArgumentSequence) else []


def _bound(call: AtenCall) -> dict[str, Any]:
    """Returns the arguments that are no tensors, by parameter."""
    namespace, _, rest = call.operator.partition("::")
    name, _, overload = rest.partition(".")
    found = getattr(getattr(getattr(torch.ops, namespace), name, None), overload, None)
    names = [argument.name for argument in found._schema.arguments] if found is not None else []
    bound = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    return {name: value for name, value in bound.items() if not isinstance(value, TensorRef)}

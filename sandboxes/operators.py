"""Which ATen operators a trace may call, and what they read, write and alias."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from sandboxes.contracts import READ_BACK

ALLOWED_TAGS = frozenset({torch.Tag.core, torch.Tag.pointwise, torch.Tag.reduction})
"""Operators of these kinds are functions of their arguments."""

REFUSED_TAGS = frozenset({torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output, torch.Tag.inplace_view})
"""Random numbers, values read in Python, and metadata changed in place."""

_NAMES = """
t transpose transpose_ detach alias _unsafe_view _reshape_alias split split_with_sizes unbind unfold narrow lift_fresh
lift_fresh_copy roll stack tril triu view_as_real view_as_complex

empty_like new_empty new_empty_strided new_zeros new_ones new_full zeros zeros_like ones ones_like full_like eye
linspace

copy_ fill_ zero_ masked_fill masked_fill_ index_put index_put_ index_add index_add_ index_copy index_copy_ index_fill
index_fill_ scatter_ scatter_add_ scatter_reduce_

baddbmm addbmm addmv addr mv dot linear linalg_vector_norm _cdist_forward _scaled_dot_product_attention_math
_scaled_dot_product_flash_attention_for_cpu

native_batch_norm _native_batch_norm_legit native_layer_norm native_group_norm _fused_rms_norm _softmax _log_softmax
nll_loss_forward nll_loss2d_forward mse_loss smooth_l1_loss huber_loss binary_cross_entropy glu prelu celu selu mish
softplus _safe_softmax max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d adaptive_max_pool3d
avg_pool1d avg_pool2d avg_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d
upsample_bicubic2d reflection_pad1d reflection_pad2d replication_pad2d

unsafe_split unsafe_split_with_sizes upsample_linear1d upsample_trilinear3d replication_pad1d
hardswish log_sigmoid_forward binary_cross_entropy_with_logits soft_margin_loss multi_margin_loss
pixel_shuffle pixel_unshuffle native_channel_shuffle im2col grid_sampler_3d max_unpool2d _weight_norm_interface

bucketize searchsorted isin kthvalue median nanmedian mode take trace vdot dist renorm complex polar diag_embed
linalg_cross tril_indices triu_indices logspace index_reduce

cumprod logcumsumexp cummax cummin std std_mean var_mean aminmax bincount histc
"""
ALLOWED_NAMES = frozenset(_NAMES.split())
"""Further functions of their arguments, by name: views, new tensors, writes, products, networks, reductions."""


NUMBER_TYPES = frozenset({"number", "float", "Tensor", "Optional[number]", "Optional[float]", "Optional[Tensor]"})
"""Types of parameters, in schemas, that take a number which is only computed with."""

SIZED_BY_NUMBERS = ("arange", "range")
"""Prefixes of operators whose numbers decide the size of the result."""

READABLE = {
    **dict.fromkeys(["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"], torch.float64),
    **dict.fromkeys(["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"], torch.int64),
}
"""The dtypes whose numbers can be read back, and the one that holds such a number as Python does."""


class OperatorNotAllowed(ValueError):
    """A trace calls an operator that does not exist or may not be replayed."""

    line: int | None = None
    """The candidate's line that calls it, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An ATen overload and its aliasing."""

    overload: Any
    """The callable `torch.ops.aten.<name>.<overload>`."""
    parameters: tuple[str, ...]
    """Names of its arguments, by position."""
    written: frozenset[int]
    """Positions of the arguments it writes to."""
    aliases: tuple[int | None, ...]
    """For each result the position of the argument whose memory it shares, or None."""
    allocates: bool
    """True if the result's memory is uninitialised."""
    numbers: frozenset[int] = frozenset()
    """Positions of the arguments that take a number which is only computed with, so that it may be one read back."""

    @property
    def fresh(self) -> bool:
        """True if its results are new tensors."""
        return all(alias is None for alias in self.aliases)


@lru_cache(maxsize=4096)
def operator(qualified: str) -> Operator:
    """Looks up an operator.

    Args:
        qualified: For example `aten::add.Tensor`.

    Raises:
        OperatorNotAllowed: It is not an ATen operator that is a function of its arguments.
    """
    if qualified == READ_BACK:
        return _READ_BACK
    namespace, _, rest = qualified.partition("::")
    name, _, overload_name = rest.partition(".")
    packet = getattr(torch.ops.aten, name, None) if namespace == "aten" else None
    overload = getattr(packet, overload_name, None)
    if not isinstance(overload, torch._ops.OpOverload):
        raise OperatorNotAllowed(f"there is no operator `{qualified}`")
    if not any("Tensor" in str(result.type) for result in overload._schema.returns):
        raise OperatorNotAllowed(f"`{qualified}` can't be replayed: it returns no tensor")
    tags = _tags(name)
    functional = name.removesuffix("_") if _is_in_place(overload) else name
    known = {name, functional} & ALLOWED_NAMES or ALLOWED_TAGS & (tags | _tags(functional))
    if not known or REFUSED_TAGS & tags or name in {"resize", "resize_", "resize_as_", "nonzero"}:
        raise OperatorNotAllowed(f"`{qualified}` can't be replayed: its result is not a function of its arguments")
    return Operator(
        overload=overload,
        parameters=tuple(argument.name for argument in overload._schema.arguments),
        written=frozenset(
            position
            for position, argument in enumerate(overload._schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        ),
        aliases=_aliases(overload._schema),
        allocates=name.startswith(("empty", "new_empty")),
        numbers=number_positions(overload),
    )


def number_positions(overload: Any) -> frozenset[int]:
    """Returns the positions of an overload's arguments that take numbers, but for sizes, dimensions and indices."""
    if overload._opname.startswith(SIZED_BY_NUMBERS):
        return frozenset()
    arguments = overload._schema.arguments
    return frozenset(position for position, item in enumerate(arguments) if str(item.type) in NUMBER_TYPES)


def is_pointwise(qualified: str) -> bool:
    """True for operators that compute every element of their result, a new tensor, from the elements at its place."""
    op = operator(qualified)
    return (
        not op.written
        and torch.Tag.pointwise in getattr(op.overload, "tags", ())
        and all(alias is None for alias in op.aliases)
    )


def read_back(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the number in a one-element tensor as a tensor of its own, without dimensions (see `READ_BACK`).

    Raises:
        ValueError: It has more elements, none, or no number that Python knows.
    """
    dtype = READABLE.get(str(tensor.dtype).removeprefix("torch."))
    if tensor.numel() != 1 or dtype is None:
        raise ValueError(f"{tensor.dtype} of {tensor.numel()} elements can't be read back")
    return tensor.reshape(()).to(dtype, copy=True)


_READ_BACK = Operator(
    overload=read_back, parameters=("self",), written=frozenset(), aliases=(None,), allocates=False
)  # fmt: skip


def _is_in_place(overload: Any) -> bool:
    """True for `add_` and its like, by the schema: torch 2.11 has no tag for them."""
    arguments = overload._schema.arguments
    written = arguments[0].alias_info if arguments else None
    return overload._opname.endswith("_") and written is not None and written.is_write


def _tags(name: str) -> set[torch.Tag]:
    """Returns the tags of an operator's overloads together: torch tags some of them only, most often not `out=`."""
    packet = getattr(torch.ops.aten, name, None)
    if not isinstance(packet, torch._ops.OpOverloadPacket):
        return set()
    overloads = packet.overloads()  # type: ignore[no-untyped-call]
    return {tag for overload in overloads for tag in getattr(packet, overload).tags}


def _aliases(schema: Any) -> tuple[int | None, ...]:
    """Returns, for each result, the position of the argument in whose alias set it is.

    A list of views (`split`) has no named set in Python; such operators have one argument that is aliased.
    """
    sets: dict[str, int] = {}
    for position, argument in enumerate(schema.arguments):
        if argument.alias_info is not None:
            sets.update(dict.fromkeys(argument.alias_info.before_set, position))
    found: list[int | None] = []
    for result in schema.returns:
        if result.alias_info is None:
            found.append(None)
        else:
            names = result.alias_info.before_set or sets
            found.append(next((sets[name] for name in names if name in sets), None))
    return tuple(found)

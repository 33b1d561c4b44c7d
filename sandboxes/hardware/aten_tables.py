"""How single ATen operators differ from "reads its inputs once, writes its outputs once, in one kernel".

The numbers describe PyTorch's eager CUDA kernels; they are counts, not measurements.
"""

FREE_NAMES = frozenset({
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "_unsafe_view",
    "_reshape_alias", "_assert_async", "_assert_scalar", "_assert_tensor_metadata", "lift_fresh",
})  # fmt: skip
"""No kernel, or one whose time is not worth counting, unless an overload writes to an argument; other views are
recognised by their schema."""

OVERWRITING_NAMES = frozenset({
    "copy_", "fill_", "zero_", "normal_", "uniform_", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones",
    "new_full",
})  # fmt: skip
"""Do not read their first argument: they write to it, or take its shape or type from it."""

GATHERING_NAMES = frozenset({
    "embedding", "index", "gather", "index_select", "take", "take_along_dim", "_unsafe_index",
    "nll_loss_forward", "nll_loss2d_forward",
})  # fmt: skip
"""Read of their first argument only as many elements as they return (or as the index has)."""

SCATTERING_NAMES = frozenset({
    "index_put_", "_unsafe_index_put_", "index_add_", "index_copy_", "index_fill_", "scatter_", "scatter_add_",
    "scatter_reduce_",
})  # fmt: skip
"""Touch of their first argument only as many elements as the others bring; read and written."""

REDUCED_LOSSES = frozenset({"mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy"})
"""One kernel writes the loss of every element; unless these are the result, a second one reduces them."""

PASSES: dict[str, tuple[int, int, int]] = {
    "native_batch_norm": (2, 1, 2), "_native_batch_norm_legit": (2, 1, 2), "native_group_norm": (2, 1, 2),
    "_batch_norm_with_update": (2, 1, 2), "cudnn_batch_norm": (2, 1, 2), "logsumexp": (6, 1, 5),
    "sort": (5, 5, 6), "topk": (3, 1, 2), "kthvalue": (4, 1, 1), "median": (4, 1, 1), "unique_dim": (6, 6, 8),
    "histc": (2, 1, 2), "bincount": (2, 1, 2), "nanmedian": (4, 1, 1), "mode": (10, 1, 8), "renorm": (2, 1, 2),
    "native_layer_norm_backward": (2, 1, 2), "native_group_norm_backward": (2, 1, 2),
}  # fmt: skip
"""(reads of every input, writes of every output, kernels) of operators that take more than one pass over
device memory; passes over intermediate results count as passes over the inputs."""

SPECIAL_PER_ELEMENT = dict.fromkeys((
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan",
    "tanh", "sigmoid", "erf", "erfc", "gelu", "silu", "elu", "celu", "selu", "mish", "softplus", "_softmax",
    "_log_softmax", "_safe_softmax", "softmax", "log_softmax", "logsumexp", "pow", "atan", "asin", "acos",
    "sinh", "cosh", "log_sigmoid_forward", "logit", "erfinv", "hardshrink", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "soft_margin_loss", "logaddexp", "logaddexp2", "atan2", "hypot", "angle",
    "asinh", "acosh", "atanh", "xlogy",
), 1) | {
    "mish": 3, "gelu": 2, "pow": 2, "silu": 2, "sigmoid": 2, "tanh": 2, "logcumsumexp": 2, "glu": 2, "polar": 2,
}  # fmt: skip
"""Exponentials, logarithms, roots and reciprocals per element."""

FLOPS_PER_ELEMENT = {
    "native_layer_norm": 8, "native_group_norm": 8, "native_batch_norm": 8, "_native_batch_norm_legit": 8,
    "_fused_rms_norm": 5, "_softmax": 4, "_log_softmax": 4, "_safe_softmax": 4, "gelu": 10,
    "erf": 15, "erfinv": 15, "var": 4, "std": 4,
    "var_mean": 4, "std_mean": 4, "addcmul": 3, "addcdiv": 3, "lerp": 3, "sin": 10, "cos": 10, "tan": 20, "pow": 5,
    "upsample_bilinear2d": 10, "upsample_bicubic2d": 40, "mse_loss": 3, "smooth_l1_loss": 5, "huber_loss": 5,
    "sort": 30, "topk": 10, "mode": 30, "isin": 30, "dist": 3, "linalg_cross": 5, "renorm": 3, "multi_margin_loss": 4,
    "grid_sampler_2d": 40, "grid_sampler_3d": 30, "upsample_linear1d": 5, "upsample_trilinear3d": 20,
    "_weight_norm_interface": 4, "native_layer_norm_backward": 12, "native_group_norm_backward": 12,
    "_native_batch_norm_legit_no_training": 4,
}  # fmt: skip
"""Other operations per element; 1 for operators that are not listed."""

COPYING_NAMES = frozenset({
    "copy_", "clone", "_to_copy", "contiguous", "cat", "stack", "fill_", "zero_", "zeros", "ones", "full",
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "index", "gather",
    "index_select", "embedding", "constant_pad_nd", "flip", "roll", "repeat", "expand_copy", "arange",
    "_unsafe_view",
})  # fmt: skip
"""Move data and compute nothing."""

PRODUCT_NAMES = frozenset({"mv", "addmv", "dot", "vdot", "addr"})
"""Products that `flop_counter` doesn't know: two operations per element of their largest operand."""

DISTANCES = frozenset({"_cdist_forward", "_pdist_forward"})
"""Distances between all rows: products in disguise."""

DISTANCE_FLOPS = 3
"""Operations per pair of elements in `DISTANCES`."""

FFT_FLOPS = 2.5
"""Operations of a real Fourier transform per element and halving of its length."""

SEARCHES = {"searchsorted": 0, "bucketize": -1}
"""Operators that look up every element by halving, and which of their tensors is looked into."""

SERIES = frozenset({"lgamma", "digamma", "polygamma", "igamma", "igammac", "mvlgamma", "i0"})
"""Functions that are summed term by term; all of `special_` are, too."""

SERIES_FLOPS = 50
"""Operations per element of a series."""

POOLS = {
    "avg_pool1d": 1, "avg_pool2d": 2, "avg_pool3d": 3, "max_pool2d_with_indices": 2, "max_pool3d_with_indices": 3,
}  # fmt: skip
"""Operators that compute each element from a window, and the window's dimensions."""

POOL_GRADIENTS = {"avg_pool2d_backward": 2}
"""Operators that spread each element of their first argument over a window, and the window's dimensions."""

SAME_FLOPS = {
    "_scaled_dot_product_flash_attention_for_cpu": "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_fused_attention_overrideable": "_scaled_dot_product_flash_attention",
}
"""Operators that count like another one."""

PRODUCT_KIND = {
    "float64": "fp64", "float16": "fp16", "bfloat16": "bf16", "float8_e4m3fn": "fp8", "float8_e5m2": "fp8",
    "int8": "int8", "uint8": "int8",
}  # fmt: skip

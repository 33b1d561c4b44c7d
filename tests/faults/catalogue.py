"""All seeded faults, and the shapes at which the oracle looks for them."""

from typing import Final

from tests.faults.elementwise import ELEMENTWISE, GATHERING
from tests.faults.fault import SeededFault
from tests.faults.normalisations import NORMALISATIONS
from tests.faults.products import ATTENTION, PRODUCTS
from tests.faults.reductions import REDUCTIONS
from tests.faults.windows import WINDOWS

FAULTS: Final[tuple[SeededFault, ...]] = (
    *ELEMENTWISE,
    *GATHERING,
    *REDUCTIONS,
    *NORMALISATIONS,
    *PRODUCTS,
    *ATTENTION,
    *WINDOWS,
)

HIDDEN_SHAPES: Final[dict[str, list[dict[str, int]]]] = {
    "add_relu": [{"rows": 29, "columns": 37}, {"rows": 3, "columns": 1367}],
    "argmax": [{"rows": 11, "columns": 41}, {"rows": 5, "columns": 9001}],
    "average_pool": [
        {"batch": 3, "channels": 17, "height": 19, "width": 23},
        {"batch": 1, "channels": 2, "height": 8, "width": 70},
    ],
    "batched_matmul": [{"batch": 3, "m": 37, "n": 67, "k": 45}, {"batch": 2, "m": 19, "n": 70, "k": 701}],
    "causal_attention": [
        {"batch": 2, "heads": 2, "sequence": 77, "head_features": 48},
        {"batch": 1, "heads": 2, "sequence": 210, "head_features": 32},
    ],
    "conv2d": [{"batch": 2, "height": 11, "width": 14}, {"batch": 1, "height": 20, "width": 9}],
    "cross_entropy": [{"rows": 19, "classes": 321}, {"rows": 1500, "classes": 5}, {"rows": 2, "classes": 9001}],
    "cumulative_sum": [{"rows": 5, "columns": 37}, {"rows": 1500, "columns": 3}, {"rows": 2, "columns": 5001}],
    "depthwise_conv": [{"batch": 2, "height": 13, "width": 17}, {"batch": 1, "height": 75, "width": 6}],
    "embedding": [{"batch": 3, "sequence": 11}, {"batch": 1, "sequence": 201}],
    "gelu_bias": [{"rows": 37, "columns": 29}, {"rows": 3, "columns": 1367}],
    "group_norm": [{"batch": 2, "height": 7, "width": 9}, {"batch": 1, "height": 21, "width": 13}],
    "histogram": [{"elements": 313}, {"elements": 9001}],
    "huber_loss": [{"rows": 11, "columns": 41}, {"rows": 37, "columns": 20011}],
    "kl_divergence": [{"rows": 11, "classes": 41}, {"rows": 37, "classes": 20011}],
    "layer_norm": [{"rows": 7}, {"rows": 46}],
    "layer_norm_bfloat16": [{"rows": 7}, {"rows": 46}],
    "masked_softmax": [{"rows": 9, "columns": 37}, {"rows": 3, "columns": 1201}],
    "matmul": [{"m": 45, "n": 67, "k": 99}, {"m": 5, "n": 201, "k": 301}],
    "matmul_bias_relu": [{"rows": 9}, {"rows": 77}],
    "matmul_float16": [{"rows": 7}, {"rows": 77}],
    "matmul_gelu_residual": [{"rows": 9}, {"rows": 77}],
    "max_pool": [
        {"batch": 3, "channels": 17, "height": 19, "width": 23},
        {"batch": 1, "channels": 2, "height": 8, "width": 70},
    ],
    "mean_and_variance": [{"rows": 11, "columns": 41}, {"rows": 5, "columns": 3001}],
    "rms_norm": [{"batch": 2, "sequence": 7}, {"batch": 1, "sequence": 19}],
    "rope": [
        {"batch": 2, "heads": 3, "sequence": 11, "head_features": 24},
        {"batch": 1, "heads": 2, "sequence": 70, "head_features": 40},
    ],
    "row_sum": [{"rows": 11, "columns": 300}, {"rows": 3, "columns": 70001}],
    "scatter_add": [{"edges": 501, "features": 37}, {"edges": 77, "features": 201}],
    "segment_cumulative_sum": [{"rows": 9, "columns": 61}, {"rows": 2, "columns": 3001}],
    "softmax": [{"rows": 9, "columns": 61}, {"rows": 3, "columns": 3001}],
    "softmax_float16": [{"rows": 9, "columns": 61}, {"rows": 3, "columns": 2049}],
    "swiglu": [{"rows": 9, "features": 61}, {"rows": 301, "features": 3}],
    "transpose": [{"rows": 29, "columns": 37}, {"rows": 70, "columns": 5}],
    "transposed_matmul": [{"m": 45, "n": 67, "k": 99}, {"m": 5, "n": 201, "k": 301}],
}
"""Awkward sizes that are no check shapes, by problem."""

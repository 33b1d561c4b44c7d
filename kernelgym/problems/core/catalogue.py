"""What is said about the built-in problems; the references themselves are files in `references/`.

Those files are package data: they are read as text and run only where a reference is run.
"""

from importlib.resources import files
from typing import Final

from kernelgym.problems.problem import Difficulty, Problem
from sandboxes.contracts import Reference

CATALOGUE: Final[dict[str, tuple[str, Difficulty, tuple[str, ...]]]] = {
    "add_relu": ("Sum of two matrices, then ReLU", "easy", ("elementwise",)),
    "gelu_bias": ("Bias, then the exact GELU", "easy", ("elementwise", "broadcast")),
    "row_sum": ("Sum of each row: few rows, many columns", "medium", ("reduction",)),
    "softmax": ("Softmax over the rows of a matrix", "easy", ("reduction", "normalisation")),
    "layer_norm": ("Layer normalisation with weight and bias", "medium", ("reduction", "normalisation", "weights")),
    "rms_norm": ("Root-mean-square normalisation with weight", "easy", ("reduction", "normalisation", "weights")),
    "matmul": ("Product of two float32 matrices", "medium", ("matmul",)),
    "matmul_bias_relu": ("Linear layer, then ReLU", "medium", ("matmul", "fusion", "weights")),
    "causal_attention": ("Causal attention on transposed float16 views", "hard", ("attention", "matmul", "float16")),
    "max_pool": ("Two-dimensional max pooling with stride and padding", "medium", ("pooling", "stencil")),
    "cumulative_sum": ("Running sum along the rows of a matrix", "medium", ("scan",)),
    "cross_entropy": ("Mean cross entropy against class indices", "medium", ("reduction", "loss", "gather", "int64")),
    "embedding": ("Scaled token embedding plus position embedding", "easy", ("gather", "int64", "weights")),
    "scatter_add": ("Sum of the rows that an index sends to each node", "medium", ("scatter", "atomics", "int64")),
    "group_norm": ("Group normalisation with weight and bias", "medium", ("reduction", "normalisation", "weights")),
    "argmax": ("Index of the largest element of each row", "medium", ("reduction", "int64")),
    "histogram": ("Counts of elements by bin", "medium", ("histogram", "atomics", "int64")),
    "mean_and_variance": ("Mean and variance of each row, as a pair", "easy", ("reduction", "tuple")),
    "softmax_float16": ("Softmax over the rows of a float16 matrix", "easy", ("reduction", "normalisation", "float16")),
    "kl_divergence": ("Mean Kullback-Leibler divergence", "medium", ("reduction", "loss")),
    "huber_loss": ("Mean Huber loss", "medium", ("elementwise", "reduction", "loss")),
    "segment_cumulative_sum": ("Running sum that starts again at flags", "hard", ("scan", "bool")),
    "masked_softmax": ("Softmax over the elements that a mask keeps", "easy", ("reduction", "normalisation", "bool")),
    "conv2d": ("Two-dimensional convolution with stride and bias", "hard", ("convolution", "matmul", "weights")),
    "depthwise_conv": ("Depthwise two-dimensional convolution", "medium", ("convolution", "stencil", "weights")),
    "transposed_matmul": ("Product of a transposed float32 matrix and another", "medium", ("matmul",)),
    "batched_matmul": ("Products of two batches of bfloat16 matrices", "medium", ("matmul", "bfloat16")),
    "matmul_float16": ("Linear layer without bias in float16", "medium", ("matmul", "float16", "weights")),
    "matmul_gelu_residual": ("Linear layer, tanh GELU, then a residual", "medium", ("matmul", "fusion", "weights")),
    "swiglu": ("SwiGLU of a packed input", "easy", ("elementwise",)),
    "rope": ("Rotary position embedding", "easy", ("elementwise", "broadcast")),
    "transpose": ("Transpose of a scaled matrix, plus another matrix", "medium", ("elementwise", "layout")),
    "average_pool": ("Two-dimensional average pooling that leaves out the padding", "medium", ("pooling", "stencil")),
    "layer_norm_bfloat16": (
        "Layer normalisation in bfloat16",
        "medium",
        ("reduction", "normalisation", "bfloat16", "weights"),
    ),
}
"""Title, difficulty and tags of each problem by its name."""


def core_problems() -> list[Problem]:
    """Returns the built-in problems in the order of the catalogue; their ids are `core/<name>`."""
    references = files("kernelgym.problems.core") / "references"
    return [
        Problem(
            reference=Reference(id=f"core/{name}", source=(references / f"{name}.py").read_text(encoding="utf-8")),
            title=title,
            difficulty=difficulty,
            tags=tags,
        )
        for name, (title, difficulty, tags) in CATALOGUE.items()
    ]

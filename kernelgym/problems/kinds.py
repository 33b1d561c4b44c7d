"""Kinds of work of a reference, read off its calls: the tags of problems that nobody has tagged.

Conservative: a call counts only if its name leaves no doubt, so a tag may be missing but is hardly ever wrong.
"""

import ast
from collections.abc import Iterator
from itertools import chain
from typing import Final

FUSABLE: Final = (
    "matmul", "convolution", "attention", "recurrent", "pooling", "normalisation", "reduction", "scan", "loss",
)  # fmt: skip
"""Kinds that a kernel of their own can compute; two of them, or one and an activation, ask for `fusion`."""

MATMUL: Final = (
    "matmul mm bmm addmm baddbmm addbmm mv addmv einsum tensordot linear bilinear Linear LazyLinear Bilinear"
)
CONVOLUTION: Final = " ".join(
    [f"{name}{n}d" for n in (1, 2, 3) for name in ("conv", "conv_transpose", "Conv", "ConvTranspose", "LazyConv")]
)
POOLING: Final = " ".join(
    [
        f"{name}{n}d"
        for n in (1, 2, 3)
        for name in (
            "max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool",
            "MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool",
        )
    ]
)  # fmt: skip
NORMALISATION: Final = (
    "softmax log_softmax softmin layer_norm group_norm batch_norm instance_norm rms_norm normalize local_response_norm"
    " Softmax Softmax2d LogSoftmax LayerNorm GroupNorm BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d"
    " InstanceNorm2d InstanceNorm3d RMSNorm LocalResponseNorm"
)
REDUCTION: Final = (
    "sum mean prod amax amin argmax argmin logsumexp var std var_mean std_mean vector_norm"
    " softmax log_softmax layer_norm group_norm batch_norm instance_norm rms_norm"
    " Softmax LogSoftmax LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d RMSNorm"
)
SCAN: Final = "cumsum cumprod cummax cummin logcumsumexp"
LOSS: Final = (
    "cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss kl_div binary_cross_entropy"
    " binary_cross_entropy_with_logits cosine_embedding_loss triplet_margin_loss margin_ranking_loss"
    " hinge_embedding_loss CrossEntropyLoss NLLLoss MSELoss L1Loss SmoothL1Loss HuberLoss KLDivLoss BCELoss"
    " BCEWithLogitsLoss CosineEmbeddingLoss TripletMarginLoss MarginRankingLoss HingeEmbeddingLoss"
)
ATTENTION: Final = "scaled_dot_product_attention MultiheadAttention TransformerEncoderLayer TransformerDecoderLayer"
RECURRENT: Final = "RNN LSTM GRU RNNCell LSTMCell GRUCell"
GATHER: Final = "gather index_select take_along_dim embedding embedding_bag Embedding EmbeddingBag"
ACTIVATION: Final = (
    "relu relu6 leaky_relu elu selu celu gelu silu mish sigmoid tanh softplus softsign hardtanh hardsigmoid hardswish"
    " logsigmoid"
    " ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign Hardtanh Hardsigmoid Hardswish"
    " LogSigmoid"
)
ELEMENTWISE: Final = f"{ACTIVATION} exp log sqrt rsqrt abs clamp clamp_min clamp_max where minimum maximum"
WEIGHTS: Final = (
    f"Parameter Linear LazyLinear Bilinear Embedding EmbeddingBag LayerNorm GroupNorm RMSNorm BatchNorm1d BatchNorm2d"
    f" BatchNorm3d MultiheadAttention {RECURRENT} "
    + " ".join(name for name in CONVOLUTION.split() if name[0].isupper())
)

CALLS: Final = {
    "matmul": MATMUL,
    "convolution": CONVOLUTION,
    "attention": ATTENTION,
    "recurrent": RECURRENT,
    "pooling": POOLING,
    "normalisation": NORMALISATION,
    "reduction": REDUCTION,
    "scan": SCAN,
    "loss": LOSS,
    "gather": GATHER,
    "elementwise": ELEMENTWISE,
    "activation": ACTIVATION,
    "weights": WEIGHTS,
}
"""Names of torch's functions, methods and modules by the kind of work that they are."""

KINDS: Final = (*(kind for kind in CALLS if kind != "activation"), "fusion")
"""All tags that are derived."""

_KINDS_OF: Final = {
    name: tuple(kind for kind, names in CALLS.items() if name in names.split())
    for name in chain.from_iterable(names.split() for names in CALLS.values())
}
_MAKERS: Final = {"get_inputs", "get_init_inputs"}
_ELSEWHERE: Final = {"self", "math", "np", "numpy", "cls"}
"""What the name of a method says nothing about: `self.norm(x)` calls whatever the module calls `norm`."""


def kinds_of_work(module: ast.Module) -> tuple[str, ...]:
    """Returns the kinds of work that a reference's classes and functions do, in the order of `KINDS`."""
    found = set(chain.from_iterable(_kinds(node) for node in _working_nodes(module)))
    fusable = [kind for kind in FUSABLE if kind in found]
    if {"normalisation", "reduction"} <= set(fusable):  # normalising is reducing: one operation
        fusable.remove("reduction")
    if (fusable and "activation" in found) or (len(fusable) > 1 and "attention" not in fusable):
        found.add("fusion")  # attention as such is several of these, and one operation
    if fusable:
        found.discard("elementwise")  # every problem does some arithmetic on the side
    return tuple(kind for kind in KINDS if kind in found)


def _working_nodes(module: ast.Module) -> Iterator[ast.AST]:
    """Yields the nodes of everything that takes part in `forward` or in building the module."""
    for statement in module.body:
        if isinstance(statement, ast.ClassDef) or (
            isinstance(statement, ast.FunctionDef) and statement.name not in _MAKERS
        ):
            yield from ast.walk(statement)


def _kinds(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return ("matmul",)
    if isinstance(node, ast.ClassDef) and "Attention" in node.name:
        return ("attention",)
    if not isinstance(node, ast.Call):
        return ()
    if isinstance(node.func, ast.Name):  # a bare name may be Python's own `sum`; modules are not mistaken
        return _KINDS_OF.get(node.func.id, ()) if node.func.id[0].isupper() else ()
    if not isinstance(node.func, ast.Attribute):
        return ()
    owner = node.func.value
    if isinstance(owner, ast.Name) and owner.id in _ELSEWHERE:
        return ()
    if node.func.attr in {"max", "min", "norm"}:
        return ("reduction",) if _reduces(node, owner) else ()
    return _KINDS_OF.get(node.func.attr, ())


def _reduces(call: ast.Call, owner: ast.expr) -> bool:
    """True for `torch.max(x, dim=1)` and `torch.norm(x)`, not for `torch.max(x, y)`, which reduces nothing."""
    whole = isinstance(owner, ast.Name) and owner.id == "torch" and len(call.args) == 1
    return whole or any(keyword.arg == "dim" for keyword in call.keywords)

"""How much of its pairs of queries and keys an attention operator looks at.

`torch.utils.flop_counter` counts causal attention in full, but fused kernels skip blocks of keys that no query of a
block may see: FlashAttention-2 (Dao 2023, arXiv:2307.08691, section 3.1) and PyTorch's memory-efficient kernel both do.
The speed that papers report for causal attention is that of the half, too.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import torch

from sandboxes.contracts import Argument, AtenCall, TensorRef, TensorSpec

WHOLE = Fraction(1)


def seen_share(call: AtenCall, values: Sequence[TensorSpec]) -> Fraction:
    """Returns the share of all pairs that a fused attention operator needs; 1 for whatever is not causal.

    Query `i` sees keys `0` to `i`, also where there are more keys than queries, as `scaled_dot_product_attention` says.
    Operators that write the matrix of all pairs, and float64, for which no fused kernel exists, compute all of them.

    Args:
        call: Any operator.
        values: `Trace.values`.
    """
    arguments = _by_name(call) if "_attention" in call.operator and "_math" not in call.operator else {}
    if arguments.get("is_causal") is not True:
        return WHOLE
    query, key = (_spec(arguments.get(name), values) for name in ("query", "key"))
    if query is None or key is None or len(query.shape) != 4 or len(key.shape) != 4 or query.dtype == "float64":
        return WHOLE
    queries, keys = query.shape[2], key.shape[2]
    if not queries or not keys:
        return WHOLE
    return Fraction(seen_pairs(queries, keys), queries * keys)


def seen_pairs(queries: int, keys: int) -> int:
    """Returns the pairs that a causal head looks at."""
    both = min(queries, keys)
    return both * (both + 1) // 2 + (queries - both) * keys


def visited_keys(queries: int, keys: int, rows: int, columns: int) -> list[int]:
    """Returns how many keys each block of queries of a causal kernel visits: whole blocks up to its last query.

    Args:
        queries: Of one head.
        keys: Of one head.
        rows: Queries of a block.
        columns: Keys of a block.
    """
    last = (min((block + 1) * rows, queries) for block in range(ceil(queries / rows)))
    return [min(ceil(each / columns) * columns, keys) for each in last]


def _by_name(call: AtenCall) -> dict[str, Argument]:
    """Returns the arguments of a call by parameter; nothing if this PyTorch doesn't have the operator."""
    namespace, _, rest = call.operator.partition("::")
    name, _, overload = rest.partition(".")
    found = getattr(getattr(getattr(torch.ops, namespace), name, None), overload, None)
    names = [argument.name for argument in found._schema.arguments] if found is not None else []
    return {**dict(zip(names, call.args, strict=False)), **call.kwargs}


def _spec(argument: Argument, values: Sequence[TensorSpec]) -> TensorSpec | None:
    return values[argument.id] if isinstance(argument, TensorRef) else None

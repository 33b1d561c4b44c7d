"""An estimate of the memory of one process, part by part: what is held for certain, so a lower bound and no limit.

Temporary tensors of the optimizer, scores of an attention that is not fused, the allocator and torch itself are not in
it. Measured on a CPU, peaks of four small models were 1.7 to 2.4 times the estimate; on a GPU it was not measured.
"""

from dataclasses import dataclass
from typing import Final

from policies.training.plans.model_shape import count_lora, count_parameters
from policies.training.recipes.recipe_sections import ModelSection, Shape

BYTES: Final = {"float32": 4, "bfloat16": 2}

TILE: Final = (4096, 32768)
"""Tokens and vocabulary entries of one tile in which TRL's loss computes logits: there are never more at a time."""

LAYER_WIDTHS: Final = 8
"""Tensors of the width `hidden` that a layer keeps for its backward pass, beside those of attention and MLP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes of one process without sharding; the parts that other processes could share come first."""

    weights: int
    gradients: int
    optimizer: int
    """Two moments per trained weight."""
    reference: int
    """The frozen model that a divergence is measured from."""
    casts: int
    """Copies of the weights in the type that is computed in."""
    activations: int
    logits: int
    cache: int
    """Keys and values while episodes are sampled; not there at the same time as activations and logits."""

    @property
    def peak(self) -> int:
        """Returns the larger of what learning and sampling take together with what is always there."""
        always = self.weights + self.gradients + self.optimizer + self.reference + self.casts
        return always + max(self.activations + self.logits, self.cache)


def estimate_memory(
    model: ModelSection,
    shape: Shape,
    *,
    row_tokens: int,
    rows: int,
    sampled_rows: int,
    autocast: bool,
    checkpointing: bool,
    reference: bool,
) -> Memory:
    """Returns what a process needs.

    Args:
        model: Which weights are trained, in which type.
        shape: Its numbers.
        row_tokens: Of the longest row.
        rows: Of one backward pass.
        sampled_rows: Episodes that are sampled together; 0: none are.
        autocast: Computes in bfloat16.
        checkpointing: Keeps one activation per layer.
        reference: A second model is held.
    """
    size = BYTES[model.dtype]
    compute = 2 if autocast else size
    parameters = count_parameters(shape)
    trained = parameters if model.lora is None else count_lora(shape, model.lora.rank)
    trained_size = size if model.lora is None else 4
    tokens = row_tokens * rows
    attention = shape.heads * shape.head_dim + 2 * shape.kv_heads * shape.head_dim
    layer = tokens * (LAYER_WIDTHS * shape.hidden + 2 * attention + 3 * shape.intermediate) * compute
    kept = shape.layers * tokens * shape.hidden * compute + layer if checkpointing else shape.layers * layer
    tile = min(tokens, TILE[0]) * min(shape.vocabulary, TILE[1]) * 4
    head = shape.vocabulary * shape.hidden * 4 if model.lora is None else 0  # its gradient is summed in float32
    cache = sampled_rows * row_tokens * 2 * shape.layers * shape.kv_heads * shape.head_dim * compute
    return Memory(
        weights=parameters * size + (trained * trained_size if model.lora is not None else 0),
        gradients=trained * trained_size,
        optimizer=2 * trained * trained_size,
        reference=parameters * size if reference and model.lora is None else 0,
        casts=parameters * 2 if autocast and size == 4 else 0,
        activations=kept,
        logits=tile + head,
        cache=cache,
    )

"""How large a model is, from its `config.json` on this machine or from the recipe; no weights are loaded."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies.training.recipes.recipe_sections import ModelSection, Shape

CACHE: Final = Path(".cache/huggingface/hub")
"""Where the Hugging Face hub keeps models below the home directory, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownShape:
    """A model's numbers, and who said so."""

    shape: Shape | None
    """None: nobody knows."""
    found_at: Path | None
    """Folder of the model on this machine; None: it is not here."""


def find_shape(model: ModelSection, environment: Mapping[str, str] = os.environ) -> KnownShape:
    """Returns what is known of a model without loading it; the model's own numbers go before the recipe's."""
    folder = find_model(model, environment)
    read = None if folder is None else _read(folder)
    return KnownShape(shape=read or model.shape, found_at=folder)


def find_model(model: ModelSection, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Returns the folder of a model on this machine: the path itself, or its newest snapshot in the hub's cache."""
    own = Path(model.path)
    if (own / "config.json").is_file():
        return own
    home = Path(environment.get("HOME", "~")).expanduser()
    hub = environment.get("HF_HUB_CACHE") or (f"{environment['HF_HOME']}/hub" if "HF_HOME" in environment else None)
    snapshots = (Path(hub) if hub else home / CACHE) / f"models--{model.path.replace('/', '--')}" / "snapshots"
    found = [path.parent for path in snapshots.glob("*/config.json")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def count_parameters(shape: Shape) -> int:
    """Returns the weights of a decoder with grouped-query attention and a gated MLP, without norms and biases."""
    if shape.parameters is not None:
        return shape.parameters
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return embeddings + shape.layers * sum(inputs * outputs for inputs, outputs in linear_layers(shape))


def count_lora(shape: Shape, rank: int) -> int:
    """Returns the weights of low-rank additions to all linear modules of all layers."""
    return shape.layers * sum(rank * (inputs + outputs) for inputs, outputs in linear_layers(shape))


def linear_layers(shape: Shape) -> tuple[tuple[int, int], ...]:
    """Returns inputs and outputs of the linear modules of one layer: query, key, value, output, gate, up, down."""
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    hidden, inner = shape.hidden, shape.intermediate
    return (
        (hidden, query), (hidden, key), (hidden, key), (query, hidden), (hidden, inner), (hidden, inner),
        (inner, hidden),
    )  # fmt: skip


def _read(folder: Path) -> Shape | None:
    """Returns the numbers in `config.json`; None if it is of a family that names them otherwise."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        heads = config["num_attention_heads"]
        return Shape(
            layers=config["num_hidden_layers"], hidden=config["hidden_size"],
            intermediate=config["intermediate_size"], heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            vocabulary=config["vocab_size"], context=config["max_position_embeddings"],
            tied=bool(config.get("tie_word_embeddings", False)),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        return None

"""The model and the tokenizer that a recipe names, loaded to be trained; code that comes with a model is never run."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernelgym.errors import BadUsage, first_line
from policies.training.plans.model_shape import find_model
from policies.training.recipes.recipe_sections import ModelSection, Trainer

Value = TypeVar("Value")


def load_tokenizer(model: ModelSection) -> Any:
    """Returns the tokenizer, with the recipe's chat template as its own.

    Raises:
        BadUsage: It can't be loaded, or there is no template; says what to do.
    """
    tokenizer = _loaded(model, lambda where, how: AutoTokenizer.from_pretrained(where, **how))
    if model.chat_template is not None:
        try:
            tokenizer.chat_template = model.chat_template.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadUsage(f"model.chat_template {model.chat_template} can't be read ({reason})") from error
    if not tokenizer.chat_template:
        raise BadUsage(f"the tokenizer of {model.path} has no chat template; give one by model.chat_template=FILE")
    if model.end_token is not None:
        if model.end_token not in tokenizer.get_vocab():
            raise BadUsage(f"model.end_token is {model.end_token!r}, which is no token of {model.path}")
        tokenizer.eos_token = model.end_token
    if tokenizer.pad_token is None:  # padding is masked, so any token does
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(model: ModelSection, tokenizer: Any) -> Any:
    """Returns the model in the recipe's type, on the CPU; the trainer moves it.

    Args:
        model: Which.
        tokenizer: Its tokenizer; with a recipe's own end of actions, the model's is the same from now on.

    Raises:
        BadUsage: It can't be loaded; says what to do.
    """
    dtype = getattr(torch, model.dtype)
    loaded: Any = _loaded(model, lambda where, how: AutoModelForCausalLM.from_pretrained(where, dtype=dtype, **how))
    if model.end_token is not None:
        loaded.config.eos_token_id = loaded.generation_config.eos_token_id = tokenizer.eos_token_id
    return loaded


def adapter_config(model: ModelSection) -> Any:
    """Returns what peft adds to the model; None: its own weights are trained."""
    if model.lora is None:
        return None
    from peft import LoraConfig  # noqa: PLC0415 - slow to import, and few need it

    lora, targets = model.lora, model.lora.targets
    return LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout,  # type: ignore[arg-type] # peft scales by floats
        target_modules=targets if isinstance(targets, str) else list(targets), task_type="CAUSAL_LM",
    )  # fmt: skip


def check_device(trainer: Trainer) -> None:
    """Checks that there is something to train on.

    Raises:
        BadUsage: There is no GPU, and the recipe does not name the CPU.
    """
    if not trainer.cpu and not torch.cuda.is_available():
        raise BadUsage("there is no GPU on this machine; trainer.cpu=true trains on the CPU")


def _loaded(model: ModelSection, load: Callable[[str, dict[str, Any]], Value]) -> Value:
    where, how = model.path, {"revision": model.revision, "local_files_only": not model.download}
    try:
        return load(where, how)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        reason = first_line(error)
        if find_model(model) is not None or model.download:
            raise BadUsage(f"the model {where} can't be loaded ({reason}); give the folder of a model with its "
                           "tokenizer by model.path") from error  # fmt: skip
        raise BadUsage(f"the model {where} is not on this machine; give a folder by model.path, or allow to download "
                       "it by model.download=true") from error  # fmt: skip

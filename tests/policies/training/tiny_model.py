"""A random causal language model of 20,000 parameters over the tokens of `byte_tokenizer`."""

from typing import TYPE_CHECKING, Any

from tests.policies.training.byte_tokenizer import byte_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


def tiny_model(seed: int = 0, context: int = 16_384, **config: Any) -> "LlamaForCausalLM":
    import torch  # noqa: PLC0415 - seconds to import
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(seed)
    tokenizer = byte_tokenizer()
    given = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": context,
        "initializer_range": 0.2, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**given | config))

"""The demo's language model: as small as one can be that writes programs, made here with random weights."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def tiny_model(
    tokenizer: PreTrainedTokenizerFast, *, seed: int, hidden: int = 128, layers: int = 2, context: int = 1024
) -> LlamaForCausalLM:
    """Returns a model of about half a million weights; equal for equal seeds.

    Args:
        tokenizer: Decides the vocabulary and the special tokens.
        seed: Of the weights.
        hidden: Width; heads have 32 each.
        layers: Of attention and MLP.
        context: Longest sequence, tokens.
    """
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=layers,
        num_attention_heads=hidden // 32, max_position_embeddings=context, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)

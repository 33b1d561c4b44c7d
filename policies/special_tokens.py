"""Special tokens that somebody wrote out as text: nobody may speak for another role by spelling its marks."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def special_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, ...]:
    """Returns the texts that a tokenizer turns into special tokens."""
    return tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content)


def harmless(text: str, special: tuple[str, ...]) -> str:
    """Returns a text in which a space breaks up every special token that is spelled in it."""
    for token in special:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text

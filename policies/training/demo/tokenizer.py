"""A tokenizer learned from the demo's own corpus: byte-level pair encoding, which can spell any text and loses nothing.

Words keep the white space before them and numbers stand alone, so that a program is some hundred tokens and each
decision in it is a token or two. The chat template only appends: the tokens of a chat are a prefix of those of a longer
one.
"""

from collections.abc import Iterable
from typing import Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END: Final = "<|end|>"
PAD: Final = "<|pad|>"
ROLES: Final = ("system", "user", "assistant")
SPECIAL: Final = (PAD, END, *(f"<|{role}|>" for role in ROLES))

WORDS: Final = r"\s*\d+|\s*[^\s\d]+|\s+"
"""What pairs are not merged across."""

TEMPLATE: Final = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Chat template; the end of turn is also the end of the sequence, so that it is what a model stops with."""


def train_tokenizer(texts: Iterable[str], *, size: int = 1024) -> PreTrainedTokenizerFast:
    """Returns a tokenizer of at most `size` tokens.

    Args:
        texts: What it is learned from: prompts, completions and feedback.
        size: Tokens, among them 256 bytes and `SPECIAL`.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, padding_side="left", chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
        additional_special_tokens=[f"<|{role}|>" for role in ROLES],
    )  # fmt: skip

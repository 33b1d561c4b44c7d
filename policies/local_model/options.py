"""How a local model is loaded and sampled, read from texts as a command line gives them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage

DTYPES: Final = ("auto", "float32", "bfloat16", "float16")

_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModelOptions:
    """What a local model is asked for.

    Raises:
        BadUsage: A value is out of range.
    """

    model: str
    """A folder, or the name of a model on the Hugging Face hub that has been downloaded before."""
    revision: str | None
    """Branch, tag or commit of a model of the hub."""
    dtype: str
    """Of the weights; `auto`: as they are stored."""
    device: str
    """Of torch; `auto`: the GPU if there is one."""
    max_new_tokens: int
    """Most tokens of a completion."""
    temperature: float
    """0: always the most likely token."""
    top_p: float
    """Share of the probability among which is chosen."""
    batch_size: int
    """Most completions that are generated together."""
    batch_wait_s: float
    """Time for which a batch waits for more requests, seconds."""
    chat_template: Path | None
    """A file with the template by which chats become text; None: the tokenizer's own."""
    download: bool
    """Whether what is missing may be downloaded."""

    def __post_init__(self) -> None:
        if not self.model:
            raise _unusable("model", self.model, "give a folder, or the name of a model")
        if self.dtype not in DTYPES:
            raise _unusable("dtype", self.dtype, f"give {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise _unusable(name, getattr(self, name), "give at least 1")
        for name in ("temperature", "batch_wait_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise _unusable(name, getattr(self, name), "give 0 or more")
        if not 0 < self.top_p <= 1:
            raise _unusable("top_p", self.top_p, "give a number above 0, at most 1")


def read_whole(name: str, text: str) -> int:
    """Returns the integer that `text` says.

    Raises:
        BadUsage: It says none; names the option.
    """
    try:
        return int(text)
    except ValueError:
        raise _unusable(name, text, "give a whole number") from None


def read_number(name: str, text: str) -> float:
    """Returns the number that `text` says.

    Raises:
        BadUsage: It says none; names the option.
    """
    try:
        return float(text)
    except ValueError:
        raise _unusable(name, text, "give a number") from None


def read_truth(name: str, text: str) -> bool:
    """Returns whether `text` says yes.

    Raises:
        BadUsage: It says neither yes nor no; names the option.
    """
    if text.lower() not in _TRUTH:
        raise _unusable(name, text, "give yes or no")
    return _TRUTH[text.lower()]


def _unusable(name: str, value: object, remedy: str) -> BadUsage:
    return BadUsage(f"the policy `transformers` can't use {name}={value}; {remedy}")

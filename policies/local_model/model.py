"""A language model on this machine: from a chat to tokens, from tokens to completions, many at a time.

Imports torch and transformers; loaded when the first episode begins.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from kernelgym.chat import Message
from kernelgym.errors import BadUsage, first_line
from policies.errors import ChatTooLong, PolicyBroken
from policies.local_model.options import LocalModelOptions
from policies.local_model.sampling import RowSampler, StopWhen
from policies.special_tokens import harmless, special_tokens


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat as the model reads it."""

    tokens: tuple[int, ...]
    seed: int
    """Of the noise by which its completion is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What the model wrote."""

    text: str
    tokens: int
    """Including the one that ended it."""
    finish_reason: str
    """`stop`: the model ended it; `length`: it would have gone on."""


class LocalModel:
    """A model and its tokenizer, loaded.

    Args:
        options: Which, and how it is sampled.
        stopped: Ends a generation when it is set.

    Raises:
        BadUsage: They can't be loaded, or don't know how to write a chat; says what to do.
    """

    def __init__(self, options: LocalModelOptions, stopped: threading.Event) -> None:
        self._options = options
        self._stopped = stopped
        self._tokenizer = _load(AutoTokenizer, options)
        self._template = _template(options, self._tokenizer)
        self._special = special_tokens(self._tokenizer)
        device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _load(AutoModelForCausalLM, options, dtype=options.dtype)
        try:
            self._model = self._model.to(device).eval()
        except (RuntimeError, AssertionError) as error:
            raise BadUsage(
                f"the model {options.model} can't be put on the device {device} ({first_line(error)})"
            ) from error
        self._ends = _ends(self._model, self._tokenizer)
        # its defaults would change how tokens are drawn
        self._model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        self._busy = threading.Lock()  # tokenizers can't be used by two threads at once

    @property
    def context(self) -> int | None:
        """Most tokens of a chat and its completion; None: nobody says."""
        length = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        return length if isinstance(length, int) else None

    def read(self, chat: Sequence[Message], seed: int) -> Prompt:
        """Returns a chat as tokens. Special tokens in its texts are broken up, so that nobody speaks for another role.

        Raises:
            BadUsage: The template does not take such a chat.
            ChatTooLong: It leaves no room for a completion.
        """
        messages = [
            {"role": str(message.role), "content": harmless(message.content, self._special)} for message in chat
        ]
        with self._busy:
            try:
                text = self._tokenizer.apply_chat_template(
                    messages, chat_template=self._template, add_generation_prompt=True, tokenize=False
                )
            except TemplateError as error:
                raise BadUsage(
                    f"the chat template of {self._options.model} does not take this chat ({first_line(error)}); give "
                    "another one by --policy-option chat_template=FILE"
                ) from error
            tokens = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if self.context is not None and len(tokens) + self._options.max_new_tokens > self.context:
            raise ChatTooLong(len(tokens), self._options.max_new_tokens, self.context)
        return Prompt(tuple(tokens), seed)

    def complete(self, prompts: Sequence[Prompt]) -> list[Generated]:
        """Returns a completion of each prompt; for one thread at a time.

        Apart from rounding, it depends on the prompt alone, and not on those that share its batch.

        Raises:
            PolicyBroken: torch failed.
        """
        options, device = self._options, self._model.device
        longest = max(len(prompt.tokens) for prompt in prompts)
        pad = self._ends[0] if self._ends else 0
        padded = [[pad] * (longest - len(prompt.tokens)) + list(prompt.tokens) for prompt in prompts]
        mask = [[0] * (longest - len(prompt.tokens)) + [1] * len(prompt.tokens) for prompt in prompts]
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False, max_new_tokens=options.max_new_tokens, pad_token_id=pad, eos_token_id=self._ends or None
        )
        seeds = [prompt.seed for prompt in prompts]
        try:
            with torch.inference_mode():
                out = self._model.generate(
                    input_ids=torch.tensor(padded, device=device),
                    attention_mask=torch.tensor(mask, device=device),
                    generation_config=config,
                    logits_processor=[RowSampler(seeds, options.temperature, options.top_p, device)],
                    stopping_criteria=[StopWhen(self._stopped)],
                )
        except RuntimeError as error:
            raise PolicyBroken(
                f"the model {options.model} failed ({first_line(error)}); if the memory is full, ask for fewer tokens "
                "or a smaller dtype"
            ) from error
        return [self._generated(row) for row in out[:, longest:].tolist()]

    def _generated(self, tokens: list[int]) -> Generated:
        end = next((index for index, token in enumerate(tokens) if token in self._ends), None)
        written = tokens if end is None else tokens[: end + 1]
        with self._busy:
            text = self._tokenizer.decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Generated(text=text, tokens=len(written), finish_reason="length" if end is None else "stop")


def _load(auto: Any, options: LocalModelOptions, **how: Any) -> Any:
    try:
        return auto.from_pretrained(
            options.model, revision=options.revision, local_files_only=not options.download, **how
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        if options.download or Path(options.model).is_dir():
            remedy = f"can't be loaded ({first_line(error)}); give the folder of a model with its tokenizer"
        else:
            remedy = "is not on this machine; give a folder, or allow to download it by --policy-option download=yes"
        raise BadUsage(f"the model {options.model} {remedy}") from error


def _template(options: LocalModelOptions, tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Returns the template of the options; None if the tokenizer has one and none was given."""
    if options.chat_template is not None:
        try:
            return options.chat_template.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BadUsage(f"the chat template {options.chat_template} can't be read ({first_line(error)})") from error
    if not tokenizer.chat_template:
        raise BadUsage(
            f"the tokenizer of {options.model} has no chat template; choose a model that was trained for chats, or "
            "give one by --policy-option chat_template=FILE"
        )
    return None


def _ends(model: Any, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Returns the tokens that end a completion."""
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return list(dict.fromkeys(end for end in [*ends, tokenizer.eos_token_id] if end is not None))

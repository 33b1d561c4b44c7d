"""The policy `transformers`: a model on this machine, loaded when the first episode begins.

Players act in threads of their own; what they ask at about the same time is generated together.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from kernelgym.chat import Completion, Message, Usage
from kernelgym.problems import Problem
from policies.errors import PolicyClosed, PolicyUnavailable
from policies.local_model.batching import Batcher
from policies.local_model.options import LocalModelOptions, read_number, read_truth, read_whole

if TYPE_CHECKING:
    from policies.local_model.model import Generated, LocalModel, Prompt


class LocalModelPolicy:
    """Asks a local model; every option is a text.

    Args:
        model: A folder, or the name of a model on the Hugging Face hub that has been downloaded before.
        revision: Branch, tag or commit of a model of the hub; empty: its main branch.
        dtype: Of the weights: `auto` (as they are stored), `float32`, `bfloat16` or `float16`.
        device: Of torch, e.g. `cuda:1`; `auto`: the GPU if there is one.
        max_new_tokens: Most tokens of a completion.
        temperature: 0: always the most likely token.
        top_p: Share of the probability among which is chosen.
        batch_size: Most completions that are generated together.
        batch_wait_s: Time for which a batch waits for more requests, seconds.
        chat_template: A file with the template by which chats become text; empty: the tokenizer's own.
        download: `yes`: what is missing may be downloaded.

    Raises:
        BadUsage: An option can't be used.
    """

    def __init__(
        self,
        model: str,
        revision: str = "",
        dtype: str = "auto",
        device: str = "auto",
        max_new_tokens: str = "2048",
        temperature: str = "1",
        top_p: str = "1",
        batch_size: str = "8",
        batch_wait_s: str = "0.05",
        chat_template: str = "",
        download: str = "no",
    ) -> None:
        self._options = LocalModelOptions(
            model=model,
            revision=revision or None,
            dtype=dtype,
            device=device,
            max_new_tokens=read_whole("max_new_tokens", max_new_tokens),
            temperature=read_number("temperature", temperature),
            top_p=read_number("top_p", top_p),
            batch_size=read_whole("batch_size", batch_size),
            batch_wait_s=read_number("batch_wait_s", batch_wait_s),
            chat_template=Path(chat_template) if chat_template else None,
            download=read_truth("download", download),
        )
        self.name = _name(self._options)
        self._lock = threading.Lock()
        self._loaded: LocalModel | None = None
        self._batcher: Batcher[Prompt, Generated] = Batcher(
            lambda prompts: self._load().complete(prompts), self._options.batch_size, self._options.batch_wait_s
        )

    def begin(self, problem: Problem, seed: int) -> "LocalModelPlayer":
        """Returns a player; the first one waits until the model is loaded.

        Raises:
            PolicyUnavailable: The library is not installed.
            BadUsage: The model can't be loaded, or has no chat template.
        """
        return LocalModelPlayer(self._load(), self._batcher, f"{problem.id} {seed}", self._options.model)

    def close(self) -> None:
        """Ends generations in progress and the thread; players that wait get `PolicyClosed`."""
        self._batcher.close()

    def _load(self) -> "LocalModel":
        with self._lock:
            if self._batcher.closed.is_set():
                raise PolicyClosed
            if self._loaded is None:
                try:
                    from policies.local_model.model import LocalModel  # noqa: PLC0415 - an extra, seconds to import
                except ImportError as error:
                    raise PolicyUnavailable(
                        f"the policy `transformers` needs the extra `train` ({error}); pip install 'kernelgym[train]'"
                    ) from error
                self._loaded = LocalModel(self._options, self._batcher.closed)
            return self._loaded


class LocalModelPlayer:
    """Plays one episode; remembers nothing but how often it was asked, for the seed of the next draw."""

    def __init__(self, model: "LocalModel", batcher: "Batcher[Prompt, Generated]", seed: str, name: str) -> None:
        self._model = model
        self._batcher = batcher
        self._seeds = Random(seed)
        self._name = name

    def act(self, chat: Sequence[Message]) -> Completion:
        """Returns the model's answer.

        Raises:
            ChatTooLong: The chat leaves no room for one.
            PolicyClosed: The policy was closed.
            Exception: Whatever torch raises, e.g. if there is not enough memory.
        """
        begun = time.monotonic()
        prompt = self._model.read(chat, self._seeds.getrandbits(63))
        generated = self._batcher.ask(prompt)
        usage = Usage(
            model=self._name,
            prompt_tokens=len(prompt.tokens),
            completion_tokens=generated.tokens,
            latency_s=time.monotonic() - begun,
            finish_reason=generated.finish_reason,
        )
        return Completion(text=generated.text, usage=usage)


def _name(options: LocalModelOptions) -> str:
    revision = f"@{options.revision}" if options.revision else ""
    drawn = f"temperature {options.temperature:g}" + (f", top_p {options.top_p:g}" if options.top_p < 1 else "")
    return f"transformers:{options.model}{revision} ({drawn}, {options.max_new_tokens} tokens)"

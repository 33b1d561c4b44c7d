"""The policy `transformers`: a model on this machine, loaded when the first episode begins.

Players act in threads of their own; what they ask at about the same time is generated together.
"""

import threading
import time
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from kernelgym.chat import Completion, Message, Usage
from kernelgym.problems import Problem
from policies.errors import PolicyClosed, PolicyUnavailable
from policies.local_model.batching import Batcher
from policies.local_model.options import LocalModelOptions
from policies.options import read_options

if TYPE_CHECKING:
    from policies.local_model.model import Generated, LocalModel, Prompt


def make_local_model(**options: str) -> "LocalModelPolicy":
    """Returns the policy `transformers`; its options are the fields of `LocalModelOptions`.

    Raises:
        BadUsage: The options can't be followed.
    """
    return LocalModelPolicy(read_options("transformers", LocalModelOptions, options))


class LocalModelPolicy:
    """Asks a local model."""

    def __init__(self, options: LocalModelOptions) -> None:
        """Args:
        options: Which model, and how it is sampled.
        """  # fmt: skip
        self.name = f"transformers:{options.label}"
        self._options = options
        self._lock = threading.Lock()
        self._loaded: LocalModel | None = None
        self._batcher: Batcher[Prompt, Generated] = Batcher(
            lambda prompts: self._load().complete(prompts), options.batch_size, options.batch_wait_s
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
            PolicyBroken: The policy was closed, or torch failed, e.g. for lack of memory.
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

"""What both environments can be made with."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from kernelgym.envs.rules import History, Rules
from kernelgym.envs.scaling import scaling_of
from kernelgym.errors import SIMILAR, BadUsage
from kernelgym.evaluators import Evaluator
from kernelgym.evaluators.opening import checked_address
from kernelgym.problems.filters import unknown
from kernelgym.settings import SandboxName, Settings
from rewards import DEFAULT_REWARD
from sandboxes.contracts import EvalConfig

DEVICES: Final = ("cpu", "cuda")

METHODS: Final = ("describe", "evaluate", "evaluate_many", "close")
"""What an `Evaluator` can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Keyword arguments of `gymnasium.make("KernelGym/Kernel-v0", ...)`; None means "as the settings say".

    Raises:
        BadUsage: A value is of the wrong kind or names nothing.
    """

    problems: str = "core"
    """Problems to draw from, as `select_problems` reads them: `core`, `core/softmax,core/matmul`."""
    tags: Sequence[str] = ()
    """Only problems with one of these tags."""
    levels: Sequence[int] = ()
    """Only problems of these levels."""
    difficulties: Sequence[str] = ()
    """Only problems of these difficulties."""
    max_turns: int = 3
    """Candidates that may be sent in one episode."""
    target_speedup: float | None = None
    """Speedup that ends an episode; None: only `max_turns` does."""
    reward: str = DEFAULT_REWARD
    """Name of the reward, or path of a YAML file."""
    style: str = "compact"
    """Preset of the templates for task, feedback and history."""
    feedback_tokens: int = 1000
    """Budget of one feedback, in tokens."""
    count_tokens: Callable[[str], int] | None = None
    """Counts the tokens of a text; None: an estimate that needs no tokenizer."""
    allow_submit: bool = True
    """Whether the agent may end the episode by a last line `SUBMIT`."""
    history: str = History.SHORT
    """What the chat keeps of older turns: a `short` form of them, or all in `full`."""
    iterations: int = 1
    """Sequential test-time scaling: more than 1 goes on after `max_turns`, with `keep` turns in the chat."""
    keep: int = 2
    """Turns that stay in the chat at the begin of each later iteration."""
    select: str = "top"
    """Which turns stay: `top` rewards, best `window`, or the `last`."""
    target: str | None = None
    """GPU that is compiled for and modelled."""
    device: str = "cpu"
    """Where candidates are judged: `cpu`, where times are modelled, or `cuda`, where they are measured on a GPU that is
    the target. Without such a GPU an environment with an evaluator of its own can't be made."""
    precision: str = "tf32"
    """`tf32` or `fp32`: how float32 matrix products may be computed."""
    sandbox: str | None = None
    """Where candidates run."""
    evaluator: Evaluator | str | None = None
    """What evaluates them; the environment does not close it. An address, such as `http://localhost:8000`, or None,
    which means "as the settings say": an evaluator of its own there, see `kernelgym.evaluators.open_evaluator`."""

    def __post_init__(self) -> None:
        for name in ("problems", "reward", "device", "precision", "style", "history", "select"):
            _check(name, getattr(self, name), isinstance(getattr(self, name), str), "a text")
        for name in ("target", "sandbox"):
            _check(name, getattr(self, name), isinstance(getattr(self, name), str | None), "a text, or None")
        for name in ("tags", "levels", "difficulties"):
            value = getattr(self, name)
            _check(name, value, isinstance(value, Sequence) and not isinstance(value, str), "a sequence, e.g. a list")
        for name in ("tags", "difficulties"):
            for value in getattr(self, name):
                _check(f"a member of {name}", value, isinstance(value, str), "a text")
        for name in ("feedback_tokens", "iterations", "keep"):
            value = getattr(self, name)
            _check(name, value, isinstance(value, int) and not isinstance(value, bool), "a whole number")
        turns, target = self.max_turns, self.target_speedup
        _check("max_turns", turns, isinstance(turns, int) and not isinstance(turns, bool), "a whole number from 1")
        number = target is None or (isinstance(target, int | float) and not isinstance(target, bool))
        _check("target_speedup", target, number, "a number above 0, or None")
        if self.sandbox is not None and self.sandbox not in list(SandboxName):
            raise BadUsage(unknown("sandbox", self.sandbox, [str(name) for name in SandboxName]))
        if isinstance(self.evaluator, str):
            checked_address(self.evaluator)
        elif self.evaluator is not None:
            missing = [method for method in METHODS if not callable(getattr(self.evaluator, method, None))]
            wanted = f"an object with {', '.join(METHODS)}, such as a LocalEvaluator, its address, or None"
            _check("evaluator", self.evaluator, not missing and not isinstance(self.evaluator, type), wanted)

    def rules(self, settings: Settings) -> Rules:
        """Returns the rules of all episodes.

        Raises:
            BadUsage: A value is out of range or names nothing.
            RewardsError: There is no such reward.
        """
        if self.device not in DEVICES:
            raise BadUsage(unknown("device", self.device, DEVICES))
        values = {"target": self.target or settings.target, "device": self.device, "precision": self.precision}
        try:
            config = EvalConfig.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            message = f"{first['loc'][0]} is {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}"
            raise BadUsage(message) from error
        scaling = scaling_of(self.iterations, self.keep, self.select)
        return Rules(
            max_turns=self.max_turns, target_speedup=self.target_speedup, reward=self.reward, style=self.style,
            feedback_tokens=self.feedback_tokens, count_tokens=self.count_tokens,
            allow_submit=self.allow_submit, history=self.history, scaling=scaling, config=config,
        )  # fmt: skip


def settings_of_this_process() -> Settings:
    """Returns the settings in the environment variables: an environment is made where a program starts.

    Raises:
        InvalidSetting: One of them can't be used.
    """
    return Settings.from_environment(os.environ)


def checked_reset_options(options: object, known: Sequence[str]) -> Mapping[str, Any]:
    """Returns what `reset` was given as `options`; nothing for None.

    Raises:
        BadUsage: It is no mapping, or has a key that is not `known`.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise BadUsage(f"the options of reset are {options!r}; give a dictionary, e.g. {{'problem': 'core/softmax'}}")
    for key in options:
        if key not in known:
            close = get_close_matches(str(key), known, n=1, cutoff=SIMILAR)
            suggestion = f"did you mean {close[0]!r}? " if close else ""
            raise BadUsage(f"reset has no option {key!r}; {suggestion}There are {', '.join(map(repr, known))}")
    return options


def _check(name: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise BadUsage(f"{name} is {value!r}; give {wanted}")

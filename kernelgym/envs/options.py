"""What both environments can be made with."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from kernelgym.envs.rules import Rules
from kernelgym.errors import BadUsage
from kernelgym.evaluators import Evaluator
from kernelgym.settings import Settings
from rewards import DEFAULT_REWARD
from sandboxes.contracts import EvalConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Keyword arguments of `gymnasium.make("KernelGym/Kernel-v0", ...)`; None means "as the settings say"."""

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
    """Name of the reward."""
    target: str | None = None
    """GPU that is compiled for and modelled."""
    precision: str = "tf32"
    """`tf32` or `fp32`: how float32 matrix products may be computed."""
    sandbox: str | None = None
    """Where candidates run."""
    evaluator: Evaluator | None = None
    """What evaluates them; the environment does not close it. None: a local one of its own."""

    def rules(self, settings: Settings) -> Rules:
        """Returns the rules of all episodes.

        Raises:
            BadUsage: A value is out of range or names nothing.
            UnknownReward: No reward has that name.
        """
        values = {"target": self.target or settings.target, "precision": self.precision}
        try:
            config = EvalConfig.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            message = f"{first['loc'][0]} is {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}"
            raise BadUsage(message) from error
        return Rules(max_turns=self.max_turns, target_speedup=self.target_speedup, reward=self.reward, config=config)


def settings_of_this_process() -> Settings:
    """Returns the settings in the environment variables: an environment is made where a program starts.

    Raises:
        InvalidSetting: One of them can't be used.
    """
    return Settings.from_environment(os.environ)

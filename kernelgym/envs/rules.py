"""What is fixed before an episode begins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from kernelgym.envs.scaling import Scaling
from kernelgym.envs.styles import get_style, least_tokens
from kernelgym.errors import BadUsage
from kernelgym.problems.filters import unknown
from rewards import DEFAULT_REWARD, NamedReward, get_reward
from sandboxes.contracts import EvalConfig, Report
from sandboxes.hardware.targets import BadTarget, UnknownTarget, get_target


class History(StrEnum):
    """What the chat keeps of a turn that is not the newest one."""

    SHORT = "short"
    """The style's short form: by default its code, its verdict and the one lesson."""
    FULL = "full"
    """The completion and its feedback as they were first shown: the chat only ever grows at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How an episode is played, scored and ended.

    Raises:
        BadUsage: A number is out of range, or there is no such target or style.
        RewardsError: There is no such reward.
    """

    max_turns: int = 3
    """Candidates that may be sent, without `scaling`; the agent is told."""
    target_speedup: float | None = None
    """Speedup that ends the episode; None: only `max_turns` does."""
    reward: str = DEFAULT_REWARD
    """Name of the reward that scores each report, or path of a YAML file."""
    scorer: NamedReward = field(init=False, repr=False, compare=False)
    """That reward; a file is read once."""
    style: str = "compact"
    """Preset of the templates for task, feedback and history, or the path of a folder with one's own."""
    feedback_tokens: int = 1000
    """Budget of one feedback, in tokens."""
    count_tokens: Callable[[str], int] | None = None
    """Counts the tokens of a text; None: `estimate_tokens`, which needs no tokenizer and errs on the safe side."""
    allow_submit: bool = True
    """Whether the agent may end the episode by a last line `SUBMIT`."""
    history: str = History.SHORT
    """What the chat keeps of older turns: `short` or `full`, which is what training plays."""
    scaling: Scaling | None = None
    """How it goes on after `max_turns` turns; None: it is over then."""
    config: EvalConfig = field(default_factory=EvalConfig)
    """How candidates are evaluated."""

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise BadUsage(f"max_turns is {self.max_turns}; an episode has at least 1")
        if self.target_speedup is not None and not self.target_speedup > 0:
            raise BadUsage(f"target_speedup is {self.target_speedup}; give a number above 0, or None")
        if self.scaling is not None and self.scaling.keep >= self.max_turns:
            raise BadUsage(
                f"keep is {self.scaling.keep}, but an iteration has {self.max_turns} turns; keep fewer, or play more"
            )
        if self.history not in list(History):
            raise BadUsage(unknown("history", self.history, [str(name) for name in History]))
        if self.scaling is not None and self.history == History.FULL:
            raise BadUsage(
                "history is 'full', but test-time scaling (iterations above 1) takes turns out of the chat; use one of "
                "them"
            )
        if self.count_tokens is not None and not callable(self.count_tokens):
            raise BadUsage(f"count_tokens is {self.count_tokens!r}; give a function from a text to a number, or None")
        get_style(self.style)
        if self.feedback_tokens < (least := least_tokens(self.style)):
            raise BadUsage(
                f"feedback_tokens is {self.feedback_tokens}; a feedback of style {self.style!r} needs at least {least}"
            )
        object.__setattr__(self, "scorer", get_reward(self.reward))
        try:
            get_target(self.config.target)
        except (UnknownTarget, BadTarget) as error:
            raise BadUsage(str(error)) from error

    @property
    def total_turns(self) -> int:
        """Candidates that may be sent in one episode."""
        return self.max_turns if self.scaling is None else self.scaling.total_turns(self.max_turns)

    def reaches_target(self, report: Report) -> bool:
        """Returns whether a report ends the episode by its speedup."""
        return report.speedup is not None and report.speedup >= (self.target_speedup or float("inf"))

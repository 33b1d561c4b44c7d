"""What crosses the wire between client and server."""

from typing import Any

from openenv.core.env_server import Action, Observation, State
from pydantic import Field, StrictStr


class KernelAction(Action):
    """One turn of the agent."""

    completion: StrictStr
    """As the model wrote it: the last fenced block that defines `ModelNew` is the candidate; any text will do."""


class KernelObservation(Observation):
    """What the agent is told, and how the episode stands.

    `reward` is None after `reset`, after a bare `SUBMIT`, and where `infrastructure` is true.
    """

    text: str
    """The task first, then the feedback on each candidate."""
    messages: list[dict[str, str]]
    """`role` and `content` of the chat that the agent answers next."""
    problem: str
    """Id of the problem."""
    turn: int
    """Turns that were played."""
    max_turns: int
    submitted: bool = False
    """True if the agent has ended the episode."""
    outcome: str | None = None
    """The verdict on the last candidate; None if there was none."""
    speedup: float | None = None
    """None unless it is correct, and verified at the bench case."""
    infrastructure: bool = False
    """True if the last evaluation was lost to a fault of the server's: no verdict, no reward; leave the turn out."""
    reward_breakdown: list[dict[str, Any]] = Field(default_factory=list)
    """`name`, `value` and `note` of each term of the reward."""
    best: dict[str, Any] | None = None
    """`turn`, `reward`, `speedup`, `outcome` of the best turn; None until there is a verdict."""


class KernelState(State):
    """How an episode stands, without what the agent reads; `step_count` is the number of turns that were played."""

    problem: str | None = None
    """None before the first `reset`."""
    max_turns: int | None = None
    done: bool = False
    rewards: list[float | None] = Field(default_factory=list)
    """Of each turn; None for one that was lost."""

"""Rewards by name, so that a configuration can choose one and a third party can add one."""

from difflib import get_close_matches
from typing import Final

from rewards.drkernel import drkernel_paper
from rewards.errors import UnknownReward
from rewards.guarded import drkernel_guarded
from rewards.reward import RewardFunction

DEFAULT_REWARD: Final = "drkernel_guarded"

_functions: dict[str, RewardFunction] = {
    DEFAULT_REWARD: drkernel_guarded,
    "drkernel_paper": drkernel_paper,
}


def register_reward(name: str, function: RewardFunction) -> None:
    """Makes `function` known as `name`.

    Raises:
        ValueError: The name is taken by another function.
    """
    if _functions.get(name, function) is not function:
        raise ValueError(f"the reward `{name}` exists already; choose another name")
    _functions[name] = function


def get_reward(name: str = DEFAULT_REWARD) -> RewardFunction:
    """Returns the reward function that is called `name`.

    Raises:
        UnknownReward: There is none; the message suggests the nearest name.
    """
    if name not in _functions:
        close = get_close_matches(name, _functions, n=1)
        suggestion = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(list_rewards())}"
        raise UnknownReward(f"no reward is called `{name}`; {suggestion}")
    return _functions[name]


def list_rewards() -> tuple[str, ...]:
    """Returns the names of all registered rewards, sorted."""
    return tuple(sorted(_functions))

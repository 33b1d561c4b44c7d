"""Rewards by name: ours, those registered in this process, those of installed packages, and files.

A package offers a `RewardFunction`, or what `compose` returns, under the name by which it is found:

    [project.entry-points."kernelgym.rewards"]
    acme_reward = "acme_kernels:reward"

It is loaded when it is asked for; one that can't be loaded costs nobody who does not. Names that are taken stay as they
are: no package can replace a reward of ours.
"""

from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from rewards.composition import Composition
from rewards.errors import RewardBroken, UnknownReward
from rewards.named import NamedReward, blame, summary_of
from rewards.reward import RewardFunction
from rewards.shipped import SHIPPED, drkernel_guarded
from rewards.specification import SUFFIXES, read_reward

GROUP: Final = "kernelgym.rewards"

DEFAULT_REWARD: Final = drkernel_guarded.name

_rewards: dict[str, NamedReward] = {reward.name: reward for reward in SHIPPED}


def register_reward(name: str, function: RewardFunction) -> NamedReward:
    """Makes `function` known as `name` in this process, and returns it with the promises of `NamedReward`.

    Raises:
        ValueError: The name is taken by another function, or is that of a file.
    """
    reward = _named(name, function)
    if name.endswith(SUFFIXES):
        raise ValueError(f"the reward `{name}` would be taken for a file; choose another name")
    if _rewards.setdefault(name, reward).function is not reward.function:
        raise ValueError(f"the reward `{name}` exists already; choose another name")
    return _rewards[name]


def get_reward(spec: str = DEFAULT_REWARD) -> NamedReward:
    """Returns the reward function that is called `spec`, or that the YAML file at that path describes.

    Raises:
        UnknownReward: There is none; the message suggests the nearest name.
        InvalidReward: The file can't be read or is no reward.
        RewardBroken: An installed package's can't be loaded.
    """
    if spec.endswith(SUFFIXES):
        return read_reward(Path(spec))
    if spec in _rewards:
        return _rewards[spec]
    if entries := _installed(spec):
        return _load(entries)
    known = list_rewards()
    close = get_close_matches(spec, known, n=1)
    suggestion = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(known)}."
    raise UnknownReward(f"no reward is called `{spec}`; {suggestion} A file's name has to end in .yaml or .yml")


def reward_identity(spec: str) -> str:
    """Returns what tells a reward from others in the records of a run: its name, or `name@digest`.

    Files have a digest, and sums of terms that were registered or come from a package. It covers the terms and all
    their parameters, so that an edited one is another reward. Functions have none: give an edited one another name.

    Raises:
        UnknownReward, InvalidReward, RewardBroken: As `get_reward`.
    """
    return get_reward(spec).identity


def list_rewards() -> tuple[str, ...]:
    """Returns the names of all rewards, sorted; those of packages may turn out to be broken."""
    return tuple(sorted({*_rewards, *(entry.name for entry in entry_points(group=GROUP))}))


def _installed(name: str) -> tuple[EntryPoint, ...]:
    return tuple(entry for entry in entry_points(group=GROUP) if entry.name == name)


@cache
def _load(entries: tuple[EntryPoint, ...]) -> NamedReward:
    name, owners = entries[0].name, [_owner(entry) for entry in entries]
    if len(entries) > 1:
        raise RewardBroken(f"the reward `{name}` is offered by {' and '.join(owners)}; uninstall one of them")
    try:
        found = entries[0].load()
        if not callable(found):
            raise TypeError(f"{entries[0].value} is a {type(found).__name__}, not a function of a report")
    except Exception as error:
        raise RewardBroken(blame(f"the reward `{name}` of {owners[0]} can't be loaded", error)) from error
    return _named(name, found)


def _named(name: str, function: RewardFunction) -> NamedReward:
    summary, digest = summary_of(function), ""
    if isinstance(function, NamedReward):
        summary, digest, function = function.summary, function.digest, function.function
    if isinstance(function, Composition):
        digest = function.digest
    return NamedReward(name, summary, function, digest)


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"

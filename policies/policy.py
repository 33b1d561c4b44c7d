"""What plays episodes: anything that answers a chat.

A policy is made once, a player once per episode. To add one, see `docs/policies.md`. A policy that holds threads or
connections has a method `close`, which whoever made it calls at the end; calling it again does nothing. One that reads
feedback by its form has an attribute `styles: tuple[str, ...]`, the presets of templates that it can read: any other is
refused before anything is evaluated.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, signature
from typing import Final, Protocol

from kernelgym.chat import Completion, Message
from kernelgym.errors import BadUsage, KernelGymError, did_you_mean, first_line
from kernelgym.problems import Problem
from policies.errors import PolicyUnavailable, UnknownPolicy

POLICIES: Final = "kernelgym.policies"
"""Group of the entry points by which packages add policies."""


class Player(Protocol):
    """Plays one episode; holds whatever it remembers of it."""

    def act(self, chat: Sequence[Message]) -> Completion | str:
        """Returns a completion, or its text alone: the candidate is in a fenced block of it.

        Args:
            chat: What the environment wants to be answered. The last message is the user's: the task at first, later
                the feedback on the newest turn that is kept. Between them are the completions and feedback of earlier
                turns, as far as the episode's rules keep them.

        Raises:
            PolicyBroken: The model could not be asked; the episode is lost, and counts in no rate.
            Exception: Any other; ends this episode as a failure of the policy, which counts in every rate.
        """
        ...


class Policy(Protocol):
    """Writes candidates. Players of one policy act in several threads at the same time."""

    @property
    def name(self) -> str:
        """What it is called in records, e.g. with the model it asks; the same name for the same behaviour."""
        ...

    def begin(self, problem: Problem, seed: int) -> Player:
        """Returns a player for one episode; quick, because it is also called to find out whether there can be one.

        Args:
            problem: What is to be solved. What a model may see of it is in the first observation.
            seed: Decides every random choice: the same seed and the same chats, the same completions.

        Raises:
            KernelGymError: It can't play this problem; says what to do. Asked before anything is evaluated.
        """
        ...


def close_policy(policy: Policy) -> None:
    """Closes a policy that can be closed; any other needs nothing."""
    close = getattr(policy, "close", None)
    if callable(close):
        close()


_registered: dict[str, Callable[..., Policy]] = {}


def register_policy(name: str, make: Callable[..., Policy]) -> None:
    """Makes a policy known as `name` in this process; a package's entry point does it everywhere.

    Raises:
        ValueError: The name is taken.
    """
    if name in list_policies() and _registered.get(name) is not make:
        raise ValueError(f"the policy `{name}` exists already; choose another name")
    _registered[name] = make


def list_policies() -> tuple[str, ...]:
    """Returns the names of all policies, sorted; loads none."""
    return tuple(sorted(_registered.keys() | _installed().keys()))


def get_policy(name: str, options: Mapping[str, str] | None = None) -> Policy:
    """Returns the policy that is called `name`.

    Args:
        name: Of a registered or installed one.
        options: Handed to its factory as keyword arguments; all are texts, as on a command line.

    Raises:
        UnknownPolicy: There is none; names the closest.
        PolicyUnavailable: It can't be loaded or made.
        KernelGymError: Whatever of this kind it raises itself, e.g. for a setting that is missing.
        BadUsage: It takes no option of that name.
    """
    make, where = _factory(name)
    given = dict(options or {})
    _check_options(name, make, given)
    try:
        made = make(**given)
        if not isinstance(made.name, str):
            raise TypeError(f"its name is a {type(made.name).__name__}, not text")
    except KernelGymError:
        raise
    except (Exception, SystemExit) as error:  # another package's fault, whatever it is
        raise PolicyUnavailable(
            f"the policy `{name}` ({where}) can't be made ({first_line(error)}); correct its settings or its code"
        ) from error
    return made


def _factory(name: str) -> tuple[Callable[..., Policy], str]:
    """Returns what makes the policy, and where that was found."""
    if name in _registered:
        return _registered[name], "registered in this process"
    installed = _installed()
    if name not in installed:
        raise UnknownPolicy(name, list_policies())
    where = installed[name].value
    try:
        make: Callable[..., Policy] = installed[name].load()
    except (Exception, SystemExit) as error:  # another package's fault, whatever it is
        raise PolicyUnavailable(
            f"the policy `{name}` ({where}) can't be loaded ({first_line(error)}); reinstall or correct it"
        ) from error
    return make, where


def _check_options(name: str, make: Callable[..., Policy], options: Mapping[str, str]) -> None:
    """Raises BadUsage if the factory does not take one of the options, or lacks one that it needs."""
    try:
        parameters = signature(make).parameters.values()
    except (TypeError, ValueError):  # written in C, or no function at all: calling it will tell
        return
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = {parameter.name: parameter for parameter in parameters if parameter.kind is not Parameter.VAR_POSITIONAL}
    for option in options:
        if option not in known:
            remedy = did_you_mean(option, known) or (f"it has {', '.join(known)}" if known else "it has none")
            raise BadUsage(f"the policy `{name}` has no option `{option}`; {remedy}")
    missing = [option for option, it in known.items() if it.default is Parameter.empty and option not in options]
    if missing:
        raise BadUsage(f"the policy `{name}` needs the option `{missing[0]}`; add --policy-option {missing[0]}=VALUE")


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=POLICIES)}

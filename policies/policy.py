"""What plays episodes: anything that answers text with text.

A policy is made once, a player once per episode. To add one, see `docs/rollouts.md`.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Protocol

from kernelgym.errors import KernelGymError
from kernelgym.problems import Problem
from policies.errors import PolicyUnavailable, UnknownPolicy

POLICIES: Final = "kernelgym.policies"
"""Group of the entry points by which packages add policies."""


class Player(Protocol):
    """Plays one episode; holds whatever it remembers of it."""

    def act(self, observation: str) -> str:
        """Returns a completion: text with the candidate in a fenced block.

        Args:
            observation: At first the prompt, then the feedback on the last completion.

        Raises:
            Exception: Any; ends this episode, which is recorded with the error and counts in no rate.
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
            seed: Decides every random choice: the same seed and the same observations, the same completions.

        Raises:
            KernelGymError: It can't play this problem; says what to do. Asked before anything is evaluated.
        """
        ...


_registered: dict[str, Callable[[], Policy]] = {}


def register_policy(name: str, make: Callable[[], Policy]) -> None:
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


def get_policy(name: str) -> Policy:
    """Returns the policy that is called `name`.

    Raises:
        UnknownPolicy: There is none; names the closest.
        PolicyUnavailable: It can't be loaded or made.
        KernelGymError: Whatever of this kind it raises itself, e.g. for a setting that is missing.
    """
    installed = _installed()
    if name in _registered:
        return _registered[name]()
    if name not in installed:
        raise UnknownPolicy(name, list_policies())
    where = installed[name].value
    try:
        make: Callable[[], Policy] = installed[name].load()
    except (Exception, SystemExit) as error:  # another package's fault, whatever it is
        raise PolicyUnavailable(
            f"the policy `{name}` ({where}) can't be loaded ({_first_line(error)}); reinstall or correct it"
        ) from error
    try:
        made = make()
        if not isinstance(made.name, str):
            raise TypeError(f"its name is a {type(made.name).__name__}, not text")
    except KernelGymError:
        raise
    except (Exception, SystemExit) as error:  # as above
        raise PolicyUnavailable(
            f"the policy `{name}` ({where}) can't be made ({_first_line(error)}); correct its settings or its code"
        ) from error
    return made


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=POLICIES)}

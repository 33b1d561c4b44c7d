"""Problems of other installed packages: entry points of the group `kernelgym.problems`.

An entry's name is the namespace of its problems; its object is a callable that returns them:

    [project.entry-points."kernelgym.problems"]
    acme = "acme_kernels:problems"

It is called when somebody first asks for what may be among them, at most once in a process.
"""

import re
from collections.abc import Iterable
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from kernelgym.errors import BrokenPlugin, InvalidReference, first_line
from kernelgym.problems.loaded import Intake, Loaded
from kernelgym.problems.problem import Problem
from kernelgym.problems.reference_file import validate_reference

GROUP: Final = "kernelgym.problems"

RESERVED: Final = ("core", "file", "hf", "jsonl", "kernelbench")
"""Namespaces that are ours."""


def plugin_names() -> list[str]:
    """Returns the namespaces that installed packages register; loads nothing."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


@cache
def load_plugin(name: str) -> Loaded | BrokenPlugin:
    """Returns the problems of the namespace `name`, or why there are none; tries only once."""
    entries = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    owners = " and ".join(sorted({_distribution(entry) for entry in entries}))
    if name in RESERVED or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return BrokenPlugin(name, owners, "have a name that is not free", "the package has to rename the entry point")
    if len(entries) > 1:
        return BrokenPlugin(name, owners, "are registered more than once", "uninstall all but one")
    try:
        members = _members(entries[0])
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is what is wrong with it
        problem = f"can't be loaded ({first_line(error)})"
        return BrokenPlugin(name, owners, problem, "update or uninstall it")
    intake = Intake()
    for position, member in enumerate(members, 1):
        title = member.id if isinstance(member, Problem) else f"{name}, member {position}"
        intake.take(title, partial(_checked, member, name, title))
    return intake.loaded


def _members(entry: EntryPoint) -> list[Any]:
    made = entry.load()()
    if not isinstance(made, Iterable):
        raise TypeError(f"{entry.value} returns a {type(made).__name__}, not problems")
    return list(made)


def _checked(member: Any, name: str, title: str) -> Problem:
    if not isinstance(member, Problem):
        raise InvalidReference(title, f"is a {type(member).__name__}", "return kernelgym.problems.Problem")
    if not member.id.startswith(f"{name}/") or member.id == f"{name}/":
        raise InvalidReference(title, f"is not in the namespace {name!r}", f"start its id with {name + '/'!r}")
    validate_reference(member.reference.source, member.id)
    return member


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"

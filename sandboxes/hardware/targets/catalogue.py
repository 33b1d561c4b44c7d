"""All targets by name: those that come with the package, then those of the user's files.

Nothing is read before somebody asks, so that importing this costs nothing and a bad file of the user is an error of
what asks.
"""

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from threading import RLock
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.targets.description import Description
from sandboxes.hardware.targets.errors import BadTarget, UnknownTarget
from sandboxes.hardware.targets.reading import read_description

VARIABLE: Final = "KERNELGYM_TARGETS"
"""Names a file, or a folder of files, that describe more targets; several are separated as in PATH. Processes that are
started from here inherit it, so that they know the same targets."""

SUFFIXES: Final = (".yaml", ".yml")
MAX_FILES: Final = 64
"""Files of a folder that are read."""

BUILT_IN: Final = ("h200", "h100", "a100", "l40s", "b200", "mi300x")
"""In the order in which they are shown; the first is the default."""
FOLDER: Final = Path(__file__).parent


class Catalogue(MutableMapping[str, Target]):
    """Targets by name; filled when first looked at."""

    def __init__(self) -> None:
        self._found: dict[str, Description] = {}
        self._full = False
        self._lock = RLock()

    def describe(self, name: str) -> Description:
        """Returns a target with its sources.

        Raises:
            UnknownTarget: No target has this name.
            BadTarget: A file that `KERNELGYM_TARGETS` names describes no target.
        """
        if name not in (known := self._filled()):
            raise UnknownTarget(name, list(known))
        return known[name]

    def add_file(self, path: Path) -> Description:
        """Reads a file, and makes its target known in this process; the same one again is nothing new.

        Raises:
            BadTarget: It describes no target, or a different one already has its name.
        """
        with self._lock:
            self._filled()
            return self._add(path)

    def __getitem__(self, name: str) -> Target:
        return self._filled()[name].target

    def __setitem__(self, name: str, target: Target) -> None:
        self._filled()[name] = Description(target=target, origins={}, path=None)

    def __delitem__(self, name: str) -> None:
        del self._filled()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def _filled(self) -> dict[str, Description]:
        with self._lock:
            if not self._full:
                for name in BUILT_IN:
                    self._base(name)
                self._found = {name: self._found[name] for name in BUILT_IN}
                self._add_all(_named_files(os.environ.get(VARIABLE, "")))
                self._full = True
            return self._found

    def _base(self, name: str) -> Description:
        """Returns what a file extends: one that comes with the package, or one that was read before."""
        if name not in self._found and name in BUILT_IN:
            self._found[name] = read_description(FOLDER / f"{name}.yaml", self._base)
        if name not in self._found:
            raise UnknownTarget(name, list(self._found))
        return self._found[name]

    def _add_all(self, paths: list[Path]) -> None:
        """Adds files in any order: one may extend another."""
        waiting = paths
        while waiting:
            later: list[Path] = []
            for path in waiting:
                try:
                    self._add(path)
                except BadTarget as error:
                    if not isinstance(error.__cause__, UnknownTarget) or len(waiting) == 1:
                        raise
                    later.append(path)
            if len(later) == len(waiting):
                self._add(later[0])  # raises: whatever they extend is nowhere
            waiting = later

    def _add(self, path: Path) -> Description:
        found = read_description(path, self._base)
        name = found.target.name
        known = self._found.get(name)
        if known is not None and known.target != found.target:
            where = f"in {known.path}" if known.path else "registered by a program"
            raise BadTarget(path, f"name is {name!r}, and a different target {where} has it; choose another name")
        self._found.setdefault(name, found)
        return found


TARGETS: Final = Catalogue()
"""All known targets by name; the first is the default."""


def get_target(name: str) -> Target:
    """Returns the target called `name`.

    Raises:
        UnknownTarget: No target has this name.
        BadTarget: A file that `KERNELGYM_TARGETS` names describes no target.
    """
    return TARGETS.describe(name).target


def register_target(target: Target) -> None:
    """Makes `target` known to `get_target` in this process; processes that are spawned need a file.

    Raises:
        ValueError: Another target already has this name.
    """
    if TARGETS.get(target.name, target) != target:
        raise ValueError(f"A different target `{target.name}` is already registered; choose another name.")
    if target.name not in TARGETS:
        TARGETS[target.name] = target


def named_paths(value: str) -> list[Path]:
    """Returns the files and folders that a value of `KERNELGYM_TARGETS` names."""
    return [Path(item) for item in value.split(os.pathsep) if item]


def _named_files(value: str) -> list[Path]:
    """Returns the files that a setting names, those of folders by name.

    Raises:
        BadTarget: It names what is not there, or a folder of too many.
    """
    paths: list[Path] = []
    for path in named_paths(value):
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
            if len(inside) > MAX_FILES:
                raise BadTarget(path, f"the folder has {len(inside)} YAML files; {VARIABLE} takes {MAX_FILES} at most")
            paths += inside
        else:
            paths.append(path)
    return paths

"""Removing what untrusted code left in a directory, whatever its names, permissions and depth.

Recursion would end at some thousand levels, and paths at 4096 bytes. So one descriptor walks down and, by `..`, up
again; where it is on its way is a list of names.
"""

import os
import stat
from contextlib import suppress

__all__ = ["empty"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(directory: str) -> bool:
    """Remove everything in `directory`; false if something stayed.

    Nobody may be working in it any more. Symbolic links are removed, not followed.
    """
    here = os.open(directory, _DIRECTORY)
    try:
        todo = [_clear(here)]  # directories that are left, level by level; the last one of each is entered
        while len(todo) > 1 or todo[0]:
            if todo[-1]:
                try:
                    here = _go(here, todo[-1][-1])
                except OSError:
                    todo[-1].pop()  # it stays
                else:
                    todo.append(_clear(here))
            else:
                here = _go(here, "..")
                todo.pop()
                with suppress(OSError):
                    os.rmdir(todo[-1].pop(), dir_fd=here)
        return not os.listdir(here)  # noqa: PTH208 - no path leads here
    finally:
        os.close(here)


def _go(here: int, name: str) -> int:
    there = os.open(name, _DIRECTORY, dir_fd=here)
    os.close(here)
    return there


def _clear(here: int) -> list[str]:
    """Remove all but the directories, and return those that can be entered."""
    directories = []
    for name in os.listdir(here):
        with suppress(OSError):
            if stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
                with suppress(PermissionError):  # not its owner, but then privileged
                    os.chmod(name, 0o700, dir_fd=here)
                directories.append(name)
            else:
                os.unlink(name, dir_fd=here)
    return directories

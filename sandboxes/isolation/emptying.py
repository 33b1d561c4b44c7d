"""Removing what untrusted code left in a directory, whatever its names, permissions and depth.

Recursion would end at some thousand levels, and paths at 4096 bytes. So nothing is named by a path: whatever a
directory contains is removed or, if it is a directory, moved up, and is next.
"""

import itertools
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress

__all__ = ["empty"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(directory: str) -> bool:
    """Remove everything in `directory`; false if something stayed.

    Nobody may be working in it any more. Symbolic links are removed, not followed.
    """
    prefix = secrets.token_hex(8)
    fresh = (f"{prefix}-{number}" for number in itertools.count())
    top = os.open(directory, _DIRECTORY)
    try:
        while names := os.listdir(top):  # noqa: PTH208 - no path leads here
            if not sum(_remove(top, name, fresh) for name in names):
                return False
        return True
    finally:
        os.close(top)


def _remove(top: int, name: str, fresh: Iterator[str]) -> bool:
    """Remove one entry of `top`, whose directories move to `top` under `fresh` names; false if it stayed."""
    try:
        if not _open_up(top, name):
            os.unlink(name, dir_fd=top)
            return True
        opened = os.open(name, _DIRECTORY, dir_fd=top)
    except OSError:
        return False
    try:
        for entry in os.listdir(opened):  # noqa: PTH208 - no path leads here
            with suppress(OSError):
                if _open_up(opened, entry):
                    os.rename(entry, next(fresh), src_dir_fd=opened, dst_dir_fd=top)
                else:
                    os.unlink(entry, dir_fd=opened)
    finally:
        os.close(opened)
    with suppress(OSError):
        os.rmdir(name, dir_fd=top)
        return True
    return False


def _open_up(parent: int, name: str) -> bool:
    """Whether this is a directory, which then may be listed and changed."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        return False
    with suppress(PermissionError):  # not its owner, but then privileged
        os.chmod(name, 0o700, dir_fd=parent)
    return True

"""Control groups: where one may be made, the kernel counts a request's memory and processes as one.

A zygote has one group for its requests, made by its caller, who sees the file system of control groups, and handed in
as descriptors, which work inside bubblewrap, where that file system is not mounted. Version 1 needs a writable group
of our own, version 2 a writable parent that passes the controllers on (as systemd's user units have it). Elsewhere
resource limits and the warden's look every 50 ms have to do.
"""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandboxes.isolation.limits import Limits

__all__ = [
    "Cgroup",
    "count_kills",
    "describe_cgroups",
    "discard",
    "hand_over",
    "join",
    "limit",
    "make_cgroups",
    "out_of_memory_kills",
    "remove",
]

_MIB = 1 << 20
_PREFIX = "kernelgym-"
_CONTROLLERS = ("memory", "pids")
_SLACK_MIB = 64
"""Page tables, stacks and pipes of a request, which count here and nowhere else."""
_REMOVE_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroup:
    """One group, by descriptors that the caller and the zygote share."""

    version: int
    controllers: tuple[str, ...]
    name: str
    parent_fd: int
    directory_fd: int
    members_fd: int
    """Its `cgroup.procs`, opened by the caller, whose right to move processes counts."""

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """All three."""
        return self.parent_fd, self.directory_fd, self.members_fd


def make_cgroups(holder: int | None = None) -> tuple[Cgroup, ...]:
    """Make the groups of one zygote; fewer or none where the machine does not permit it.

    Args:
        holder: The process whose groups they are made from; by default the caller itself.
    """
    name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    made = []
    for version, controllers, parent in _parents(holder):
        _remove_stale(parent)
        try:
            (parent / name).mkdir()
        except OSError:
            continue
        cgroup = _open(version, controllers, parent, name)
        if cgroup is not None:
            made.append(cgroup)
    return tuple(made)


def describe_cgroups(cgroups: Sequence[Cgroup]) -> str:
    """What they count: `v2 memory pids`, or `none`."""
    return ", ".join(f"v{each.version} {' '.join(each.controllers)}" for each in cgroups) or "none"


def limit(cgroups: Sequence[Cgroup], limits: Limits) -> None:
    """Set the budget of the next request.

    Raises:
        OSError: If a group is gone.
    """
    memory = (limits.memory_mib + 4 * limits.file_size_mib + _SLACK_MIB) * _MIB
    values = {"memory": str(memory), "pids": str(limits.processes)}
    for cgroup in cgroups:
        for file in _limit_files(cgroup):
            _write(cgroup, file, values[file.partition(".")[0]])


def join(cgroups: Sequence[Cgroup]) -> None:
    """Put the calling process, and all it will start, into the groups.

    Raises:
        OSError: If the kernel refuses.
    """
    for cgroup in cgroups:
        os.write(cgroup.members_fd, b"0")


def count_kills(cgroups: Sequence[Cgroup]) -> int:
    """How many processes of these groups the kernel has killed for lack of memory so far."""
    kills = 0
    for cgroup in cgroups:
        if "memory" in cgroup.controllers:
            text = _read(cgroup, "memory.events" if cgroup.version == 2 else "memory.oom_control")
            kills += sum(int(row.split()[1]) for row in text.splitlines() if row.startswith("oom_kill "))
    return kills


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed for lack of memory so far, in the caller's control group.

    Where no control group counts them, all of the machine's; 0 if nobody does.
    """
    files = [
        folder / name
        for folder in _own_memory_groups()
        for name in ("memory.events.local", "memory.events", "memory.oom_control")
    ]
    for file in (*files, Path("/proc/vmstat")):
        with suppress(OSError):
            for row in file.read_text(encoding="ascii").splitlines():
                if row.startswith("oom_kill "):
                    return int(row.split()[1])
    return 0


def remove(cgroups: Sequence[Cgroup]) -> None:
    """Remove the groups, whose processes have ended; those that are gone already are no error."""
    for cgroup in cgroups:
        for _ in range(_REMOVE_TRIES):
            try:
                os.rmdir(cgroup.name, dir_fd=cgroup.parent_fd)
            except (
                FileNotFoundError,
                PermissionError,
            ):  # a zygote that is not its caller's user leaves it to the caller
                break
            except OSError:  # the kernel is not done with its last process
                time.sleep(0.002)


def discard(cgroups: Sequence[Cgroup]) -> None:
    """Remove the groups and close their descriptors."""
    remove(cgroups)
    for cgroup in cgroups:
        for descriptor in cgroup.descriptors:
            os.close(descriptor)


def hand_over(cgroups: Sequence[Cgroup], user_id: int) -> None:
    """Let another user id set the limits of these groups, as a zygote that is not its caller's user has to."""
    for cgroup in cgroups:
        for file in _limit_files(cgroup):
            os.chown(file, user_id, -1, dir_fd=cgroup.directory_fd)


def _parents(holder: int | None = None) -> Iterator[tuple[int, tuple[str, ...], Path]]:
    """Where groups may be made, if anywhere: version, the controllers they would have, and the directory."""
    try:
        memberships = (
            Path("/proc", "self" if holder is None else str(holder), "cgroup").read_text(encoding="utf-8").splitlines()
        )
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for membership in memberships:
        _, names, path = membership.split(":", 2)
        wanted = tuple(name for name in _CONTROLLERS if name in names.split(","))
        if wanted and (own := _directory("cgroup", wanted[0], path, mounts)) is not None:
            yield 1, wanted, own
        elif not names and (own := _directory("cgroup2", "", path, mounts)) is not None:
            # A group that passes controllers on has no processes, so ours can't be below the caller's.
            parent = own if path == "/" else own.parent
            with suppress(OSError):
                passed_on = (parent / "cgroup.subtree_control").read_text(encoding="ascii").split()
                if wanted := tuple(name for name in _CONTROLLERS if name in passed_on):
                    yield 2, wanted, parent


def _own_memory_groups() -> list[Path]:
    """The caller's own groups that may count memory, version 2 first."""
    found: list[Path] = []
    with suppress(OSError):
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        for membership in reversed(Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()):
            _, names, path = membership.split(":", 2)
            kind, controller = ("cgroup", "memory") if names else ("cgroup2", "")
            if not names or "memory" in names.split(","):
                folder = _directory(kind, controller, path, mounts)
                found += [folder] if folder is not None else []
    return found


def _directory(kind: str, controller: str, path: str, mounts: list[str]) -> Path | None:
    """The directory of the group `path` in the hierarchy of this kind and controller."""
    for row in mounts:
        before, _, after = row.partition(" - ")
        root, place = before.split()[3:5]
        if after.split()[0] == kind and (not controller or controller in after.split()[-1].split(",")):
            beneath = Path(path).is_relative_to(root)
            return Path(place, Path(path).relative_to(root)) if beneath else Path(place)
    return None


def _open(version: int, controllers: tuple[str, ...], parent: Path, name: str) -> Cgroup | None:
    opened: list[int] = []
    try:
        for path, flags in (
            (parent, os.O_DIRECTORY),
            (parent / name, os.O_DIRECTORY),
            (parent / name / "cgroup.procs", os.O_WRONLY),
        ):
            opened.append(os.open(path, flags | os.O_CLOEXEC))
        cgroup = Cgroup(
            version=version,
            controllers=controllers,
            name=name,
            parent_fd=opened[0],
            directory_fd=opened[1],
            members_fd=opened[2],
        )
        limit([cgroup], Limits())
    except OSError:
        for descriptor in opened:
            os.close(descriptor)
        with suppress(OSError):
            (parent / name).rmdir()
        return None
    if "memory" in controllers:  # or a request would have its budget twice
        with suppress(OSError):
            _write(cgroup, *(("memory.swap.max", "0") if version == 2 else ("memory.swappiness", "0")))
    return cgroup


def _remove_stale(parent: Path) -> None:
    """Remove what a caller left that was killed together with its zygote; a group in use is not empty and stays."""
    for path in parent.glob(f"{_PREFIX}*-*"):
        caller = path.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", caller).exists():
            with suppress(OSError):
                path.rmdir()


def _limit_files(cgroup: Cgroup) -> list[str]:
    names = {"memory": "memory.max" if cgroup.version == 2 else "memory.limit_in_bytes", "pids": "pids.max"}
    return [names[controller] for controller in cgroup.controllers]


def _write(cgroup: Cgroup, file: str, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=cgroup.directory_fd)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(cgroup: Cgroup, file: str) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=cgroup.directory_fd)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 4096).decode()
    finally:
        os.close(descriptor)

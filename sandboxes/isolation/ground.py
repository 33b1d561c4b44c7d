"""What the caller tells a zygote at its start: where it runs and how requests are to be confined."""

import json
from dataclasses import asdict, dataclass

from sandboxes.isolation.cgroups import Cgroup

__all__ = ["Ground"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Everything a zygote is told at its start, as one JSON argument."""

    target: str
    """Entry function, `package.module:function`."""
    preload: str | None
    """Warm-up function, or `None`."""
    control_fd: int
    """The zygote's end of the channel to the caller."""
    caller_fd: int
    """A pidfd of the caller; the zygote ends when it becomes readable."""
    work_dir: str
    """Directory whose whole content belongs to the request that is running."""
    namespaces: bool
    """Whether each request gets its own PID, mount and IPC namespace and temporary file systems if permitted."""
    dies_with_parent: bool
    """Whether the zygote's parent process (not thread) is there for it alone."""
    readable: tuple[str, ...]
    """Paths Landlock lets a request read, whatever else there is."""
    needed: tuple[str, ...]
    """Paths a request cannot do without, whoever it runs as."""
    cgroups: tuple[Cgroup, ...]
    """Control groups for requests; their descriptors are inherited."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Ground":
        """The inverse of `to_json`."""
        fields = json.loads(text)
        for name in ("readable", "needed"):
            fields[name] = tuple(fields[name])
        groups = fields.pop("cgroups")
        cgroups = tuple(Cgroup(**{**group, "controllers": tuple(group["controllers"])}) for group in groups)
        return cls(**fields, cgroups=cgroups)

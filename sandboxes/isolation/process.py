"""The sandbox that needs nothing installed: a child process with rlimits, Landlock, seccomp and its own user id.

Covered where the kernel has it: no sockets and no rare kernel interface (seccomp), no files but the interpreter's and
the system's (Landlock), no signals to other processes (a foreign user id as root, Landlock from ABI 6 on), memory and
processes counted together (control groups), nothing left behind (subreaper sweep). Not covered, ever: the temporary
directory has no quota beyond the size of one file. Not covered without Landlock and without root: a submission can read
and write what its user can, see and signal that user's processes, and leave files in /tmp.
"""

from sandboxes.isolation.entry import Entry
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.zygote_process import Plan

__all__ = ["ProcessSandbox"]


class ProcessSandbox(ForkingSandbox):
    """A `Sandbox` made of plain processes; weaker than `BubblewrapSandbox`, present everywhere on Linux.

    Args:
        entry: What runs inside.
        recycle_after: Requests after which the zygote is replaced.
    """

    name = "process"

    def __init__(self, entry: Entry, *, recycle_after: int = 500) -> None:
        plan = Plan(
            wrap=lambda python: python,
            inner_dir=None,
            dies_with_parent=False,
            namespaces=False,
            remedy="check that the entry's module imports in a plain interpreter",
        )
        super().__init__(entry, plan.start, recycle_after=recycle_after)

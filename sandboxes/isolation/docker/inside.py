"""The first lines inside a container: fetch from the caller what other zygotes inherit, then become one.

A container inherits no descriptors. So the caller listens on a socket that is mounted into it; over that connection,
which then is the channel, come the ground, the log, a pidfd of the caller and the control groups. The caller stops
listening at once, so nobody connects a second time.
"""

import dataclasses
import os
import socket

from sandboxes.isolation import channel
from sandboxes.isolation.footprint import PROJECT_ROOT, interpreter_paths, readable_paths
from sandboxes.isolation.ground import Ground
from sandboxes.isolation.zygote import main

__all__ = ["MEETING", "become_zygote"]

MEETING = "/meeting"
"""Where the caller's socket is inside."""


def become_zygote() -> None:
    """Connect to the caller, take what it sends, and serve it."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(MEETING)
    received = channel.receive(control)
    if received is None:
        return
    message, (log, caller, *groups) = received
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    ground = Ground.from_json(message["ground"])
    cgroups = tuple(
        dataclasses.replace(group, parent_fd=parent, directory_fd=directory, members_fd=members)
        for group, parent, directory, members in zip(
            ground.cgroups, groups[::3], groups[1::3], groups[2::3], strict=True
        )
    )
    arrived = dataclasses.replace(
        ground,
        control_fd=control.detach(),
        caller_fd=caller,
        readable=tuple(readable_paths()),
        needed=(*interpreter_paths(), str(PROJECT_ROOT / "sandboxes"), ground.work_dir),
        cgroups=cgroups,
    )
    main(arrived.to_json())


if __name__ == "__main__":
    become_zygote()

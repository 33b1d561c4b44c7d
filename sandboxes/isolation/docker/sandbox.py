"""The sandbox for machines that have a Docker engine: the zygote lives in a container, every request in a fork of it.

The container has no network, no capability, a read-only root that holds the interpreter's and the system's files and
nothing else, a user id nobody has, and limits of memory, processes, CPU and temporary files that hold for the zygote
and its request together. gVisor's runtime is taken where the engine has it. What confines requests from one another
and from the zygote is the same as in `ProcessSandbox`: Landlock, seccomp, resource limits, control groups below the
container's, and the sweep. A request reaches neither the engine nor the socket the caller and the zygote met at.

Not covered: requests of one zygote have a PID namespace and a user id in common, so without Landlock (older kernels,
gVisor) they see and signal the zygote, which costs them their own verdict and the caller a new container. The common
limit of temporary files is fixed when the container starts. With control groups version 2 a request counts beside its
container, not below: the container's CPU limit is not the request's.
"""

from sandboxes.isolation.docker.container import Box, ContainerZygote
from sandboxes.isolation.docker.engine import INSTALL_ENGINE
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.zygote_handle import ZygoteHandle

__all__ = ["INSTALL_DOCKER", "DockerSandbox"]

INSTALL_DOCKER = INSTALL_ENGINE


class DockerSandbox(ForkingSandbox):
    """A `Sandbox` in a container per zygote.

    Args:
        entry: What runs inside.
        recycle_after: Requests after which the container is replaced.
        image: An image that brings an interpreter and `kernelgym` of this version; by default an empty one that is
            made here, with this interpreter's files mounted. A caller that runs in a container itself needs it, and
            a `TMPDIR` that is the same folder in its container and on the engine's machine.
        python: The interpreter in `image`.
        memory_mib: Memory of the zygote and its request together.
        processes: Processes and threads of both together.
        cpus: CPUs of both together.
        temporary_mib: Temporary files of a request, all together, whatever its `Limits` say.
    """

    name = "docker"

    def __init__(
        self,
        entry: Entry,
        *,
        recycle_after: int = 500,
        image: str | None = None,
        python: str = "python3",
        memory_mib: int = 8192,
        processes: int = 256,
        cpus: float = 4.0,
        temporary_mib: int = 4 * Limits().file_size_mib,
    ) -> None:
        box = Box(
            image=image,
            python=python,
            memory_mib=memory_mib,
            processes=processes,
            cpus=cpus,
            temporary_mib=temporary_mib,
        )

        def start(entry: Entry, within_s: float) -> ZygoteHandle:
            return ContainerZygote(entry, box, within_s)

        super().__init__(entry, start, recycle_after=recycle_after)

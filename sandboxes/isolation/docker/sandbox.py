"""The sandbox for machines that have a Docker engine: the zygote lives in a container, every request in a fork of it.

The container has no network, no capability, a read-only root that holds the interpreter's and the system's files and
nothing else, a user id nobody has, and limits of memory, processes, CPU and temporary files that hold for the zygote
and its request together. gVisor's runtime is taken where the engine has it and a request gets through in it; else the
engine's default, and `features["runtime"]` says why. What confines requests from one another
and from the zygote is the same as in `ProcessSandbox`: Landlock, seccomp, resource limits, control groups below the
container's, and the sweep. A request reaches neither the engine nor the socket the caller and the zygote met at.

Not covered: requests of one zygote have a PID namespace and a user id in common, so without Landlock (older kernels,
gVisor) they see and signal the zygote, which costs them their own verdict and the caller a new container. The common
limit of temporary files is fixed when the container starts. With control groups version 2 a request counts beside its
container, not below: the container's CPU limit is not the request's.
"""

from contextlib import closing

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation.docker.container import Box, ContainerZygote
from sandboxes.isolation.docker.engine import GVISOR, INSTALL_ENGINE, connect
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.exchange import Exchange
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.zygote_handle import ZygoteHandle

__all__ = ["INSTALL_DOCKER", "DockerSandbox"]

INSTALL_DOCKER = INSTALL_ENGINE
_TRIAL_LIMITS = Limits(wall_time_s=5.0)


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

        self._box = box
        self._no_gvisor: str | None = None
        super().__init__(entry, self._start_container, recycle_after=recycle_after)

    def _start_container(self, entry: Entry, within_s: float) -> ZygoteHandle:
        if self._no_gvisor is None:
            with closing(connect()) as engine:
                self._no_gvisor = None if engine.has_gvisor else ""
        if self._no_gvisor is None:
            try:
                zygote = ContainerZygote(entry, self._box, within_s, GVISOR)
            except SandboxUnavailable as error:
                self._no_gvisor = str(error)
            else:
                # Its kernel lacks what some versions of it and of this package need; a request is what finds out.
                if Exchange(zygote, _TRIAL_LIMITS).run(b"") is not None:
                    return zygote
                self._no_gvisor = zygote.log_tail()
                zygote.close()
        zygote = ContainerZygote(entry, self._box, within_s)
        if self._no_gvisor:
            reason = self._no_gvisor.splitlines()[-1].partition(";")[0]
            zygote.features["runtime"] = f"{zygote.features['runtime']}, since {GVISOR} does not work here: {reason}"
        return zygote

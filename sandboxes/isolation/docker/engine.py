"""A Docker engine on this machine, through docker-py: the runtime it has, an image with nothing in it, leftovers."""

import io
import os
import socket
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandboxes.errors import SandboxUnavailable

__all__ = ["GVISOR", "INSTALL_ENGINE", "Engine", "connect", "owner_label"]

INSTALL_ENGINE = "install a Docker engine (apt-get install docker.io), start it, and join the group 'docker' or be root"
INSTALL_LIBRARY = "pip install 'kernelgym[docker]'"
GVISOR = "runsc"
"""Name of its runtime, as its documentation has it."""
_OWNER = "org.kernelgym.sandbox.owner"
_PATIENCE_S = 60
_UNIX = "unix://"
_SYSTEM_ENGINE = "unix:///var/run/docker.sock"


class Engine:
    """A connection to a Docker engine.

    Args:
        client: A `docker.DockerClient`.
        errors: The module `docker.errors`.
    """

    def __init__(self, client: Any, errors: Any) -> None:
        self.client = client
        self.errors = errors
        self.facts: dict[str, Any] = client.info()

    @property
    def default_runtime(self) -> str:
        """What the engine runs containers with unless it is told otherwise."""
        return str(self.facts.get("DefaultRuntime", "runc"))

    @property
    def has_gvisor(self) -> bool:
        """Whether it knows gVisor's runtime; not whether that works here."""
        return GVISOR in self.facts.get("Runtimes", {})

    @property
    def maps_users(self) -> bool:
        """Whether user ids inside are others than outside (`userns-remap`, rootless): then few of them exist."""
        options = self.facts.get("SecurityOptions") or ()
        return any(str(option).startswith(("name=userns", "name=rootless")) for option in options)

    def empty_image(self, *, links_tmp: str | None) -> str:
        """Id of an image that holds nothing, made here the first time; nothing is pulled.

        Args:
            links_tmp: Where `/tmp` leads, for code that knows no `TMPDIR`; `None` for a plain directory.
        """
        name = f"kernelgym-sandbox:{'linked' if links_tmp else 'plain'}-1"
        with suppress(self.errors.ImageNotFound):
            return str(self.client.images.get(name).id)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            place = tarfile.TarInfo("tmp")
            place.mode = 0o755
            place.type = tarfile.SYMTYPE if links_tmp else tarfile.DIRTYPE
            place.linkname = links_tmp or ""
            archive.addfile(place)
        repository, tag = name.split(":")
        self.client.api.import_image_from_data(content.getvalue(), repository=repository, tag=tag)
        return str(self.client.images.get(name).id)

    def remove_leftovers(self) -> None:
        """Remove the containers of owners on this machine that are dead; those of the living stay."""
        ours, _, _ = owner_label().partition("/")
        with suppress(self.errors.APIError):
            for container in self.client.containers.list(all=True, filters={"label": _OWNER}, ignore_removed=True):
                machine, _, process = container.labels[_OWNER].partition("/")
                if machine == ours and not _lives(process):
                    self.remove(container.id)

    def remove(self, container: str) -> None:
        """Kill a container with everything in it and remove it; safe if it is gone or going."""
        with suppress(self.errors.NotFound):
            try:
                self.client.api.remove_container(container, force=True, v=True)
            except self.errors.APIError as error:
                if error.status_code != 409:  # its own end is removing it at this moment
                    raise
                self.client.api.wait(container, condition="removed", timeout=_PATIENCE_S)

    def labels(self) -> dict[str, str]:
        """What marks a container as this process's."""
        return {_OWNER: owner_label()}

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def connect() -> Engine:
    """Connect to the engine that `DOCKER_HOST` names, by default the system's.

    Raises:
        SandboxUnavailable: If docker-py is not installed, no engine answers, or it is on another machine.
    """
    try:
        import docker  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise SandboxUnavailable(f"docker sandbox: no docker-py; {INSTALL_LIBRARY}") from error
    host = os.environ.get("DOCKER_HOST") or _SYSTEM_ENGINE
    if not host.startswith(_UNIX):
        raise SandboxUnavailable(
            f"docker sandbox: DOCKER_HOST={host} is not on this machine, and descriptors do not travel; "
            "use an engine behind a unix:// socket"
        )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:  # docker-py needs 40 lines to say the same
            trial.connect(host.removeprefix(_UNIX))
        return Engine(docker.DockerClient(base_url=host, version="auto", timeout=_PATIENCE_S), docker.errors)
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxUnavailable(f"docker sandbox: no engine answers at {host} ({error}); {INSTALL_ENGINE}") from error


def owner_label() -> str:
    """This process among all that this engine may serve: machine and PID namespace, `/`, process and start time."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    process = os.getpid()
    return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}/{process}:{_started(process)}"  # noqa: PTH116 - follows


def _lives(process: str) -> bool:
    number, _, started = process.partition(":")
    return number.isdigit() and _started(int(number)) == started


def _started(process: int) -> str | None:
    """When a process began, in ticks since the machine did; `None` if there is none."""
    try:
        row = Path("/proc", str(process), "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return row.rpartition(")")[2].split()[19]

"""One container with one zygote in it: started, met through a mounted socket, ended."""

import os
import secrets
import select
import shutil
import socket
import struct
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import cgroups, channel
from sandboxes.isolation.docker.engine import Engine, connect
from sandboxes.isolation.docker.inside import MEETING
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.footprint import PROJECT_ROOT, hidden_paths, interpreter_paths, system_paths
from sandboxes.isolation.ground import Ground
from sandboxes.isolation.result import printable_tail
from sandboxes.isolation.zygote_handle import LOG_BYTES, ZygoteHandle
from sandboxes.isolation.zygote_process import ZYGOTE_ENVIRONMENT

__all__ = ["REMEDY", "Box", "ContainerZygote"]

REMEDY = "see `kernelgym doctor`; `docker info` says whether the engine runs"
_PRIVATE = "/sandbox"
_MIB = 1 << 20
_FILES_PER_MIB = 256
_END_S = 3.0
_CREDENTIALS = struct.Struct("=iII")
_LOOK_EVERY_S = 0.5
_MANY_USERS = (0x60000000, 0x6FFFFFFF)
_FEW_USERS = (40_000, 60_000)
_BOOT = "import sys; sys.path[:0] = sys.argv[1:]; from sandboxes.isolation.docker.inside import become_zygote as b; b()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a container is made of and may use; it is shared by the zygote and its requests, one after the other."""

    image: str | None
    """An image with an interpreter and `kernelgym` of this version; `None` for this interpreter, mounted."""
    python: str
    """The interpreter in `image`."""
    memory_mib: int
    processes: int
    cpus: float
    temporary_mib: int


class ContainerZygote(ZygoteHandle):
    """One running zygote in a container of its own.

    Args:
        entry: What runs inside.
        box: What the container is made of.
        within_s: Patience with its start.
        runtime: What the engine runs it with; by default the engine's own choice.

    Raises:
        SandboxUnavailable: If there is no engine, the container does not start, or the zygote does not become ready.
    """

    def __init__(self, entry: Entry, box: Box, within_s: float, runtime: str | None = None) -> None:
        super().__init__()
        deadline = time.monotonic() + within_s
        self._cgroups: tuple[cgroups.Cgroup, ...] = ()
        self._container: str | None = None
        self._engine: Engine | None = None
        # Only its owner may enter the folder, so nobody else can be first at the socket.
        self._folder = tempfile.mkdtemp(prefix="kernelgym-docker-")
        try:
            self._engine = connect()
            self._runtime = runtime or self._engine.default_runtime
            self._engine.remove_leftovers()
            self.control = self._meet(self._engine, box, deadline)
            self._hand_over(entry)
        except BaseException:
            self.kill()
            self._discard()
            raise
        self.features = self._await_ready(REMEDY, max(1.0, deadline - time.monotonic()))
        self.features |= {"runtime": self._runtime, "own_files": box.image is None}

    def close(self) -> None:
        """See `ZygoteHandle.close`."""
        if not self.is_ours:
            self.control.close()
            return
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)
            self.control.settimeout(_END_S)
            while self.control.recv(channel.MAX_MESSAGE_BYTES):
                pass
        self.kill()
        self._discard()

    def kill(self) -> None:
        """See `ZygoteHandle.kill`."""
        if self._container is not None and self._engine is not None:
            with suppress(*self._faults()):  # an engine that is gone takes its containers along, or is told next time
                self._engine.remove(self._container)
            self._container = None

    def _discard(self) -> None:
        with suppress(AttributeError):  # it was never met
            self.control.close()
        self._log.close()
        if self._engine is not None:
            self._engine.close()
        cgroups.discard(self._cgroups)
        self._cgroups = ()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _faults(self) -> tuple[type[Exception], ...]:
        assert self._engine is not None
        return self._engine.errors.DockerException, OSError

    def _meet(self, engine: Engine, box: Box, deadline: float) -> socket.socket:
        """Start the container and wait until the zygote in it connects."""
        place = str(Path(self._folder, "channel"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(place)
            os.chmod(place, 0o666)  # noqa: PTH101 - for whoever the container runs as; the folder is private
            listener.listen(1)
            try:
                api = engine.client.api
                self._container = api.create_container_from_config(**self._configuration(engine, box, place))["Id"]
                output = api.attach(self._container, stdout=True, stderr=True, stream=True)
                try:
                    api.start(self._container)
                    return self._await_connection(engine, listener, output, deadline)
                finally:
                    output.close()
                    output._response.close()  # docker-py leaves it to the garbage collector, which complains
            except SandboxUnavailable:
                raise
            except self._faults() as error:
                raise SandboxUnavailable(f"docker sandbox: the container does not start ({error}); {REMEDY}") from error

    def _await_connection(self, engine: Engine, listener: socket.socket, output: Any, deadline: float) -> socket.socket:
        while not select.select([listener], [], [], _LOOK_EVERY_S)[0]:
            ended = not engine.client.api.containers(filters={"id": self._container})
            if ended or time.monotonic() >= deadline:
                reason = "ended while starting" if ended else "was not ready in time"
                self.kill()  # which ends its output, too
                said = printable_tail(b"".join(output), LOG_BYTES).strip()
                raise SandboxUnavailable(f"docker sandbox: the container {reason}; {REMEDY}\n{said}".rstrip())
        return listener.accept()[0]

    def _hand_over(self, entry: Entry) -> None:
        """Send what other zygotes inherit."""
        peer = self.control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        process, user, _ = _CREDENTIALS.unpack(peer)
        # Below the container's own groups, so that its limits hold, too; an engine in another PID namespace has none.
        self._cgroups = cgroups.make_cgroups(process) if process else ()
        cgroups.hand_over(self._cgroups, user)
        caller = os.pidfd_open(self._owner)
        ground = Ground(
            target=entry.target,
            preload=entry.preload,
            control_fd=-1,
            caller_fd=-1,
            work_dir=_PRIVATE,
            namespaces=False,
            dies_with_parent=False,
            readable=(),
            needed=(),
            cgroups=self._cgroups,
        )
        groups = [descriptor for group in self._cgroups for descriptor in group.descriptors]
        try:
            message = {"op": "ground", "ground": ground.to_json()}
            channel.send(self.control, message, (self._log.fileno(), caller, *groups))
        except OSError as error:
            raise SandboxUnavailable(f"docker sandbox: the zygote ended while starting ({error}); {REMEDY}") from error
        finally:
            os.close(caller)

    def _configuration(self, engine: Engine, box: Box, place: str) -> dict[str, Any]:
        low, high = _FEW_USERS if engine.maps_users else _MANY_USERS
        user = low + secrets.randbelow(high - low)
        mounts = [(place, MEETING)]
        masked: dict[str, str] = {}
        image, command = box.image, [box.python, "-I", "-c", _BOOT]
        if image is None:
            footprint = [*system_paths(), *interpreter_paths(), str(PROJECT_ROOT / "sandboxes")]
            paths = [path for path in footprint if not path.startswith("/sys/")]  # every container has its own /sys
            mounts += [(path, path) for path in dict.fromkeys(paths)]
            masked = dict.fromkeys(_masked_paths(), "size=4k,mode=0555")
            in_tmp = any(Path(path).is_relative_to("/tmp") for path in paths)
            image = engine.empty_image(links_tmp=None if in_tmp else _PRIVATE)
            command = [sys.executable, "-I", "-c", _BOOT, str(PROJECT_ROOT)]
        private = f"size={box.temporary_mib}m,nr_inodes={box.temporary_mib * _FILES_PER_MIB},mode=0711,exec"
        memory = box.memory_mib * _MIB
        host = {
            "AutoRemove": True,
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "MaskedPaths": _MASKED_FACTS,
            "SecurityOpt": ["no-new-privileges"],
            "IpcMode": "none",
            "PidsLimit": box.processes,
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": int(min(box.cpus, float(engine.facts.get("NCPU", 1))) * 1e9),
            "Tmpfs": {_PRIVATE: f"{private},uid={user},gid={user}", **masked},
            "Mounts": [
                {"Type": "bind", "Source": source, "Target": target, "ReadOnly": True} for source, target in mounts
            ],
            "LogConfig": {"Type": "none"},
            "RestartPolicy": {"Name": "no"},
            "Dns": ["127.0.0.1"],  # or the engine copies the machine's
            "Runtime": self._runtime,
        }
        environment = {**ZYGOTE_ENVIRONMENT, **_NO_GPU, "HOME": _PRIVATE, "TMPDIR": _PRIVATE}
        config = {
            "Image": image,
            "Entrypoint": command,
            "Cmd": [],
            "User": f"{user}:{user}",
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "WorkingDir": "/",
            "Hostname": "sandbox",
            "Labels": engine.labels(),
            "Healthcheck": {"Test": ["NONE"]},
            "StopSignal": "SIGKILL",
            "AttachStdout": True,
            "AttachStderr": True,
            "HostConfig": host,
        }
        return {"config": config, "name": f"kernelgym-{self._owner}-{secrets.token_hex(4)}"}


_NO_GPU: Final = {"NVIDIA_VISIBLE_DEVICES": "void", "NVIDIA_DRIVER_CAPABILITIES": ""}
"""For an engine whose default runtime is NVIDIA's: images for CUDA ask it for all GPUs, and `void` is none."""

_MASKED_FACTS: Final = [
    *("/proc/acpi", "/proc/asound", "/proc/driver", "/proc/interrupts", "/proc/kcore", "/proc/keys"),
    *("/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"),
    *("/sys/devices/virtual/powercap", "/sys/firmware", "/sys/bus/pci", "/sys/class/drm", "/sys/module"),
]
"""What an engine hides by itself, and what drivers tell of devices: a list of our own takes the place of its."""


def _masked_paths() -> list[str]:
    """What the footprint would show of the project beside `sandboxes`."""
    hidden = hidden_paths()
    return [str(PROJECT_ROOT)] if hidden and (PROJECT_ROOT / "pyproject.toml").exists() else hidden

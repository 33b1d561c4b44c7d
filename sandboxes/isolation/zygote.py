"""The warmed process every request forks from: `python -I -m sandboxes.isolation.zygote GROUND`.

It imports what the entry needs once, then forks a warden per request. It runs no untrusted code, holds no secret
(its memory is copied into every request), and ends as soon as its caller does.
"""

import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sandboxes.isolation import cgroups, channel, syscalls
from sandboxes.isolation.confinement import Confinement, enter_namespaces
from sandboxes.isolation.emptying import empty
from sandboxes.isolation.entry import resolve
from sandboxes.isolation.ground import Ground
from sandboxes.isolation.identity import choose_user_id
from sandboxes.isolation.landlock import landlock_version
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.offspring import spawn, sweep
from sandboxes.isolation.seccomp import SECCOMP_MACHINES
from sandboxes.isolation.warden import OVERATE, REPORT, Request, watch

__all__ = ["Zygote", "main"]

_SWEEP_S = 8.0


class Zygote:
    """Serves requests one at a time until its caller closes the channel or dies.

    Args:
        ground: What the caller said at the start.
        function: The entry, resolved.
    """

    def __init__(self, ground: Ground, function: Callable[[bytes], bytes]) -> None:
        self._ground = ground
        self._function = function
        self._channel = socket.socket(fileno=ground.control_fd)
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._user_id = choose_user_id(ground.needed)
        self._confinement = Confinement(
            user_id=self._user_id,
            namespaces=ground.namespaces and self._can_isolate(),
            readable=ground.readable,
            cgroups=ground.cgroups,
        )

    def serve(self) -> None:
        """Announce readiness, then answer requests until the caller is gone."""
        features = {
            "namespaces": self._confinement.namespaces,
            "user_id": self._user_id,
            "landlock": landlock_version(),
            "seccomp": os.uname().machine in SECCOMP_MACHINES,
            "cgroup": cgroups.describe_cgroups(self._ground.cgroups),
        }
        channel.send(self._channel, {"op": "ready", "features": features})
        while self._caller_speaks():
            received = channel.receive(self._channel)
            if received is None:
                break
            message, descriptors = received
            if message["op"] == "run":
                request_fd, answer_fd, output_fd = descriptors
                self._serve_one(
                    Request(
                        limits=Limits(**message["limits"]),
                        request_fd=request_fd,
                        answer_fd=answer_fd,
                        output_fd=output_fd,
                    )
                )
        sweep(self._user_id, _SWEEP_S)
        empty(self._ground.work_dir)
        cgroups.remove(self._ground.cgroups)
        with suppress(OSError):  # a mount point inside bubblewrap, and then nobody's concern
            Path(self._ground.work_dir).rmdir()

    def _serve_one(self, request: Request) -> None:
        report, report_write = os.pipe()
        os.set_blocking(report, False)
        directory = self._make_directory()
        cgroups.limit(self._ground.cgroups, request.limits)
        kills = cgroups.count_kills(self._ground.cgroups)

        def body() -> None:
            self._channel.close()  # or the caller would not see it end with the zygote
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            watch(request, self._function, self._confinement, directory, report_write)

        warden = self._spawn(body)
        for descriptor in (request.request_fd, request.answer_fd, request.output_fd, report_write):
            os.close(descriptor)
        alive = self._await_end(warden)
        os.waitpid(warden, 0)
        try:
            raw = os.read(report, REPORT.size)
        except BlockingIOError:
            raw = b""
        os.close(report)
        swept = sweep(self._user_id, _SWEEP_S) and empty(self._ground.work_dir)
        wait_status = REPORT.unpack(raw)[0] if len(raw) == REPORT.size else None
        if wait_status == signal.SIGKILL and cgroups.count_kills(self._ground.cgroups) > kills:
            wait_status = OVERATE
        if alive:
            channel.send(self._channel, {"op": "done", "wait_status": wait_status, "swept": swept})

    def _await_end(self, warden: int) -> bool:
        """Wait for the warden, killing it when the caller says so; false if the caller is gone."""
        ended = os.pidfd_open(warden)
        poller = select.poll()
        for descriptor in (ended, self._channel.fileno(), self._ground.caller_fd):
            poller.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = {descriptor for descriptor, _ in poller.poll()}
                if ended in ready:
                    return True
                os.kill(warden, signal.SIGKILL)  # "kill" is all a caller says now, and silence is its death
                if self._ground.caller_fd in ready or channel.receive(self._channel) is None:
                    return False
        finally:
            os.close(ended)

    def _caller_speaks(self) -> bool:
        poller = select.poll()
        poller.register(self._channel.fileno(), select.POLLIN)
        poller.register(self._ground.caller_fd, select.POLLIN)
        return self._ground.caller_fd not in {descriptor for descriptor, _ in poller.poll()}

    def _make_directory(self) -> str:
        if self._confinement.namespaces:
            return self._ground.work_dir
        directory = Path(self._ground.work_dir, "request")
        directory.mkdir(mode=0o700)
        if self._user_id is not None:
            os.chown(directory, self._user_id, self._user_id)
        return str(directory)

    def _spawn(self, body: Callable[[], None]) -> int:
        """Fork, into a new PID namespace where requests get one."""
        if not self._confinement.namespaces:
            return spawn(body)
        return self._spawn_isolated(body)

    def _spawn_isolated(self, body: Callable[[], None]) -> int:
        syscalls.unshare(syscalls.CLONE_NEWPID)
        try:
            return spawn(body)
        finally:
            syscalls.setns(self._pid_namespace, syscalls.CLONE_NEWPID)

    def _can_isolate(self) -> bool:
        """Try what every request will do; containers and kernels differ in what they permit."""
        try:
            # If the way back is closed, every later fork would land in a namespace whose PID 1 is dead.
            syscalls.setns(self._pid_namespace, syscalls.CLONE_NEWPID)
            child = self._spawn_isolated(lambda: enter_namespaces(self._user_id, self._ground.work_dir, 1))
        except OSError:
            return False
        return os.waitpid(child, 0)[1] == 0


def main(text: str) -> None:
    """Warm up and serve; `text` is a `Ground` as JSON."""
    ground = Ground.from_json(text)
    if ground.dies_with_parent:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is the caller's to handle; it closes the channel
    os.chdir(ground.work_dir)  # the preload may write files
    function = resolve(ground.target)
    if ground.preload is not None:
        resolve(ground.preload)()
    os.chdir("/")
    empty(ground.work_dir)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    gc.collect()
    gc.freeze()
    Zygote(ground, function).serve()


if __name__ == "__main__":
    main(sys.argv[1])

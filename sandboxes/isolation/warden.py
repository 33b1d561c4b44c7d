"""The process between the zygote and one request: PID 1 of the request's namespaces, witness of how it ended.

It runs no untrusted code and shares nothing with it but the pipes it hands on. As PID 1 it cannot be killed from
inside, and when it ends the kernel kills everything else in its namespace.
"""

import os
import select
import struct
from collections.abc import Callable
from dataclasses import dataclass

from sandboxes.isolation import syscalls
from sandboxes.isolation.appetite import descendants, grown_bytes, own_bytes
from sandboxes.isolation.candidate import answer_request
from sandboxes.isolation.cgroups import join
from sandboxes.isolation.confinement import Confinement, confine, enter_namespaces
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.offspring import spawn

__all__ = ["CROWDED", "OVERATE", "REPORT", "Request", "watch"]

REPORT = struct.Struct("=i")
OVERATE = -1
"""In place of a wait status: the request's processes together held too much memory."""
CROWDED = -2
"""Likewise: there were too many of them."""

_LOOK_EVERY_MS = 50
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as the zygote received it."""

    limits: Limits
    request_fd: int
    """Sealed memory file with the request bytes."""
    answer_fd: int
    output_fd: int


def watch(
    request: Request,
    function: Callable[[bytes], bytes],
    confinement: Confinement,
    directory: str,
    report_fd: int,
) -> None:
    """Run one request in a child and write the child's wait status to `report_fd`."""
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    if confinement.namespaces:
        enter_namespaces(confinement.user_id, directory, 4 * request.limits.file_size_mib)

    def run() -> None:
        join(confinement.cgroups)
        data = _read_all(request.request_fd)
        answer_fd = confine(confinement, directory, request.limits, request.output_fd, request.answer_fd)
        answer_request(function, data, answer_fd)

    candidate = spawn(run)
    for descriptor in (request.request_fd, request.answer_fd, request.output_fd):
        os.close(descriptor)
    os.write(report_fd, REPORT.pack(_await_end(candidate, request.limits)))


def _await_end(candidate: int, limits: Limits) -> int:
    """The candidate's wait status; `OVERATE` or `CROWDED` as soon as it has too much memory or processes.

    Root's processes are exempt from `RLIMIT_NPROC`, so where requests cannot get another user id only this counts.
    """
    inherited = own_bytes(os.getpid())
    poller = select.poll()
    poller.register(os.pidfd_open(candidate), select.POLLIN)
    while not poller.poll(_LOOK_EVERY_MS):
        processes = descendants()
        if len(processes) > limits.processes:
            return CROWDED
        if grown_bytes(processes, inherited) > limits.memory_mib * _MIB:
            return OVERATE
    return os.waitpid(candidate, 0)[1]


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    parts = []
    offset = 0
    while offset < size:
        part = os.pread(descriptor, size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)

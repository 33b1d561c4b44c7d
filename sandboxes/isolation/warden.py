"""The process between the zygote and one request: PID 1 of the request's namespaces, witness of how it ended.

It runs no untrusted code and shares nothing with it but the pipes it hands on. As PID 1 it cannot be killed from
inside, and when it ends the kernel kills everything else in its namespace.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from sandboxes.isolation.candidate import answer_request
from sandboxes.isolation.confinement import Confinement, confine, enter_namespaces
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.offspring import spawn

__all__ = ["REPORT", "Request", "watch"]

REPORT = struct.Struct("=i")


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
    if confinement.namespaces:
        enter_namespaces(confinement.user_id, directory, 4 * request.limits.file_size_mib)

    def run() -> None:
        data = _read_all(request.request_fd)
        answer_fd = confine(confinement, directory, request.limits, request.output_fd, request.answer_fd)
        answer_request(function, data, answer_fd)

    candidate = spawn(run)
    for descriptor in (request.request_fd, request.answer_fd, request.output_fd):
        os.close(descriptor)
    while True:
        process, status = os.waitpid(-1, 0)
        if process == candidate:
            os.write(report_fd, REPORT.pack(status))
            return


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

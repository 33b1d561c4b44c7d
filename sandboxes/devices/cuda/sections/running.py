"""A tool as a process: with a time limit, and with output that is read only as far as it goes."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandboxes.devices.cuda.sections.folder import Folder

MODULE: Final = "sandboxes.devices.cuda.sections.replaying"
MAX_LOG_BYTES: Final = 16 * 2**20
"""Longest output of a tool that is read; one that writes more is ended."""
MAX_WORDS: Final = 2000
LOOK_S: Final = 0.05
"""How often somebody looks how much has been written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended."""

    status: int | None
    """None if it was ended, by `reason`."""
    words: str
    """The end of what it printed."""
    reason: str = ""


def replaying(folder: Folder, timeout_s: float) -> list[str]:
    """Returns the command that runs what a folder holds, and ends by itself, wherever a tool has put its process."""
    return [sys.executable, "-I", "-m", MODULE, str(folder.path), "--limit-s", str(max(1, math.ceil(timeout_s)))]


def run(command: Sequence[str], folder: Folder, timeout_s: float, outputs: Sequence[Path]) -> Ended:
    """Runs a command to its end, or until its time is up or it has written too much.

    Args:
        command: What to run.
        folder: Where what it prints goes, and what its compilers keep.
        timeout_s: Until it is ended, with all that it has started.
        outputs: Files that it may write `MAX_LOG_BYTES` into.

    Raises:
        OSError: It can't be started.
    """
    with folder.words.open("wb") as words:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT, env=_environment(folder),
            start_new_session=True,
        )  # fmt: skip
    try:
        reason = _awaited(process, time.monotonic() + timeout_s, (folder.words, *outputs))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what it has left behind
        process.wait()
    if reason == "time":
        reason = f"it did not end within {timeout_s:g} s"
    status = None if reason else process.returncode
    return Ended(status=status, words=end_of(folder.words), reason=reason)


def beginning_of(path: Path) -> str:
    """Returns what a file holds, as far as `MAX_LOG_BYTES`; nothing if it is not there."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_LOG_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def end_of(path: Path) -> str:
    """Returns the last characters of a file."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - MAX_WORDS))
        return file.read(MAX_WORDS).decode("utf-8", errors="replace").strip()


def last_line(text: str) -> str:
    """Returns the last line of a text that says anything; empty if none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _awaited(process: "subprocess.Popen[bytes]", deadline_s: float, files: Sequence[Path]) -> str:
    """Waits; returns why not until the end, or nothing."""
    while process.poll() is None:
        if time.monotonic() > deadline_s:
            return "time"
        for file in files:
            with suppress(FileNotFoundError):
                if file.stat().st_size > MAX_LOG_BYTES:
                    return f"it wrote more than {MAX_LOG_BYTES // 2**20} MiB"
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
    return ""


def _environment(folder: Folder) -> Mapping[str, str]:
    """Returns this process's environment, with places for a compiler's cache and temporary files of its own."""
    return {**os.environ, "TRITON_CACHE_DIR": str(folder.path / "triton"), "LC_ALL": "C.UTF-8"}

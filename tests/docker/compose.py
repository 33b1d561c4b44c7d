"""Compose, whichever there is: the plugin of Docker's command, or Debian's `docker-compose`."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

PROJECT = "kernelgym-test"


def compose_command() -> list[str] | None:
    """The command, or `None` where there is none."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=30, check=False)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


class Compose:
    """The project's `compose.yaml` in a folder, with an environment of its own.

    Args:
        command: What `compose_command` found.
        folder: A checkout.
        variables: What `.env` would have.
    """

    def __init__(self, command: list[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._command = [*command, "-f", str(folder / "docker/compose.yaml"), "-p", PROJECT]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        # Docker's newer builder is a plugin of its own, and not everywhere.
        self._environment = {**kept, "DOCKER_BUILDKIT": "0", **variables}

    def run(self, *arguments: str, timeout_s: float = 300.0) -> str:
        """Runs a command of compose; returns what it printed."""
        done = subprocess.run(
            [*self._command, *arguments], env=self._environment, capture_output=True, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout

    def service(self, name: str) -> list[str]:
        """Ids of the containers of a service."""
        return self.run("ps", "-q", name).split()

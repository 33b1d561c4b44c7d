"""Who has no engine, or one that can't serve, is told so in a sentence with a remedy; nothing else needs docker-py."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import create_sandbox
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY
from sandboxes.isolation.docker.engine import _lives, connect, owner_label
from sandboxes.isolation.factory import describe_sandbox


def test_an_engine_that_does_not_run_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with create_sandbox("docker", CONFORMANCE_ENTRY) as sandbox:
        assert describe_sandbox(sandbox) == "docker"
        with pytest.raises(SandboxUnavailable, match=r"none\.sock.*apt-get install docker\.io"):
            sandbox.warm_up()


def test_an_engine_on_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")
    with pytest.raises(SandboxUnavailable, match="tcp://elsewhere:2376 is not on this machine"):
        connect()


def test_without_docker_py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(SandboxUnavailable, match=r"pip install 'kernelgym\[docker\]'"):
        connect()


def test_sandboxes_are_imported_without_docker_py() -> None:
    program = "import sys, sandboxes.isolation; sys.exit('docker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_a_container_belongs_to_a_process_and_not_to_a_number() -> None:
    _, _, process = owner_label().partition("/")
    assert _lives(process)
    number, _, started = process.partition(":")
    assert not _lives(f"{number}:{int(started) + 1}"), "another process that got the number"
    assert not _lives(f"{2**22 + 1}:1")

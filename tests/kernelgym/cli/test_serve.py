"""`kernelgym serve`: what it says, what it refuses, how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli.app import app
from kernelgym.cli.services import Services
from kernelgym.settings import Settings

COMMAND = (sys.executable, "-c", "from kernelgym.cli import main; main()", "serve", "--port", "0")
ORDER = {"kind": "describe", "problem": {"id": "core/softmax"}, "priority": "interactive"}


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=Services(settings=Settings()), catch_exceptions=False)


def without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KERNELGYM_")}


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Yields the process, its URL and its first line."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=without_settings()
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line or (process.stderr.read() if process.stderr else "")
        yield process, found[0], line
    finally:
        process.kill()
        process.communicate()


def children(pid: int) -> set[int]:
    """Returns the processes below `pid`."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            for child in map(int, task.read_text(encoding="utf-8").split()):
                found |= {child} | children(child)
    return found


def test_a_token_is_printed_once_and_kept_as_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    first = invoke("serve", "token", "trainer", "--scopes", "read,submit", "--file", str(path))
    assert re.fullmatch(r"kg_[\w-]{43}\n", first.stdout)
    assert first.stdout.strip() not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    invoke("serve", "token", "grafana", "--scopes", "operate", "--file", str(path))
    assert path.read_text(encoding="utf-8").count("sha256: ") == 2
    again = invoke("serve", "token", "trainer", "--file", str(path))
    assert again.exit_code == 2
    assert "has a token 'trainer' already" in again.stderr
    for arguments, says in (
        (("x", "--scopes", "red"), "did you mean 'read'?"),
        (("x", "--scopes", ","), "good for nothing"),
        (("a b",), "can't be a token's"),
    ):
        assert says in invoke("serve", "token", *arguments).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "0.0.0.0"), "--tokens"),
        (("--tokens", "nothing.yaml"), "can't be read"),
        (("--log", "xml"), "text or json"),
        (("--problems", "kernelbench:nowhere"), "nowhere"),
        (("--redis", "redis://localhost:1/0", "--workers", "2"), "kernelgym worker"),
        (("--redis", "http://localhost"), "--redis"),
        (("--host", "192.0.2.1", "--tokens", "TOKENS"), "can't listen at"),
    ],
)
@pytest.mark.slow
def test_what_can_not_be_served_is_refused_with_a_remedy(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:  # fmt: skip
    path = tmp_path / "tokens.yaml"
    invoke("serve", "token", "me", "--file", str(path))
    result = invoke("serve", "--port", "0", *(str(path) if word == "TOKENS" else word for word in arguments))
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.startswith("error:")


@pytest.mark.slow
def test_it_says_what_protects_it_works_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    import httpx  # noqa: PLC0415 - an extra

    with served("--answers", str(tmp_path / "answers")) as (process, url, line):
        assert "no tokens" in line
        with httpx.Client(base_url=url, timeout=70) as client:
            job = client.post("/v1/jobs", json=ORDER).json()
            while job["state"] not in ("done", "cancelled"):
                job = client.get(f"/v1/jobs/{job['id']}", params={"wait_s": 60}).json()
            assert job["answer"]["kind"] == "described"
        below = children(process.pid)
        assert below
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in below):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.slow
def test_a_log_for_programs_has_nothing_else_in_it() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--log", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=without_settings()
    )
    try:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        assert (first["event"], first["role"]) == ("serving", "api")
        assert re.search(r"http://\S+", first["message"])
        process.send_signal(signal.SIGTERM)
        out, rest = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert out == ""
    assert [json.loads(line)["event"] for line in rest.splitlines()] == ["ending"]


@pytest.mark.slow
def test_answers_survive_a_restart(tmp_path: Path) -> None:
    import httpx  # noqa: PLC0415 - an extra

    answers = str(tmp_path / "answers")
    with served("--answers", answers) as (process, url, _):
        id = httpx.post(f"{url}/v1/jobs", json=ORDER).json()["id"]
        while httpx.get(f"{url}/v1/jobs/{id}", params={"wait_s": 60}, timeout=70).status_code != 200:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with served("--answers", answers) as (_, url, _):
        again = httpx.post(f"{url}/v1/jobs", json=ORDER)
        assert (again.status_code, again.json()["cached"]) == (200, True)


@pytest.mark.slow
def test_without_its_packages_it_names_the_extra() -> None:
    code = "import sys; sys.modules['fastapi'] = None; from kernelgym.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "serve", "--port", "0"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "pip install 'kernelgym[serve]'" in ended.stderr
    assert "Traceback" not in ended.stderr

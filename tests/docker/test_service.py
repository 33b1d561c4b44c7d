"""The images and the compose file, for real: built from a base made here, started hardened, asked for a verdict."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernelgym.evaluators.remote import KernelGymClient
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Submission
from sandboxes.isolation.docker.engine import Engine
from tests.docker.base_image import PROGRAMS, make_base_image
from tests.docker.compose import Compose, compose_command

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
CONTEXT = ("constraints.txt", "docker", "kernelgym", "kernelgym_verifiers.py", "LICENSE", "policies", "pyproject.toml",
           "README.md", "rewards", "sandboxes", ".dockerignore", "tests/hacks/corpus")  # fmt: skip
PASSWORD = "0123456789abcdef-redis"
CANARY = "canary-that-no-layer-may-hold"
HEALTHY_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as users have it, with secrets lying about that no image may get."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in CONTEXT:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".env", "access"))
        else:
            shutil.copy(source, target)
    (folder / "docker/access").mkdir()
    for name in ("docker/.env", "docker/access/other.yaml", ".env", "kernelgym/.env", ".git-credentials"):
        (folder / name).write_text(CANARY)
    (folder / "docker/.env").write_text(f"REDIS_PASSWORD={PASSWORD}\nUNUSED={CANARY}\n")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def token(checkout: Path) -> str:
    file = checkout / "docker/access/tokens.yaml"
    command = [
        str(Path(sys.executable).with_name("kernelgym")),
        "serve",
        "token",
        "test",
        "--scopes",
        "read,submit,operate",
    ]
    made = subprocess.run([*command, "--file", str(file)], capture_output=True, text=True, timeout=60, check=True)
    file.chmod(0o644)
    return made.stdout.strip()


@pytest.fixture(scope="module")
def images(docker_engine: Engine, checkout: Path) -> Compose:
    command = compose_command()
    if command is None:
        pytest.skip("neither `docker compose` nor docker-compose is installed (apt-get install docker-compose)")
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"the base image needs {', '.join(missing)} (apt-get install redis-server bubblewrap)")
    base = make_base_image(docker_engine)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "BASE": base, "REDIS_IMAGE": base, "PIP_OPTIONS": "--no-index --no-build-isolation", "PORT": str(port),
        "REDIS_PASSWORD": PASSWORD, "API_IMAGE": "kernelgym-test-api", "WORKER_IMAGE": "kernelgym-test-worker",
        "WORKER_LIMIT": "6g", "PROCESSES": "1",
    }  # fmt: skip
    compose = Compose(command, checkout, variables)
    compose.run("build", "api", "worker", timeout_s=400)
    return compose


@pytest.fixture(scope="module")
def service(images: Compose, token: str, docker_engine: Engine) -> Iterator[Compose]:
    try:
        images.run("up", "-d", "redis", "api", "worker")
        deadline = time.monotonic() + HEALTHY_WITHIN_S
        while (ill := _ill(images, docker_engine)) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not ill, f"{ill}\n{images.run('logs')[-4000:]}"
        yield images
    finally:
        images.run("down", "-v", "-t", "20")


def _ill(compose: Compose, engine: Engine) -> dict[str, str]:
    states = {}
    for name in ("redis", "api", "worker"):
        for container in compose.service(name):
            states[name] = (
                engine.client.api.inspect_container(container)["State"].get("Health", {}).get("Status", "none")
            )
    return {name: state for name, state in states.items() if state != "healthy"}


def _address(compose: Compose, engine: Engine) -> str:
    (container,) = compose.service("api")
    published = engine.client.api.inspect_container(container)["NetworkSettings"]["Ports"]["8000/tcp"][0]
    assert published["HostIp"] == "127.0.0.1"
    return f"http://127.0.0.1:{published['HostPort']}"


def _inside(compose: Compose, engine: Engine, service: str, program: str) -> Any:
    """What Python in a container of this service prints as JSON."""
    (container,) = compose.service(service)
    result = engine.client.containers.get(container).exec_run(["python3", "-c", program])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_candidate_submitted_over_http_gets_its_verdict(service: Compose, docker_engine: Engine, token: str) -> None:
    problem = get_problem("core/add_relu")
    solutions = {each.name: Submission(source=each.source) for each in list_solutions(problem.id)}
    with KernelGymClient(_address(service, docker_engine), token=token) as client:
        report = client.evaluate(solutions["correct"], problem, EvalConfig())
    assert report.outcome is Outcome.OK, report
    assert report.profile is not None


def test_nobody_is_let_in_without_a_token(service: Compose, docker_engine: Engine) -> None:
    address = _address(service, docker_engine)
    assert httpx.get(f"{address}/health/live", timeout=10).status_code == 200
    assert httpx.get(f"{address}/v1/problems", timeout=10).status_code == 401


@pytest.mark.parametrize("name", ["api", "worker"])
def test_inside_there_is_no_privilege_and_nothing_to_write_but_tmp(
    service: Compose, docker_engine: Engine, name: str
) -> None:
    program = """
import json, os
status = dict(row.split(':', 1) for row in open('/proc/1/status'))
written = []
for place in ('/', '/opt/kernelgym', '/usr', '/etc', '/run', '/tmp'):
    try:
        open(place + '/written', 'w').close()
        written.append(place)
    except OSError:
        pass
print(json.dumps([os.getuid(), status['Uid'].split(), status['CapEff'].strip(), status['CapBnd'].strip(),
                  status['NoNewPrivs'].strip(), written]))
"""
    user, users, effective, bounding, no_new, written = _inside(service, docker_engine, name, program)
    assert user == 10001
    assert set(users) == {"10001"}
    assert int(effective, 16) == int(bounding, 16) == 0
    assert no_new == "1"
    assert written == ["/tmp"]


def test_a_worker_reaches_redis_and_nothing_else(service: Compose, docker_engine: Engine) -> None:
    program = """
import json, socket
reached = []
for address in (('redis', 6379), ('1.1.1.1', 53), ('172.17.0.1', 22)):
    try:
        socket.create_connection(address, 2).close()
        reached.append(address[0])
    except OSError:
        pass
print(json.dumps(reached))
"""
    assert _inside(service, docker_engine, "worker", program) == ["redis"]


def test_redis_wants_its_password_and_its_command_line_does_not_tell_it(
    service: Compose, docker_engine: Engine
) -> None:
    (container,) = service.service("redis")
    asked = docker_engine.client.containers.get(container).exec_run(["redis-cli", "ping"])
    assert b"NOAUTH" in asked.output
    rows = docker_engine.client.api.top(container)["Processes"]
    assert rows
    assert PASSWORD not in str(rows)


def test_no_layer_holds_a_secret(images: Compose, docker_engine: Engine) -> None:
    for name in ("kernelgym-test-api", "kernelgym-test-worker"):
        image = docker_engine.client.images.get(name)
        told = json.dumps(docker_engine.client.api.history(image.id)) + json.dumps(image.attrs)
        assert CANARY not in told
        assert PASSWORD not in told
        search = f"""
import os, sys
found = [os.path.join(root, name) for root, _, names in os.walk('/') for name in names
         if not root.startswith(('/proc', '/sys', '/usr')) and os.path.isfile(os.path.join(root, name))
         and {CANARY.encode()!r} in open(os.path.join(root, name), 'rb').read()]
print(found)
"""
        output = docker_engine.client.containers.run(
            name, ["-c", search], entrypoint="python3", remove=True, network_mode="none"
        )
        assert output.strip() == b"[]"


def test_a_worker_that_is_told_to_end_gives_its_place_up(service: Compose, docker_engine: Engine, token: str) -> None:
    address = _address(service, docker_engine)
    headers = {"authorization": f"Bearer {token}"}
    before = httpx.get(f"{address}/v1/status", headers=headers, timeout=10).json()["workers"]
    assert len(before) == 1
    (container,) = service.service("worker")
    docker_engine.client.api.stop(container, timeout=30)
    assert docker_engine.client.api.inspect_container(container)["State"]["ExitCode"] == 0
    assert httpx.get(f"{address}/v1/status", headers=headers, timeout=10).json()["workers"] == []

"""What a container of untrusted code has, lacks and leaves, by the engine's own word and from inside."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Submission
from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation import DockerSandbox, Entry, Limits, SandboxStatus
from sandboxes.isolation.cgroups import _parents
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, CONFORMANCE_LIMITS
from sandboxes.isolation.docker.container import ContainerZygote
from sandboxes.isolation.docker.engine import Engine
from sandboxes.isolation.factory import describe_sandbox

pytestmark = pytest.mark.docker

PATIENT = replace(CONFORMANCE_LIMITS, wall_time_s=30.0)


def ours(engine: Engine) -> list[Any]:
    """Containers of sandboxes, whoever started them and whether they run."""
    label = next(iter(engine.labels()))
    containers: list[Any] = engine.client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    return containers


def mine(engine: Engine) -> set[str]:
    """Ids of those that this process started."""
    return {each.id for each in ours(engine) if engine.labels().items() <= each.labels.items()}


def container_of(sandbox: DockerSandbox, engine: Engine) -> Any:
    assert isinstance(sandbox._zygote, ContainerZygote)
    return engine.client.containers.get(sandbox._zygote._container)


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def sandbox(docker_engine: Engine) -> Iterator[DockerSandbox]:
    with DockerSandbox(CONFORMANCE_ENTRY) as made:
        made.warm_up()
        yield made


def test_the_engine_confirms_every_restriction(sandbox: DockerSandbox, docker_engine: Engine) -> None:
    facts = container_of(sandbox, docker_engine).attrs
    host = facts["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["DeviceRequests"]
    assert {"/proc/driver", "/proc/kcore", "/sys/firmware"} <= set(host["MaskedPaths"])
    assert "NVIDIA_VISIBLE_DEVICES=void" in facts["Config"]["Env"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not host["Privileged"]
    assert host["PidsLimit"] == 256
    assert host["Memory"] == host["MemorySwap"] == 8192 << 20
    assert 0 < host["NanoCpus"] <= 4e9
    assert host["AutoRemove"]
    assert "size=256m" in host["Tmpfs"]["/sandbox"]
    assert all(not mount["RW"] for mount in facts["Mounts"])
    assert not [mount for mount in facts["Mounts"] if mount["Source"].endswith("docker.sock")]
    user, group = facts["Config"]["User"].split(":")
    assert int(user) == int(group) >= 40_000


def test_inside_there_is_nobody_to_be_and_nothing_to_reach(sandbox: DockerSandbox) -> None:
    source = """
        import os
        status = dict(row.split(':', 1) for row in open('/proc/self/status'))
        tried = []
        for path in ('/written', '/usr/written', '/etc/hosts', '/meeting', '/dev/mqueue/written', '/run/written'):
            try: open(path, 'w').close(); tried.append(path)
            except OSError: pass
        answer = os.getuid() > 0, status['CapBnd'].strip(), status['NoNewPrivs'].strip(), tried, os.getpid() < 100
    """
    result = sandbox.run(textwrap.dedent(source).encode(), PATIENT)
    assert result.payload == b"(True, '0000000000000000', '1', [], True)", result


def test_the_runtime_is_named_where_people_read_what_the_sandbox_is(
    sandbox: DockerSandbox, docker_engine: Engine
) -> None:
    runtime = str(sandbox.features["runtime"])
    assert describe_sandbox(sandbox) == f"docker (runtime {runtime})"
    assert runtime.split(",")[0] in docker_engine.facts["Runtimes"]
    if docker_engine.has_gvisor:
        assert "runsc" in runtime, "either it is used, or it is said why not"
    assert {gap.partition(":")[0] for gap in sandbox.gaps} <= {"counted memory", "signals", "processes"}


def test_a_container_killed_under_a_request_costs_that_request_nothing_but_time(docker_engine: Engine) -> None:
    with DockerSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        first = container_of(sandbox, docker_engine)

        def kill() -> None:
            assert eventually(lambda: len(first.top()["Processes"]) == 4), "zygote, warden, candidate and its child"
            first.kill(signal="SIGKILL")

        killer = threading.Thread(target=kill)
        killer.start()
        source = b"import os, time\nchild = os.fork()\ntime.sleep(2)\nif not child: os._exit(0)\nanswer = 2"
        assert sandbox.run(source, PATIENT).payload == b"2"
        killer.join()
        assert container_of(sandbox, docker_engine).id != first.id


def test_a_container_killed_between_requests_is_replaced_unnoticed(docker_engine: Engine) -> None:
    with DockerSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        container_of(sandbox, docker_engine).kill(signal="SIGKILL")
        assert sandbox.run(b"answer = 1", PATIENT).payload == b"1"


def test_closing_removes_the_container_and_its_control_groups(docker_engine: Engine) -> None:
    with DockerSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        container = container_of(sandbox, docker_engine)
        groups = [
            path for _, _, group in _parents(container.attrs["State"]["Pid"]) for path in group.glob("kernelgym*")
        ]
    assert container.id not in {each.id for each in ours(docker_engine)}
    assert not [path for path in groups if path.exists()]


def test_nothing_is_left_when_the_owner_is_killed(docker_engine: Engine) -> None:
    script = """
        import threading
        from sandboxes.isolation import DockerSandbox, Limits
        from sandboxes.isolation.conformance import CONFORMANCE_ENTRY
        sandbox = DockerSandbox(CONFORMANCE_ENTRY)
        sandbox.warm_up()
        threading.Timer(0.3, lambda: print(sandbox._zygote._container, flush=True)).start()
        sandbox.run(b"import os, time\\nos.fork()\\nos.setsid()\\ntime.sleep(1000)", Limits(wall_time_s=60))
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        container = owner.stdout.readline().strip()
        assert container in {each.id for each in ours(docker_engine)}
        owner.kill()
        owner.wait()
    assert eventually(lambda: container not in {each.id for each in ours(docker_engine)})


def test_what_a_dead_owner_never_started_is_removed_by_the_next_one(docker_engine: Engine) -> None:
    label, living = next(iter(docker_engine.labels().items()))
    machine, _, process = living.partition("/")
    dead = f"{machine}/{process.partition(':')[0]}:1"
    image = docker_engine.empty_image(links_tmp=None)
    made = {
        owner: docker_engine.client.containers.create(image, "/true", labels={label: owner}, network_mode="none")
        for owner in (living, dead, f"another-machine:1/{process}")
    }
    try:
        with DockerSandbox(CONFORMANCE_ENTRY) as sandbox:
            sandbox.warm_up()
        left = {each.id for each in ours(docker_engine)}
        assert [container.id in left for container in made.values()] == [True, False, True]
    finally:
        for container in made.values():
            docker_engine.remove(container.id)


def test_the_containers_own_budget_holds_whatever_the_request_may_use(docker_engine: Engine) -> None:
    """Where control groups of requests are out of reach, the container's own still count."""
    limits = Limits(memory_mib=4096, processes=64)
    eater = "import os\nos.fork()\nkept = b'x' * (400 << 20)"
    with DockerSandbox(CONFORMANCE_ENTRY, memory_mib=256) as sandbox:
        result = sandbox.run(eater.encode(), limits)
        assert result.status in (SandboxStatus.MEMORY, SandboxStatus.KILLED)
        assert sandbox.run(b"answer = 1", PATIENT).payload == b"1"


def test_a_preload_that_fails_says_so_in_its_own_words(docker_engine: Engine) -> None:
    before = mine(docker_engine)
    entry = Entry(target="sandboxes.isolation.nowhere:run")
    with DockerSandbox(entry) as sandbox, pytest.raises(SandboxUnavailable, match=r"isolation\.nowhere"):
        sandbox.warm_up()
    assert mine(docker_engine) == before


def test_an_image_without_an_interpreter_is_refused_and_nothing_stays(docker_engine: Engine) -> None:
    before = mine(docker_engine)
    image = docker_engine.empty_image(links_tmp=None)
    with (
        DockerSandbox(CONFORMANCE_ENTRY, image=image) as sandbox,
        pytest.raises(SandboxUnavailable, match=r"does not start.*python3"),
    ):
        sandbox.warm_up()
    assert mine(docker_engine) == before


def test_a_candidate_is_judged_in_a_container_as_anywhere_else(docker_engine: Engine) -> None:
    problem = get_problem("core/add_relu")
    correct = Submission(source=next(each.source for each in list_solutions(problem.id) if each.name == "correct"))
    config = EvalConfig(seed=7)
    reports = []
    for kind in ("process", "docker"):
        with LocalEvaluator(sandbox=kind) as evaluator:
            reports.append(evaluator.evaluate(correct, problem, config))
    assert reports[1].outcome is Outcome.OK
    assert reports[0].profile == reports[1].profile
    assert [case.max_error for case in reports[0].cases] == [case.max_error for case in reports[1].cases]

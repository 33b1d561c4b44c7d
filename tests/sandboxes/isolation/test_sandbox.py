"""What a caller relies on beyond the conformance suite: starting, sharing, ending, and who is to blame."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import venv
from dataclasses import replace
from pathlib import Path

import pytest

import sandboxes.isolation
from sandboxes.errors import SandboxBroken, SandboxesError, SandboxUnavailable
from sandboxes.isolation import (
    BubblewrapSandbox,
    Entry,
    Limits,
    ProcessSandbox,
    Sandbox,
    SandboxStatus,
    create_sandbox,
    probe,
)
from sandboxes.isolation.cgroups import _parents as cgroup_parents
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, CONFORMANCE_LIMITS, SCENARIOS
from sandboxes.isolation.offspring import offspring_of
from sandboxes.isolation.protection import Protection
from sandboxes.isolation.result import printable_tail
from sandboxes.isolation.zygote_process import ZygoteProcess

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed (apt-get install bubblewrap)"
)


PATIENT = replace(CONFORMANCE_LIMITS, wall_time_s=30.0)


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def answer_of(sandbox: Sandbox, source: str) -> bytes | None:
    return sandbox.run(source.encode(), PATIENT).payload


def test_the_public_surface_is_frozen() -> None:
    assert set(sandboxes.isolation.__all__) == {
        "SANDBOX_KINDS",
        "BubblewrapSandbox",
        "DockerSandbox",
        "Entry",
        "Limits",
        "ProcessSandbox",
        "Sandbox",
        "SandboxResult",
        "SandboxStatus",
        "create_sandbox",
        "probe",
    }


def test_an_unknown_kind_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'bubblewrap'"):
        create_sandbox("bublewrap", CONFORMANCE_ENTRY)


def test_auto_falls_back_to_processes_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with create_sandbox("auto", CONFORMANCE_ENTRY) as sandbox:
        assert sandbox.name == "process"
        assert "apt-get install bubblewrap" in (sandbox.fallback_reason or "")
        assert answer_of(sandbox, "answer = 1") == b"1"


@needs_bubblewrap
def test_auto_prefers_bubblewrap() -> None:
    with create_sandbox("auto", CONFORMANCE_ENTRY) as sandbox:
        assert (sandbox.name, sandbox.fallback_reason) == ("bubblewrap", None)


@pytest.mark.parametrize("kind", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_an_entry_that_does_not_import_is_our_fault_and_named(kind: str) -> None:
    entry = Entry(target="sandboxes.isolation.nowhere:run")
    with create_sandbox(kind, entry) as sandbox, pytest.raises(SandboxUnavailable, match=r"isolation\.nowhere"):
        sandbox.run(b"", Limits())


def test_a_preload_that_fails_is_our_fault_and_named() -> None:
    entry = Entry(target=CONFORMANCE_ENTRY.target, preload="os:abort")
    with ProcessSandbox(entry) as sandbox, pytest.raises(SandboxUnavailable, match="ended while starting"):
        sandbox.run(b"", Limits())


def test_a_closed_sandbox_refuses_to_run() -> None:
    sandbox = ProcessSandbox(CONFORMANCE_ENTRY)
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxBroken, match="after close"):
        sandbox.run(b"", Limits())


def test_a_zygote_that_dies_under_a_request_costs_that_request_nothing_but_time() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        assert sandbox._zygote is not None
        zygote = sandbox._zygote
        below: list[int] = []

        def end() -> None:
            below.extend(offspring_of(zygote._process.pid))
            zygote.kill()

        threading.Timer(0.5, end).start()
        daemon = "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(1000)\ntime.sleep(1)\nanswer = 2"
        assert answer_of(sandbox, daemon) == b"2"
        assert len(below) == 3, "warden, candidate, daemon"
        assert not [pid for pid in below if is_running(pid)]
        assert answer_of(sandbox, "answer = 1") == b"1"


@pytest.mark.parametrize("kind", [ProcessSandbox, pytest.param(BubblewrapSandbox, marks=needs_bubblewrap)])
@pytest.mark.slow
def test_a_zygote_that_somebody_stops_is_replaced_and_its_candidate_has_not_run_too_long(
    kind: type[ProcessSandbox | BubblewrapSandbox],
) -> None:
    with kind(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        zygote = sandbox._zygote
        assert isinstance(zygote, ZygoteProcess)
        threading.Timer(0.5, os.kill, (zygote._trusted()[-1], signal.SIGSTOP)).start()
        start = time.monotonic()
        result = sandbox.run(b"import time\ntime.sleep(1)\nanswer = 1", replace(PATIENT, wall_time_s=10.0))
        assert result.payload == b"1"
        assert time.monotonic() - start < 20


@pytest.mark.slow
def test_a_candidate_that_somebody_kills_or_stops_once_is_tried_again() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
            sandbox.warm_up()
            assert isinstance(sandbox._zygote, ZygoteProcess)
            zygote = sandbox._zygote._process.pid
            threading.Timer(0.3, lambda: os.kill(offspring_of(zygote)[-1], number)).start()  # noqa: B023
            source = b"import time\ntime.sleep(0.7)\nanswer = 1"
            assert sandbox.run(source, replace(PATIENT, wall_time_s=1.5)).payload == b"1"


def test_a_zygote_that_is_killed_every_time_is_a_fault_of_this_machine() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        if Protection.SIGNALS not in sandbox.protections:
            pytest.skip("a candidate can signal its zygote here")
        over = threading.Event()

        def end() -> None:
            while not over.wait(0.3):
                if isinstance(zygote := sandbox._zygote, ZygoteProcess) and offspring_of(zygote._process.pid):
                    os.kill(zygote._process.pid, signal.SIGKILL)

        killer = threading.Thread(target=end)
        killer.start()
        try:
            with pytest.raises(SandboxBroken, match="ended or stopped from outside"):
                sandbox.run(b"import time\ntime.sleep(5)", PATIENT)
        finally:
            over.set()
            killer.join()


def test_a_zygote_that_died_between_requests_is_replaced_unnoticed() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        sandbox.warm_up()
        assert sandbox._zygote is not None
        sandbox._zygote.kill()
        assert answer_of(sandbox, "answer = 1") == b"1"


def test_a_zygote_is_replaced_after_its_share_of_requests() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY, recycle_after=2) as sandbox:
        zygotes = []
        for _ in range(4):
            sandbox.warm_up()
            zygotes.append(sandbox._zygote)
            assert answer_of(sandbox, "answer = 1") == b"1"
        assert zygotes[0] is zygotes[1] is not zygotes[2] is zygotes[3]


@needs_bubblewrap
def test_a_sandbox_outlives_the_thread_that_started_it() -> None:
    with BubblewrapSandbox(CONFORMANCE_ENTRY) as sandbox:
        starter = threading.Thread(target=sandbox.warm_up)
        starter.start()
        starter.join()
        time.sleep(0.1)
        assert sandbox._zygote is not None
        first = sandbox._zygote
        assert answer_of(sandbox, "answer = 1") == b"1"
        assert sandbox._zygote is first


def test_threads_may_share_one_sandbox_and_use_several() -> None:
    answers: list[bytes | None] = []
    with ProcessSandbox(CONFORMANCE_ENTRY) as one, ProcessSandbox(CONFORMANCE_ENTRY) as other:

        def ask(number: int) -> None:
            answers.append(answer_of((one, other)[number % 2], f"answer = {number}"))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answer or b"" for answer in answers) == [b"%d" % number for number in range(8)]


def test_a_fork_of_the_caller_gets_a_zygote_of_its_own() -> None:
    script = """
        import os
        from sandboxes.isolation import ProcessSandbox
        from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, NEIGHBOUR
        sandbox = ProcessSandbox(CONFORMANCE_ENTRY)
        ask = lambda: sandbox.run(b"answer = 1", NEIGHBOUR.limits).payload == b"1"
        assert ask()
        child = os.fork()
        if child == 0:
            good = ask()
            sandbox.close()
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert ask()
        sandbox.close()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=30)


@pytest.mark.parametrize("kind", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_nothing_is_left_when_the_caller_is_killed(kind: str) -> None:
    script = f"""
        import sys, threading
        from sandboxes.isolation import create_sandbox, Limits
        from sandboxes.isolation.conformance import CONFORMANCE_ENTRY
        sandbox = create_sandbox({kind!r}, CONFORMANCE_ENTRY)
        sandbox.warm_up()
        threading.Timer(0.3, lambda: print(sandbox._zygote._process.pid, flush=True)).start()
        sandbox.run(b"import os, time\\nos.fork()\\nos.setsid()\\ntime.sleep(1000)", Limits(wall_time_s=60))
    """
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    with caller.stdout:
        zygote = int(caller.stdout.readline())
        caller.kill()
        caller.wait()
    deadline = time.monotonic() + 5
    while is_running(zygote) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(zygote)
    groups = [path for _, _, parent in cgroup_parents() for path in parent.glob(f"kernelgym-{caller.pid}-*")]
    while any(path.exists() for path in groups) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [path for path in groups if path.exists()]


@pytest.mark.parametrize("kind", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_an_installed_project_hides_its_other_packages(kind: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "installed", symlinks=True)
    site = next((tmp_path / "installed/lib").glob("python*/site-packages"))
    shutil.copytree(Path(sandboxes.__file__).parent, site / "sandboxes", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("kernelgym", "rewards", "policies"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("secret = 1\n")
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # pytest's folders are private, and requests run as somebody else
    source = next(s.source for s in SCENARIOS if s.name == "reads other people's files")
    script = f"""
        from sandboxes.isolation import create_sandbox
        from sandboxes.isolation.conformance import CONFORMANCE_ENTRY, NEIGHBOUR
        with create_sandbox({kind!r}, CONFORMANCE_ENTRY) as sandbox:
            result = sandbox.run({source!r}.encode(), NEIGHBOUR.limits)
            own = sandbox.run(b"import sandboxes; answer = sandboxes.__file__", NEIGHBOUR.limits)
        print(result.payload, own.payload, result.stderr_tail)
    """
    python = tmp_path / "installed/bin/python"
    done = subprocess.run(
        [python, "-I", "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("b'[]' "), done.stdout
    assert str(site) in done.stdout


def test_output_is_captured_and_nothing_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        result = sandbox.run(b"import os\nprint('to stdout')\nos.write(2, b'to stderr')", PATIENT)
    assert result.stderr_tail.splitlines() in (["to stdout", "to stderr"], ["to stderrto stdout"])
    assert capfd.readouterr() == ("", "")


def test_only_the_end_of_the_output_is_kept() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        result = sandbox.run(b"print('x' * 100_000)\nprint('the end')", PATIENT)
    assert result.stderr_tail.endswith("the end\n")
    assert len(result.stderr_tail) <= CONFORMANCE_LIMITS.stderr_kib * 1024


def test_a_large_request_arrives_whole() -> None:
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        assert answer_of(sandbox, "#" + "x" * (20 << 20) + "\nanswer = 1") == b"1"


def test_the_working_directory_is_gone_after_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        assert answer_of(sandbox, "import os\nos.mkdir('d')\nos.chmod('d', 0)\nanswer = 1") == b"1"
        (work_dir,) = tmp_path.iterdir()
        assert list(work_dir.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_text_that_could_drive_a_terminal_or_mislead_is_removed() -> None:
    raw = b"a\x1b[31mred\x1b]0;title\x07\x00\x08b\xff\tc\n\xe2\x80\xaed\xc2\x9b2J"
    assert printable_tail(raw, 1000) == "aredb\ufffd\tc\nd2J"
    assert printable_tail(b"0123456789", 4) == "6789"


def test_limits_that_permit_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="wall_time_s must be positive"):
        Limits(wall_time_s=0)


def test_an_entry_must_be_a_name() -> None:
    with pytest.raises(ValueError, match=r"package\.module:function"):
        Entry(target="os.system('id')")


@pytest.mark.parametrize("kind", [SandboxUnavailable, SandboxBroken, SandboxesError])
def test_errors_survive_pickling(kind: type[SandboxesError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("what, which, remedy")))  # noqa: S301 # our own bytes
    assert type(copy) is kind
    assert str(copy) == "what, which, remedy"


def test_every_probed_capability_says_what_it_found_or_what_to_do() -> None:
    rows = probe()
    assert [row.name for row in rows][:2] == ["bubblewrap", "process"]
    for row in rows:
        assert row.detail
        assert row.works or row.remedy


def test_a_cpu_limit_is_a_timeout() -> None:
    limits = Limits(wall_time_s=20.0, cpu_time_s=0.5)
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        result = sandbox.run(b"while True: pass", limits)
    assert (result.status, result.signal) == (SandboxStatus.TIMEOUT, signal.SIGXCPU)


def test_every_request_has_an_environment_without_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with ProcessSandbox(CONFORMANCE_ENTRY) as sandbox:
        names = answer_of(sandbox, "import os\nanswer = sorted(os.environ)") or b""
    assert b"SECRET" not in names
    assert b"'TRITON_CACHE_DIR'" in names
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "hunter2"

"""Nsight Compute's section, with a script in place of `ncu`: what is asked of it, and what is made of its answers."""

import json
import os
import stat
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from sandboxes.contracts import EvalConfig, Reference, Submission
from sandboxes.devices.cuda.sections import looking, nsight, running
from sandboxes.devices.cuda.sections.folder import Assignment, Folder, Step
from sandboxes.devices.cuda.sections.section import MAX_NAME_CHARACTERS, Section, Tool

ASSIGNMENT = Assignment(
    submission=Submission(source="import torch"),
    reference=Reference(id="test", source="import torch"),
    config=EvalConfig(device="cuda"),
    gpu="auto",
    tool=Tool.NCU,
)
HEAD = (
    '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device",'
    '"CC",'
)
UNITS = '"","","","","","","","","","","",'
KERNEL = '"{}","41","python3","127.0.0.1","{}","1","7","(128, 1, 1)","(64, 1, 1)","0","9.0",'
STEPS = (
    Step(node=1, kernel="scale_kernel"),
    Step(node=2, kernel=None),
    Step(node=4, kernel="scale_kernel"),
)
TOLD = json.dumps({"steps": [step.model_dump() for step in STEPS], "device": "NVIDIA H200", "failure": None})
ATEN = "void at::native::vectorized_elementwise_kernel<(int)4, Mul>(int, T1, T2)"


def table(*kernels: str) -> str:
    """What ncu prints about kernels of these names: the n-th metric of the n-th kernel is 1,000 n + m."""
    names = list(nsight.METRICS)
    units = ["ns" if name.startswith("gpu__time") else "%" if "pct" in name else "" for name in names]
    lines = [HEAD + ",".join(f'"{name}"' for name in names), UNITS + ",".join(f'"{unit}"' for unit in units)]
    for number, kernel in enumerate(kernels):
        values = ",".join(f'"{1000 * number + position:,}"' for position in range(len(names)))
        lines.append(KERNEL.format(number, kernel) + values)
    return "\n".join(lines) + "\n"


GOOD = '==PROF== Connected to process 41 (/usr/bin/python3)\n==PROF== Profiling "scale_kernel": 0%....100% - 9 passes\n'
GOOD += table("scale_kernel", ATEN, "scale_kernel") + "==PROF== Disconnected from process 41\n"


class FakeNcu:
    """A script called `ncu` on PATH: notes its arguments, runs the command behind its options, writes a log.

    Args:
        folder: Where it is.
        monkeypatch: Sets PATH, and replaces the GPU's process by one that only says what it launched.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "ncu"
        self.noted = folder / "noted.json"
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(nsight, "replaying", self._instead)
        self.told = TOLD
        self.answers(GOOD)

    def _instead(self, folder: Folder, timeout_s: float) -> list[str]:
        code = "import pathlib, sys; pathlib.Path(sys.argv[1], 'told.json').write_text(sys.argv[2])"
        return [sys.executable, "-I", "-S", "-c", code, str(folder.path), self.told]

    def answers(self, log: str, *, status: int = 0, then: str = "") -> None:
        """Sets what it writes into its log, with what it ends, and what it does before."""
        self.path.write_text(
            f"#!{sys.executable} -IS\n"
            "import json, subprocess, sys, time\n"
            "if '--version' in sys.argv:\n"
            "    print('NVIDIA (R) Nsight Compute Command Line Profiler\\nVersion 2025.3.1.0 (build 36398880)')\n"
            "    sys.exit()\n"
            f"json.dump(sys.argv, open({str(self.noted)!r}, 'w'))\n"
            "at = sys.argv.index('--log-file') + 1\n"
            "subprocess.run(sys.argv[at + 1:], check=True)\n"
            f"log = open(sys.argv[at], 'w')\nlog.write({log!r})\nlog.flush()\n{then}\n"
            f"sys.exit({status})\n"
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def look(self, timeout_s: float = 20.0) -> Section:
        return nsight.look(ASSIGNMENT, b"bundle", timeout_s)


def runs(pid: str) -> bool:
    """Whether a process has not ended."""
    try:
        return (Path("/proc") / pid / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def ncu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNcu:
    return FakeNcu(tmp_path, monkeypatch)


def test_every_kernel_has_its_node_and_its_numbers_with_units(ncu: FakeNcu) -> None:
    section = ncu.look()
    assert (section.version, section.device) == ("2025.3.1.0", "NVIDIA H200")
    assert [(row.node, row.kernel) for row in section.rows] == [(1, "scale_kernel"), (2, ATEN), (4, "scale_kernel")]
    assert [len(row.metrics) for row in section.rows] == [len(nsight.METRICS)] * 3
    first = section.rows[2].metrics[0]
    assert (first.name, first.label, first.value, first.unit) == ("gpu__time_duration.sum", "time", 2000.0, "ns")
    assert section.notes == ()


def test_it_is_asked_to_look_only_while_the_program_runs_and_to_leave_clocks_alone(ncu: FakeNcu) -> None:
    ncu.look()
    told = json.loads(ncu.noted.read_text())
    options = dict(pairwise(told))
    assert options["--profile-from-start"] == "off"
    assert options["--clock-control"] == "none"
    assert (options["--page"], options["--print-units"]) == ("raw", "base")
    assert "--csv" in told
    assert set(told[told.index("--metrics") + 1].split(",")) == set(nsight.METRICS)


def test_what_it_runs_is_the_replay_in_an_isolated_interpreter(tmp_path: Path) -> None:
    command = nsight.command(Path("/usr/bin/ncu"), Folder(tmp_path), timeout_s=2.5)
    assert command[-7:] == [sys.executable, "-I", "-m", running.MODULE, str(tmp_path), "--limit-s", "3"]


def test_missing_permissions_come_with_a_remedy(ncu: FakeNcu) -> None:
    ncu.answers("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access counters\n", status=1)
    section = ncu.look()
    assert section.rows == ()
    assert "NVreg_RestrictProfilingToAdminUsers=0" in section.notes[0]


def test_a_replay_that_fails_says_why(ncu: FakeNcu) -> None:
    ncu.told = json.dumps({"failure": "no GPU is visible; see `nvidia-smi`"})
    ncu.answers("==WARNING== No kernels were profiled.\n", status=1)
    assert ncu.look().notes == ("no GPU is visible; see `nvidia-smi`",)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        pytest.param("", "it printed nothing", id="nothing"),
        pytest.param("==WARNING== No kernels were profiled.\n", "No kernels were profiled", id="no kernels"),
        pytest.param("\x00\x01 nonsense\n", "it printed nothing", id="garbage"),
        pytest.param('"Kernel Name","a"\n', "it printed nothing", id="a head alone"),
        pytest.param('"a","b"\n"1","2"\n', "it printed nothing", id="another table"),
    ],
)
def test_an_answer_without_kernels_is_said_to_be_one(ncu: FakeNcu, log: str, says: str) -> None:
    ncu.answers(log, status=9)
    section = ncu.look()
    assert section.rows == ()
    assert section.notes[0].startswith("ncu saw no kernel (exit status 9)")
    assert says in section.notes[0]


def test_damaged_lines_and_numbers_are_left_out_and_counted() -> None:
    whole = table("scale_kernel", "x" * 5000)
    text = whole.replace('"1,001"', '"n/a"').replace('"1,002"', '"inf"').replace('"1,003"', '"1e999"') + '"cut","off\n'
    rows, notes = nsight.read(text, ())
    assert [len(row.metrics) for row in rows] == [len(nsight.METRICS), len(nsight.METRICS) - 3]
    assert len(rows[1].kernel) == MAX_NAME_CHARACTERS
    assert notes == ("1 lines are damaged",)


def test_counters_that_a_gpu_lacks_are_named() -> None:
    text = table("k").replace("dram__throughput.avg.pct_of_peak_sustained_elapsed", "other")
    rows, notes = nsight.read(text, (Step(node=3, kernel="k"),))
    assert rows[0].node == 3
    assert notes == ("this GPU does not count dram__throughput.avg.pct_of_peak_sustained_elapsed",)


def test_kernels_that_nobody_launched_are_shown_by_name_and_said_to_be_nobodys(ncu: FakeNcu) -> None:
    ncu.answers(table("scale_kernel", ATEN, "scale_kernel", "scale_kernel"))
    section = ncu.look()
    assert [row.node for row in section.rows] == [None] * 4
    assert section.notes == ("4 of 4 kernels are not attributed to a node",)


def test_one_that_hangs_is_ended_with_all_it_has_started(ncu: FakeNcu) -> None:
    started = ncu.path.with_name("started")
    child = "subprocess.Popen(['sleep', '300']).pid"
    ncu.answers("", then=f"open({str(started)!r}, 'w').write(str({child}))\ntime.sleep(300)")
    began_s = time.monotonic()
    section = ncu.look(timeout_s=1.5)
    assert time.monotonic() - began_s < 20
    assert section.notes == ("ncu was ended: it did not end within 1.5 s",)
    pid = started.read_text()
    while runs(pid):  # it has been killed, which takes a moment
        assert time.monotonic() - began_s < 20
        time.sleep(0.01)


def test_one_that_writes_without_end_is_ended(ncu: FakeNcu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MAX_LOG_BYTES", 2**20)
    ncu.answers("", then="while True: log.write('x' * 2**16); time.sleep(1e-3)")
    assert ncu.look().notes == ("ncu was ended: it wrote more than 1 MiB",)


def test_what_was_seen_before_it_was_ended_is_kept_and_said_to_be_a_part(
    ncu: FakeNcu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_LOG_BYTES", 2**20)
    ncu.answers(table("scale_kernel"), then="while True: log.write('x' * 2**16); time.sleep(1e-3)")
    section = ncu.look()
    assert [row.kernel for row in section.rows] == ["scale_kernel"]
    assert section.notes[0] == "not complete: ncu was ended: it wrote more than 1 MiB"


def test_the_newest_of_several_is_found_off_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for version in ("2024.3.2", "2025.10.0", "2025.9.1"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "ncu").touch(mode=0o755)
    (tmp_path / "2026.1.0").mkdir()
    assert nsight.find_ncu([f"{tmp_path}/missing/ncu", f"{tmp_path}/*/ncu"]) == tmp_path / "2025.10.0" / "ncu"
    assert nsight.find_ncu([f"{tmp_path}/2024.3.2/ncu"]) == tmp_path / "2024.3.2" / "ncu"
    assert nsight.find_ncu([f"{tmp_path}/missing*/ncu"]) is None


def test_without_it_the_section_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nsight, "find_ncu", lambda: None)
    section = looking.look(ASSIGNMENT, b"")
    assert section.rows == ()
    assert "install NVIDIA's package" in section.notes[0]


@pytest.mark.parametrize("tool", Tool)
def test_of_a_simulated_gpu_there_is_nothing_to_see(ncu: FakeNcu, tool: Tool) -> None:
    assignment = ASSIGNMENT.model_copy(update={"gpu": "simulated:a100", "tool": tool})
    section = looking.look(assignment, b"")
    assert (section.tool, section.rows) == (tool, ())
    assert "simulated" in section.notes[0]
    assert not ncu.noted.exists()

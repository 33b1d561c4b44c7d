"""`kernelgym evaluate --sections`: who is asked, what is shown, and what it never touches."""

import json
from pathlib import Path

import pytest

from kernelgym.cli import sections as asking
from kernelgym.cli.exits import ExitCode
from kernelgym.evaluators.messages import Handover, Job, Refusal, Refused
from kernelgym.settings import Settings
from sandboxes.contracts import Outcome
from sandboxes.devices.cuda.sections import looking, nsight
from sandboxes.devices.cuda.sections.folder import Assignment
from sandboxes.devices.cuda.sections.section import Metric, Row, Section, Tool
from tests.kernelgym.cli.test_commands import CODE, Bench, one_error_line
from tests.reports import failed_report, ok_report

LONG = "smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio"
WAIT = "smsp__average_warps_issue_stalled_wait_per_issue_active.ratio"
SECTION = Section(
    tool=Tool.NCU,
    version="2025.3.1.0",
    device="NVIDIA H200",
    rows=(
        Row(
            node=1,
            kernel="softmax\x1b[31m",
            metrics=(
                Metric(name="gpu__time_duration.sum", label="time", value=12416.0, unit="ns"),
                Metric(name="sm__warps_active.avg", label="occupancy", value=71.256, unit="%"),
                Metric(name=LONG, label="stalled: long scoreboard", value=3.5, unit=""),
                Metric(name=WAIT, label="stalled: wait", value=0.5, unit=""),
            ),
        ),
        Row(node=None, kernel="void at::fill<int>(int)", metrics=()),
    ),
    notes=("1 of 2 kernels are not attributed to a node",),
)
GOLDEN = """\
Nsight Compute 2025.3.1.0 on NVIDIA H200
#  kernel                   what was counted
1  softmax\\x1b[31m         time 12,416 ns, occupancy 71.26 %, waits for long scoreboard (3.50 warps)
?  void at::fill<int>(int)
1 of 2 kernels are not attributed to a node
"""


@pytest.fixture
def candidate(tmp_path: Path) -> str:
    path = tmp_path / "kernel.py"
    path.write_text(CODE)
    return str(path)


class Tracing:
    """Stands for the process that traces once more."""

    answer: Handover | Refused = Handover(bundle=b"bundle", timings_s={})
    jobs: list[Job]

    def __init__(self, **options: object) -> None:
        type(self).jobs = []

    def __enter__(self) -> "Tracing":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def trace(self, job: Job) -> Handover | Refused:
        self.jobs.append(job)
        return self.answer


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tool, bytes]]:
    """What tools were asked to look at; they answer with `SECTION`."""
    asked: list[tuple[Tool, bytes]] = []

    def look(assignment: Assignment, bundle: bytes, timeout_s: float) -> Section:
        asked.append((assignment.tool, bundle))
        return SECTION.model_copy(update={"tool": assignment.tool})

    monkeypatch.setattr(asking, "StagedEvaluator", Tracing)
    monkeypatch.setattr(nsight, "find_ncu", lambda: Path("/usr/bin/ncu"))
    monkeypatch.setattr(looking, "LOOKS", dict.fromkeys(Tool, look))
    return asked


def test_a_section_is_a_table_below_the_report(candidate: str, looked: list[tuple[Tool, bytes]]) -> None:
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda")
    plain = Bench(ok_report())(*asked)
    found = Bench(ok_report())(*asked, "--sections", "ncu")
    assert found.exit_code == ExitCode.VERDICT
    assert found.stdout.startswith(plain.stdout), "the report is what it is without"
    lines = [line.rstrip() for line in found.stdout.removeprefix(plain.stdout).strip().splitlines()]
    assert " ".join("\n".join(lines).split()) == " ".join(GOLDEN.split())
    assert looked == [(Tool.NCU, b"bundle")]


def test_json_has_them_beside_the_report(candidate: str, looked: list[tuple[Tool, bytes]]) -> None:
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda", "--json")
    plain = json.loads(Bench(ok_report())(*asked).stdout)
    found = json.loads(Bench(ok_report())(*asked, "--sections", "proton,ncu,proton").stdout)
    sections = [Section.model_validate(section) for section in found.pop("sections")]
    assert found == plain, "no reward, and nothing of the report, knows of sections"
    assert [section.tool for section in sections] == [Tool.PROTON, Tool.NCU]
    assert sections[1] == SECTION
    assert len(Tracing.jobs) == 1, "traced once for both"


def test_nothing_is_traced_or_looked_at_unless_asked(candidate: str, looked: list[tuple[Tool, bytes]]) -> None:
    Tracing.jobs = []
    Bench(ok_report())("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda")
    assert (Tracing.jobs, looked) == ([], [])


def test_of_a_simulated_gpu_it_says_that_there_is_nothing_to_see(
    candidate: str, looked: list[tuple[Tool, bytes]]
) -> None:
    Tracing.jobs = []
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda", "--sections", "ncu,proton")
    found = Bench(ok_report())(*asked, settings=Settings(gpu="simulated"))
    assert found.stdout.count("the GPU is simulated") == 2
    assert (Tracing.jobs, looked) == ([], [])


def test_what_is_not_right_is_not_looked_at(candidate: str, looked: list[tuple[Tool, bytes]]) -> None:
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda", "--sections", "ncu")
    found = Bench(failed_report(Outcome.INCORRECT))(*asked)
    assert found.exit_code == ExitCode.VERDICT
    assert "the candidate is `incorrect`" in found.stdout
    assert looked == []


def test_a_trace_that_fails_the_second_time_is_said_and_costs_no_report(
    candidate: str, looked: list[tuple[Tool, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tracing, "answer", Refused(why=Refusal.INFRASTRUCTURE, message="no disk"))
    asked = ("evaluate", candidate, "--problem", "core/softmax", "--device", "cuda", "--sections", "ncu")
    found = Bench(ok_report())(*asked)
    assert found.exit_code == ExitCode.VERDICT
    assert "tracing once more failed: no disk" in found.stdout
    assert looked == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sections", "ncu"], "add --device cuda"),
        (["--sections", "nku", "--device", "cuda"], "did you mean 'ncu'?"),
        (["--sections", "", "--device", "cuda"], "there are ncu and proton"),
        (["--sections", "ncu", "--device", "cuda", "--feedback"], "give one of them"),
        (["--sections", "ncu", "--device", "cuda", "--evaluator", "http://localhost:9"], "--evaluator local"),
    ],
)
def test_what_cannot_be_asked_is_one_line(candidate: str, arguments: list[str], says: str) -> None:
    found = Bench(ok_report())("evaluate", candidate, "--problem", "core/softmax", *arguments)
    assert found.exit_code == ExitCode.USAGE
    assert says in one_error_line(found)

"""Benchmarks of a GPU: what was simulated never passes for measured, and all of them run without a GPU."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.__main__ import benchmarks, main, table
from benchmarks.gpu.agreement import Subject, Verdicts, line, markdown, subjects, summary
from benchmarks.gpu.candidates import candidates
from benchmarks.gpu.keeping import RESULTS, NotMeasured, keep
from benchmarks.gpu.noise import variation
from benchmarks.gpu.setting import Setting, find_setting
from benchmarks.gpu.side_by_side import Opinions
from sandboxes.contracts import Outcome, Submission

ROOT = Path(__file__).parents[2]
RUN = ("identical", "noise", "throughput")
"""What `tests/gpu/test_agreement.py`, and tests of timing, do not do as well."""


@pytest.fixture
def simulated() -> Setting:
    return find_setting("simulated", seconds=1.0, quick=True, workers=1)


@pytest.fixture
def real(simulated: Setting) -> Setting:
    facts = replace(simulated.facts, title="NVIDIA H200", simulated=False)
    return replace(simulated, facts=facts)


def test_results_of_a_simulated_gpu_are_not_kept_with_the_measured_ones(simulated: Setting, tmp_path: Path) -> None:
    before = sorted(RESULTS.iterdir())
    assert keep("noise", {"x_us": 1.0}, simulated, None, simulates=False) is None
    assert sorted(RESULTS.iterdir()) == before
    path = keep("noise", {"x_us": 1.0}, simulated, tmp_path, simulates=False)
    assert path is not None
    assert path.name == "gpu-simulated-noise.json"
    assert json.loads(path.read_text())["simulated"] is True


def test_measured_results_name_the_gpu_and_what_they_were_measured_with(real: Setting, tmp_path: Path) -> None:
    path = keep("agreement", {"x_us": 1.0, "markdown": "| a |\n"}, real, tmp_path, simulates=False)
    assert path is not None
    assert path.name == "gpu-nvidia-h200-agreement.json"
    found = json.loads(path.read_text())
    assert found["gpu"]["title"] == "NVIDIA H200"
    assert found["gpu"]["versions"] == real.facts.versions
    assert found["machine"]["versions"]["torch"] == torch.__version__
    assert found["found"] == {"x_us": 1.0}
    assert "| a |" in path.with_suffix(".md").read_text()


def test_times_that_were_made_up_are_refused_under_the_name_of_a_gpu(real: Setting, tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="made up"):
        keep("noise", {"simulated_reports": 1}, real, tmp_path, simulates=False)
    assert list(tmp_path.iterdir()) == []
    path = keep("repetitions", {"x_us": 1.0}, real, tmp_path, simulates=True)
    assert path is not None
    assert path.name == "gpu-simulated-repetitions.json"


def test_every_benchmark_has_a_share_of_the_time_and_rows_and_a_full_run_takes_about_twenty_minutes() -> None:
    found = benchmarks()
    assert {"agreement", "noise", "throughput"} <= found.keys()
    assert all(callable(module.run) and callable(module.rows) for module in found.values())
    minutes = {name: module.SHARE for name, module in found.items() if not getattr(module, "SIMULATES", False)}
    assert sum(minutes.values()) <= 21
    assert sum(minutes.values()) - minutes["model_vs_gpu"] <= 8.5


def test_there_are_kernels_of_many_sizes_and_two_small_ones_for_rehearsals() -> None:
    assert len({candidate.problem.id for candidate in candidates(quick=False)}) >= 6
    assert len(candidates(quick=True)) == 2


def test_candidates_of_every_kind_are_compared() -> None:
    everything = subjects(quick=False)
    assert {outcome for subject in everything for outcome in subject.expected} >= {
        Outcome.OK, Outcome.INCORRECT, Outcome.MEMORY_ERROR
    }  # fmt: skip
    assert sum(subject.name.startswith("honest/") for subject in everything) >= 100
    assert len({subject.name for subject in everything}) == len(everything)
    assert len(subjects(quick=True)) == 4


def test_a_mismatch_is_told_whichever_question_shows_it() -> None:
    subject = Subject(name="a", problem="core/softmax", submission=Submission(source=""), expected=(Outcome.OK,))
    same = Verdicts(cpu=Outcome.OK, gpu=Outcome.OK)
    near = Opinions(cases=3, right_on_cpu=True, right_on_gpu=True, difference=0.5)
    lines = [
        line(subject, same, near),
        line(subject, same, replace(near, difference=2.0)),
        line(subject, same, replace(near, right_on_gpu=False)),
        line(subject, Verdicts(cpu=Outcome.OK, gpu=Outcome.INCORRECT, words="off"), near),
        line(subject, Verdicts(cpu=Outcome.MEMORY_ERROR, gpu=Outcome.MEMORY_ERROR), None),
    ]
    found = summary(lines, asked=7)
    assert [each["agree"] for each in lines] == [True, False, False, False, True]
    assert found["disagree"] == lines[1:4]
    assert found["left_out_for_lack_of_time"] == 2
    assert found["largest_difference_in_tolerances"] == 2.0
    assert markdown(lines).count("**differs**") == 3


def test_numbers_of_the_table_stand_below_each_other() -> None:
    lines = table([("noise", "1 %", "<= 1 %"), ("a longer thing", "2", "")]).splitlines()
    assert [text.index(cell) for text, cell in zip(lines, ("measured", "1 %", "2"), strict=True)] == [16, 16, 16]
    assert variation([1.0, 1.0, 1.0]) == 0.0
    assert variation([0.9, 1.0, 1.1]) == pytest.approx(0.1)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_they_run_on_a_simulated_gpu(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *RUN, "--quick", "--gpu", "simulated", "--workers", "2",
         "--out", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=220,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert found.keys() == {f"gpu-simulated-{name}.json" for name in RUN}
    noise = found["gpu-simulated-noise.json"]["found"]
    assert noise["not_ok"] == []
    assert noise["simulated_reports"] == noise["evaluations"] >= 6
    throughput = found["gpu-simulated-throughput.json"]["found"]
    assert throughput["unexpected"] == []
    assert throughput["evaluations"] >= 3
    assert "(simulated)" in ended.stdout
    assert "variation of the speedup" in ended.stdout


def test_without_a_gpu_it_says_so_and_how_to_rehearse() -> None:
    if torch.version.cuda is not None and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(SystemExit, match=r"^error: .*simulated"):
        main(["noise"])

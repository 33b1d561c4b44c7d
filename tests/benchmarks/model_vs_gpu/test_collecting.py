"""What is kept of a measurement, and what is not."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.gpu import model_vs_gpu
from benchmarks.gpu.keeping import keep
from benchmarks.gpu.setting import find_setting
from benchmarks.model_vs_gpu.__main__ import judge, main, target_of
from benchmarks.model_vs_gpu.collecting import band, collect, record, unusable, variants
from benchmarks.model_vs_gpu.judging import judged
from benchmarks.model_vs_gpu.record import priced, to_json
from benchmarks.model_vs_gpu.subjects import subjects
from sandboxes.contracts import NodeProfile, Outcome, Profile, Report, TimingFlag
from sandboxes.hardware.pricing import DEFAULT
from sandboxes.hardware.targets import get_target
from tests.benchmarks.model_vs_gpu.recorded import kernels
from tests.reports import failed_report, measured_report

SUBJECTS = subjects()


def test_there_are_far_more_than_150_kernels_of_all_kinds_each_with_a_name_of_its_own() -> None:
    assert len({subject.name for subject in SUBJECTS}) == len(SUBJECTS) >= 300
    assert {subject.kind for subject in SUBJECTS} == {"core", "search", "honest"}
    assert len({subject.problem for subject in SUBJECTS}) >= 30
    assert subjects() == SUBJECTS
    assert len(subjects(quick=True)) == 3


def test_neighbours_of_a_solution_are_other_programs() -> None:
    core = {subject.submission.source for subject in SUBJECTS if subject.kind == "core"}
    assert not [each.name for each in SUBJECTS if each.kind == "search" and each.submission.source in core]


def test_without_a_gpu_the_command_ends_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert "error: " in str(end.value)
    assert "judged here: python -m benchmarks.model_vs_gpu benchmarks/results/" in str(end.value)
    assert "rehearsal, which measures nothing: python -m benchmarks.gpu model_vs_gpu --quick" in str(end.value)


def test_a_file_of_another_day_is_judged_by_the_model_of_today(tmp_path: Path) -> None:
    truth = replace(DEFAULT, dram_share=0.6)
    old = [replace(each, modelled=replace(each.modelled, candidate_us=1.0)) for each in kernels(truth, count=9)]
    described = get_target("h200").model_copy(update={"l2_mib": 1.0}).model_dump(mode="json")
    document = {
        "gpu": {"title": "NVIDIA H200", "target": "h200"}, "simulated": True, "date": "2026-11-22",
        "found": {"target": described, "recorded": json.loads(json.dumps(to_json(old)))},
    }  # fmt: skip
    found = judge(document, tmp_path / "plot.svg", True)
    # as if made today: the files' own modelled times, 1 microsecond each, play no part
    today = [each.modelled.candidate_us / each.measured.candidate_us for each in kernels(truth, count=9)]
    assert found["bias_of_time"] == pytest.approx(math.prod(today) ** (1 / 9), rel=1e-3)
    assert found["fit"] is None
    assert found["refit"] == 9
    assert not found["target_as_recorded"]
    assert target_of({**document, "gpu": {"target": "calibrated"}}).l2_mib == 1.0  # known to the machine that measured
    picture = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert picture.startswith("<?xml")


def test_the_band_of_a_program_is_that_of_its_nodes_around_the_time_in_question() -> None:
    node = NodeProfile(
        node=0, name="k", custom=True, live=True, time_us=4.0, bytes=1, flops=1, bound="dram", roofline_fraction=0.5,
        band_us=(2.0, 6.0),
    )  # fmt: skip
    profile = Profile(
        source="modelled", device="d", nodes=(node, node.model_copy(update={"node": 1, "band_us": (4.0, 5.0)})),
        time_us=8.0, reference_time_us=1.0, coverage=1.0, roofline_us=1.0,
    )  # fmt: skip
    assert band(profile, 8.0) == (6.0, 11.0)
    assert band(profile, 16.0) == (12.0, 22.0)
    without = profile.model_copy(update={"nodes": (node.model_copy(update={"band_us": None}),)})
    assert band(without, 8.0) is None
    assert variants(profile) == {0: "", 1: ""}


@pytest.mark.slow
def test_the_whole_way_runs_on_a_simulated_gpu_and_is_never_kept_as_measured() -> None:
    setting = find_setting("simulated", seconds=1.0, quick=True, workers=1)
    asked = [next(each for each in SUBJECTS if each.name == "core/add_relu correct")]
    recorded, told = collect(setting, asked)
    (kernel,) = recorded
    assert told == {"left_out": {}, "simulated_reports": 1}
    # what was gathered is all that the price follows from
    times = priced(kernel, get_target(setting.target))
    assert times.candidate_us == pytest.approx(kernel.modelled.candidate_us)
    assert times.reference_us == pytest.approx(kernel.modelled.reference_us)
    found = {**judged(recorded, get_target(setting.target), fits=False), **told}
    assert keep("model_vs_gpu", found, setting, None, simulates=False) is None
    assert model_vs_gpu.rows(found)[0][1] == "1"


def test_doubtful_measurements_say_nothing_of_the_model() -> None:
    report = measured_report()
    assert report.profile is not None
    assert report.profile.measurement is not None
    assert unusable(with_measurement(report)) is None
    assert unusable(with_measurement(report, flags=(TimingFlag.THROTTLED,))) == "measurement is throttled"
    assert unusable(with_measurement(report, modelled_time_us=None)) == "the model has no price"
    assert unusable(failed_report(Outcome.INCORRECT)) == "outcome incorrect"


def test_facts_of_another_variant_are_not_those_of_what_was_measured() -> None:
    report = with_measurement(measured_report())
    assert report.profile is not None
    kernel = kernels(DEFAULT, count=1)[0]
    assert kernel.candidate is not None
    assert kernel.reference is not None
    gathered = (report.profile, kernel.candidate, kernel.reference)
    assert record(SUBJECTS[0], report, gathered).refits
    other = report.profile.model_copy(
        update={"nodes": tuple(each.model_copy(update={"config": "BLOCK: 7"}) for each in report.profile.nodes)}
    )
    kept = record(SUBJECTS[0], report, (other, kernel.candidate, kernel.reference))
    assert not kept.refits
    assert kept.modelled.candidate_us == 5.0


def with_measurement(report: Report, **changes: object) -> Report:
    assert report.profile is not None
    assert report.profile.measurement is not None
    known = {"modelled_time_us": 5.0, "modelled_reference_time_us": 6.0, "flags": (), **changes}
    measurement = report.profile.measurement.model_copy(update=known)
    return report.model_copy(update={"profile": report.profile.model_copy(update={"measurement": measurement})})

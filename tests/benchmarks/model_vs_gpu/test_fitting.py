"""A fit finds the constants of the GPU that made the times, and says what it is worth for problems it has not seen."""

from dataclasses import replace

import pytest

from benchmarks.model_vs_gpu.fitting import FITTED, cross_validated, fit, folds, highest
from benchmarks.model_vs_gpu.judging import judged, worst
from benchmarks.model_vs_gpu.record import from_json, priced, to_json
from sandboxes.hardware.pricing import DEFAULT
from tests.benchmarks.model_vs_gpu.recorded import TARGET, kernels

TRUTH = replace(DEFAULT, dram_share=0.7, tensor_share=0.5, library_dram_share=0.6)
NAMES = ("dram_share", "tensor_share", "library_dram_share")


def test_constants_that_made_the_times_are_found_again() -> None:
    found = fit(kernels(TRUTH), TARGET, NAMES)
    assert found.constants.dram_share == pytest.approx(0.7, rel=0.03)
    assert found.constants.tensor_share == pytest.approx(0.5, rel=0.03)
    assert found.constants.library_dram_share == pytest.approx(0.6, rel=0.03)


def test_a_gpu_that_follows_the_defaults_leaves_them_where_they_are() -> None:
    found = fit(kernels(DEFAULT), TARGET, NAMES)
    assert list(found.factors.values()) == pytest.approx([1.0] * len(NAMES), rel=0.01)


def test_held_out_problems_gain_by_a_fit_as_well() -> None:
    found = cross_validated(kernels(TRUTH, noise=0.02), TARGET, NAMES, count=3)
    assert found["left_out"] == 0
    assert found["held_out"]["median_error_of_time"] < 0.05 < found["defaults"]["median_error_of_time"]
    assert len(found["factors_by_fold"]) == 3


def test_no_problem_is_fitted_and_tested_on_at_once() -> None:
    groups = folds(["a", "b", "a", "c", "d"], 2)
    assert sorted(name for group in groups for name in group) == ["a", "b", "c", "d"]
    assert len(folds(["a", "b"], 5)) == 2


def test_shares_of_a_peak_stay_shares() -> None:
    assert DEFAULT.dram_share * highest("dram_share", DEFAULT) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no constant"):
        highest("drum_share", DEFAULT)


def test_all_constants_that_are_fitted_are_constants_of_the_model() -> None:
    assert all(highest(name, DEFAULT) > 1 for name in FITTED)


def test_what_was_recorded_is_priced_alike_after_it_was_written() -> None:
    before = kernels(TRUTH, count=3)
    after = from_json(to_json(before))
    assert after == before
    assert [priced(each, TARGET) for each in after] == [priced(each, TARGET) for each in before]


def test_a_kernel_without_facts_counts_but_is_not_fitted() -> None:
    some = kernels(TRUTH, count=6)
    some[0] = replace(some[0], candidate=None)
    found = judged(some, TARGET, names=("dram_share",))
    assert found["kernels"] == 6
    assert found["fit"]["left_out"] == 1
    with pytest.raises(ValueError, match="kernel 0"):
        priced(some[0], TARGET)


def test_the_worst_are_those_off_by_the_largest_factor_either_way() -> None:
    some = kernels(DEFAULT, count=4)
    times = some[2].measured
    some[2] = replace(some[2], measured=replace(times, candidate_us=times.candidate_us * 10))
    times = some[3].measured
    some[3] = replace(some[3], measured=replace(times, candidate_us=times.candidate_us / 5))
    assert [each["name"] for each in worst(some, TARGET, 2)] == ["kernel 2", "kernel 3"]


def test_why_the_worst_are_wrong_is_told_by_the_model_of_today() -> None:
    said = replace(kernels(DEFAULT, count=3)[2], explanation={"nodes": [], "would_help": ["what was said then"]})
    said = replace(said, measured_nodes_us={0: 7.0})
    (told,) = worst([said], TARGET)
    (node,) = told["explanation"]["nodes"]
    assert node["measured_us"] == 7.0
    assert node["modelled_us"] == pytest.approx(told["modelled_us"], abs=0.01)
    assert node["bound"] == "occupancy"  # 64 tiles for 132 multiprocessors
    assert {"tensor", "overhead"} <= set(node["parts_us"])
    assert node["band_us"][0] < node["modelled_us"] < node["band_us"][1]
    assert told["explanation"]["would_help"] != ["what was said then"]
    without = replace(said, candidate=None)
    assert worst([without], TARGET)[0]["explanation"]["would_help"] == ["what was said then"]

"""Targets are valid data, found by name, each number with its source and none at odds with the others."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxes.contracts import EvalConfig, Target
from sandboxes.hardware.targets import TARGETS, UnknownTarget, catalogue, digest_of, get_target, register_target
from sandboxes.hardware.targets.catalogue import BUILT_IN, FOLDER, Catalogue
from sandboxes.hardware.work import FLOP_KINDS

EVERY = pytest.mark.parametrize("target", [TARGETS[name] for name in BUILT_IN], ids=BUILT_IN)
LANES = {"a100": 64}
"""Of FP32 per clock and multiprocessor; 128 for the others."""


def approx(value: float) -> object:
    return pytest.approx(value, rel=0.02)


@EVERY
def test_a_target_survives_json_and_knows_every_rate(target: Target) -> None:
    assert Target.model_validate_json(target.model_dump_json()) == target
    assert get_target(target.name) == target
    assert set(target.tflops) == set(FLOP_KINDS)
    reserved = 1024 if target.backend == "cuda" else 0
    assert target.shared_per_block + reserved == target.shared_per_multiprocessor


@EVERY
def test_rates_are_multiprocessors_times_operations_per_clock_times_clock(target: Target) -> None:
    per_clock = target.multiprocessors * target.clock_mhz / 1e6
    assert target.tflops["fp32"] == approx(2 * LANES.get(target.name, 128) * per_clock)
    assert target.tflops["special"] == approx(16 * per_clock)
    fp64 = {"l40s": 4}.get(target.name, LANES.get(target.name, 128))
    assert target.tflops["fp64"] == approx(fp64 * per_clock)
    # A product of matrices is computed at the clock that the power allows, which is lower; never at a higher one.
    tensor = target.tflops["fp16"] / per_clock
    fitting = [each for each in (1024, 2048, 4096, 8192) if each * 0.88 <= tensor <= each * 1.01]
    assert fitting, f"{tensor:.0f} operations per clock and multiprocessor are no power of two at any clock near it"


@EVERY
def test_half_the_bits_are_twice_the_rate(target: Target) -> None:
    rates = target.tflops
    assert rates["bf16"] == rates["fp16"] == pytest.approx(2 * rates["tf32"], rel=0.03)  # data sheets round
    assert rates["int8"] == approx(2 * rates["fp16"])
    assert rates["fp8"] in (rates["fp16"], rates["int8"])  # A100 has none of its own


@EVERY
def test_what_is_nearer_is_faster(target: Target) -> None:
    near = target.multiprocessors * target.l1_bytes_per_clock * target.clock_mhz / 1e3
    shared = target.multiprocessors * target.shared_bytes_per_clock * target.clock_mhz / 1e3
    assert min(near, shared) > target.l2_gb_per_s > target.dram_gb_per_s
    assert target.shared_latency_ns < target.l2_latency_ns < target.dram_latency_ns
    if target.l3_mib:
        assert target.l2_gb_per_s > target.l3_gb_per_s > target.dram_gb_per_s
        assert target.l2_latency_ns < target.l3_latency_ns < target.dram_latency_ns
        assert target.l3_mib > target.l2_mib


@EVERY
def test_the_l2_cache_gives_no_more_than_its_slices_can(target: Target) -> None:
    per_slice = 64 if target.backend == "cuda" else 128
    assert target.l2_gb_per_s <= 1.001 * target.l2_slices * per_slice * target.clock_mhz / 1e3
    assert target.l2_slices % target.l2_partitions == 0
    assert target.l2_atomics_per_clock <= target.l2_slices * per_slice / 4


@EVERY
def test_every_number_has_a_source_or_says_why_it_is_estimated(target: Target) -> None:
    origins = TARGETS.describe(target.name).origins
    given = {key for key, value in target.model_dump().items() if isinstance(value, int | float) and value}
    assert given | {f"tflops.{kind}" for kind in target.tflops} <= set(origins)
    assert all(len(origin.text) >= 8 for origin in origins.values())
    assert sum("http" in origin.text for origin in origins.values()) > len(origins) / 2


def test_every_file_of_the_package_is_a_known_target() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(BUILT_IN)


def test_the_default_target_exists() -> None:
    assert next(iter(TARGETS)) == EvalConfig().target


def test_looking_targets_up_loads_no_torch() -> None:
    code = "import sys, sandboxes.hardware.targets as t; t.get_target('h100'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], timeout=60).returncode == 0


def test_a_misspelt_target_is_corrected() -> None:
    with pytest.raises(UnknownTarget, match="Did you mean `h200`") as caught:
        get_target("H20")
    message = str(caught.value)
    assert all(name in message for name in TARGETS)
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # noqa: S301 - our own bytes


def test_a_target_can_be_added_but_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "TARGETS", Catalogue())
    slower = get_target("h200").model_copy(update={"name": "h20", "title": "NVIDIA H20"})
    register_target(slower)
    register_target(slower)
    assert get_target("h20") is slower
    with pytest.raises(ValueError, match="already registered"):
        register_target(slower.model_copy(update={"clock_mhz": 1.0}))


def test_the_digest_tells_gpus_apart_by_what_they_are() -> None:
    h200 = get_target("h200")
    assert len({digest_of(target) for target in TARGETS.values()}) == len(TARGETS)
    assert digest_of(h200.model_copy(update={"dram_gb_per_s": 4801.0})) != digest_of(h200)
    rates = dict(reversed(h200.tflops.items()))
    assert digest_of(h200.model_copy(update={"tflops": rates})) == digest_of(h200)
    assert digest_of(Target.model_validate_json(h200.model_dump_json())) == digest_of(h200)

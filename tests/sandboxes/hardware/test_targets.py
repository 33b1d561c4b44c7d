"""Targets are valid data, found by name."""

import pickle

import pytest

from sandboxes.contracts import EvalConfig, Target
from sandboxes.hardware.targets import TARGETS, UnknownTarget, get_target, register_target
from sandboxes.hardware.targets.catalogue import Catalogue
from sandboxes.hardware.work import FLOP_KINDS


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_a_target_survives_json_and_knows_every_rate(target: Target) -> None:
    assert Target.model_validate_json(target.model_dump_json()) == target
    assert get_target(target.name) == target
    assert set(target.tflops) == set(FLOP_KINDS)
    assert all(rate > 0 for rate in target.tflops.values())
    reserved = 1024 if target.backend == "cuda" else 0
    assert target.shared_per_block + reserved == target.shared_per_multiprocessor
    assert target.l2_gb_per_s > target.dram_gb_per_s


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_the_fp32_peak_is_128_fused_multiply_adds_per_clock(target: Target) -> None:
    lanes = 64 if target.name == "a100" else 128
    peak = 2 * lanes * target.multiprocessors * target.clock_mhz * 1e6 / 1e12
    assert target.tflops["fp32"] == pytest.approx(peak, rel=0.02)


def test_the_default_target_exists() -> None:
    assert next(iter(TARGETS)) == EvalConfig().target


def test_a_misspelt_target_is_corrected() -> None:
    with pytest.raises(UnknownTarget, match="Did you mean `h200`") as caught:
        get_target("H20")
    message = str(caught.value)
    assert all(name in message for name in TARGETS)
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # noqa: S301 - our own bytes


def test_a_target_can_be_added_but_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandboxes.hardware.targets.catalogue.TARGETS", Catalogue())
    slower = get_target("h200").model_copy(update={"name": "h20", "title": "NVIDIA H20"})
    register_target(slower)
    register_target(slower)
    assert get_target("h20") is slower
    with pytest.raises(ValueError, match="already registered"):
        register_target(slower.model_copy(update={"clock_mhz": 1.0}))

"""A real GPU's ceilings become a target that can be used at once; made-up ones never do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app, calibration
from kernelgym.cli.calibration import Options
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.settings import Settings
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost, NoGpu
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts, Prepared
from sandboxes.devices.cuda.profiles import ceilings
from sandboxes.devices.cuda.profiles.launch_gap import FEW, MANY
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import TARGETS, get_target
from sandboxes.hardware.targets.catalogue import VARIABLE, Catalogue
from tests.sandboxes.devices.cuda.profiles.profiler import FACTS, ProfiledGpu

H200 = get_target("h200")
REACHED = {"dram_gb_per_s": 4300.0, "fp16": 700.0, "bf16": 710.0, "tf32": 380.0, "fp32": 50.0, "fp64": 30.0}
L2_BYTES = 50 * 2**20


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test makes known, the next one does not know."""
    monkeypatch.setattr(TARGETS, "_full", False)
    monkeypatch.setattr(TARGETS, "_found", {})
    monkeypatch.delenv(VARIABLE, raising=False)


def measured(*, gap_us: float = 1.5, facts: GpuFacts = FACTS) -> ProfiledGpu:
    """A GPU that reaches `REACHED`, and 8000 GB/s in its L2 cache."""
    dram_us = 2 * ceilings.LARGE * L2_BYTES / (REACHED["dram_gb_per_s"] * 1e3)
    rates = [2 * size**3 / (REACHED[kind] * 1e6) for kind, size in ceilings.PRODUCT.items()]
    chains = [5.0 + length * gap_us for length in (FEW, MANY)]
    share = int(0.2 * L2_BYTES)
    passes = [(0, 2 * (share - share % 512) / 8e6)] * ceilings.SMALL_REPEATS
    return ProfiledGpu([passes], [dram_us, *rates, *chains], replace(facts, l2_bytes=L2_BYTES))


def calibrate(file: Path, gpu: Gpu, target: str | None = None) -> ExitCode:
    return calibration.run(Options(file=file, target=target, gpu="auto", json=False), lambda: gpu)


def test_the_written_file_is_a_target_with_what_was_measured_and_the_rest_of_the_data_sheet(tmp_path: Path) -> None:
    file = tmp_path / "rack7.yaml"
    assert calibrate(file, measured()) is ExitCode.VERDICT
    fresh = Catalogue()
    found = fresh.add_file(file)
    assert found.target == get_target("rack7")  # at once
    assert (found.target.title, found.extends) == ("NVIDIA H200", "h200")
    gap_us = 1.5 - 2 * H200.l2_latency_ns / 1e3
    assert found.target.launch_overhead_us == pytest.approx(gap_us, rel=1e-3)
    assert found.target.l2_gb_per_s == pytest.approx(8000, rel=1e-3)
    assert found.target.dram_gb_per_s == pytest.approx(4300, rel=1e-3)
    rates = {kind: rate for kind, rate in REACHED.items() if kind in H200.tflops}
    assert {kind: found.target.tflops[kind] for kind in rates} == pytest.approx(rates, rel=1e-3)
    assert found.target.tflops["special"] == H200.tflops["special"]
    assert found.target.multiprocessors == H200.multiprocessors
    for key in ("dram_gb_per_s", "tflops.fp16", "launch_overhead_us"):
        origin = str(found.origins[key])
        assert origin.startswith("measured on NVIDIA H200, ")
        assert "driver 580.65" in origin
        assert "kernelgym doctor --calibrate rack7.yaml" in origin
    assert "measured on" not in str(found.origins["tflops.special"])


def test_a_simulated_gpu_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "fake.yaml"
    with pytest.raises(BadUsage, match=r"NVIDIA H200 \(simulated\) is made up.*calibrate on a real GPU"):
        calibrate(file, SimulatedGpu(H200))
    assert not file.exists()


def test_a_gap_that_can_not_be_one_is_told_and_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.yaml"
    calibrate(file, measured(gap_us=0.1))
    assert "launch_overhead_us: not measured" in capsys.readouterr().err
    assert get_target("odd").launch_overhead_us == H200.launch_overhead_us


def test_a_gpu_that_no_target_is_called_like_needs_one_to_extend(tmp_path: Path) -> None:
    strange = replace(FACTS, title="NVIDIA H200 NVL")
    with pytest.raises(NoGpu, match=r"no target is called NVIDIA H200 NVL; name one .*h200, h100"):
        calibrate(tmp_path / "nvl.yaml", measured(facts=strange))
    assert calibrate(tmp_path / "nvl.yaml", measured(facts=strange), target="h200") is ExitCode.VERDICT
    with pytest.raises(NoGpu, match="arch 80"):
        calibrate(tmp_path / "other.yaml", measured(), target="a100")


def test_a_gpu_that_fails_is_infrastructure_and_writes_nothing(tmp_path: Path) -> None:
    class Broken(ProfiledGpu):
        def prepare(self, *args: object, **settings: object) -> Prepared:
            raise GpuError(GpuFault.LOST, "fell off the bus")

    with pytest.raises(GpuLost, match="fell off the bus"):
        calibrate(tmp_path / "broken.yaml", Broken(facts=replace(FACTS, l2_bytes=L2_BYTES)))
    assert not (tmp_path / "broken.yaml").exists()


def command(*arguments: str, gpu: str = "auto") -> Result:
    services = Services(settings=Settings(gpu=gpu))
    return CliRunner().invoke(app, ["doctor", *arguments], obj=services, catch_exceptions=False)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("there.yaml", "is there"), ("no/where.yaml", "is no folder"), ("h200.yaml", "a target h200 already"),
     ("numbers.txt", "does not end in .yaml")],
)  # fmt: skip
def test_the_file_is_looked_at_before_anything_is_measured(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "there.yaml").write_text("")
    result = command("--calibrate", str(tmp_path / name))
    assert result.exit_code == ExitCode.USAGE
    assert complaint in result.stderr


def test_on_the_command_line_a_simulated_gpu_is_refused_and_a_target_alone_means_nothing(tmp_path: Path) -> None:
    result = command("--calibrate", str(tmp_path / "x1.yaml"), gpu="simulated")
    assert result.exit_code == ExitCode.USAGE
    assert "made up" in result.stderr
    assert "without --calibrate" in command("--target", "h100").stderr


def test_without_a_gpu_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.version.cuda", None)
    result = command("--calibrate", str(tmp_path / "x1.yaml"), "--json")
    assert (result.exit_code, result.stdout) == (ExitCode.INFRASTRUCTURE, "")
    assert "install a build that has it" in result.stderr


def test_the_answer_is_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options(file=tmp_path / "rack8.yaml", target=None, gpu="auto", json=True)
    calibration.run(options, measured)
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["extends"], answer["gpu"]) == ("rack8", "h200", "NVIDIA H200")
    assert answer["numbers"]["fp16"] == pytest.approx(700, rel=1e-3)

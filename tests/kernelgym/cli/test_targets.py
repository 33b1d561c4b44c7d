"""`kernelgym targets` lists what can be priced for; a user's file is a target wherever targets are named."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.evaluation import check_target
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.evaluators.started import VARIABLE
from kernelgym.settings import Settings
from sandboxes.hardware.targets import BUILT_IN, TARGETS, catalogue, digest_of, get_target

MINE = "name: mine\ntitle: My GPU\nextends: a100\nclock_mhz: {value: 1200, source: power limit}\n"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test makes known, the next one does not know."""
    monkeypatch.setattr(TARGETS, "_full", False)
    monkeypatch.setattr(TARGETS, "_found", {})
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


def kernelgym(*arguments: str, targets: str | None = None) -> Result:
    services = Services(settings=Settings(targets=targets))
    return CliRunner().invoke(app, ["targets", *arguments], obj=services, catch_exceptions=False)


def test_all_targets_are_listed_with_the_sources_of_their_numbers() -> None:
    result = kernelgym("--json")
    assert result.exit_code == ExitCode.VERDICT
    document = json.loads(result.stdout)
    assert document["default"] == "h200"
    assert [row["name"] for row in document["targets"]] == list(BUILT_IN)
    h100 = document["targets"][1]
    assert h100["digest"] == digest_of(get_target("h100"))
    assert h100["dram_gb_per_s"] == 3350
    assert "datasheet" in h100["sources"]["dram_gb_per_s"]["text"]
    assert h100["sources"]["l2_atomics_per_clock"]["estimate"] is True
    shown = kernelgym().stdout
    assert all(name in shown for name in BUILT_IN)


def test_one_target_is_shown_with_each_number_and_its_source(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(mine))
    shown = kernelgym("mine", targets=str(mine)).stdout
    assert "power limit" in shown
    assert str(mine) in shown.replace("\n", "")
    assert "tflops.fp16" in shown
    assert "KERNELGYM_TARGETS" in kernelgym(targets=str(mine)).stdout


def test_an_unknown_target_and_a_bad_file_are_one_clear_line(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = kernelgym("h20")
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert "Did you mean `h200`" in result.stderr
    mine.write_text(MINE + "colour: red\n")
    monkeypatch.setattr(TARGETS, "_full", False)
    monkeypatch.setenv(VARIABLE, str(mine))
    result = kernelgym()
    assert result.exit_code == ExitCode.USAGE
    assert "no key 'colour'" in result.stderr
    assert str(mine) in result.stderr


def test_a_file_in_place_of_a_name_is_known_to_this_process_and_to_those_it_starts(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")  # so that it is put back afterwards
    monkeypatch.chdir(mine.parent)
    assert check_target("mine.yaml") == check_target(str(mine)) == "mine"
    assert get_target("mine").clock_mhz == 1200
    assert os.environ[VARIABLE] == str(mine)
    assert catalogue.Catalogue()["mine"] == get_target("mine")  # as another process reads it
    with pytest.raises(BadUsage, match="not there"):
        check_target("nowhere.yaml")

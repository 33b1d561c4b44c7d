"""Settings come from the environment, once, and mistakes in it are named."""

import pickle
from pathlib import Path

import pytest

from kernelgym.errors import InvalidSetting
from kernelgym.settings import SandboxName, Settings
from sandboxes.isolation import SANDBOX_KINDS

ROOT = Path(__file__).resolve().parents[2]


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({"PATH": "/bin", "KERNELGYMNASIUM": "1"}) == Settings()


def test_each_variable_sets_its_field() -> None:
    environment = {"KERNELGYM_SANDBOX": "process", "KERNELGYM_WORKERS": "3", "KERNELGYM_TARGET": "a100"}
    assert Settings.from_environment(environment) == Settings(sandbox=SandboxName.PROCESS, workers=3, target="a100")


def test_a_misspelt_variable_is_an_error_that_suggests_the_right_one() -> None:
    with pytest.raises(InvalidSetting, match=r"KERNELGYM_WORKRS is not a setting; did you mean KERNELGYM_WORKERS\?"):
        Settings.from_environment({"KERNELGYM_WORKRS": "2"})


@pytest.mark.parametrize(
    ("name", "value"), [("WORKERS", "many"), ("WORKERS", "0"), ("SANDBOX", "docker?"), ("TARGET", "")]
)
def test_an_unusable_value_is_named_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"KERNELGYM_{name} is ") as caught:
        Settings.from_environment({f"KERNELGYM_{name}": value})
    assert repr(value) in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made one line above


def test_the_sandboxes_that_can_be_chosen_are_those_that_exist() -> None:
    assert {name.value for name in SandboxName} == {"auto", *SANDBOX_KINDS}


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_every_setting_is_read_somewhere(field: str) -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "kernelgym").rglob("*.py")]
    assert any(f"settings.{field}" in source for source in sources), f"nothing reads settings.{field}; remove it"

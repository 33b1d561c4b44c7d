"""Packages are visible to untrusted code wherever they are installed, and nothing else beside them is."""

from pathlib import Path

import pytest

from sandboxes.isolation.footprint import PROJECT_ROOT, interpreter_paths


def test_packages_that_lie_outside_the_environment_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where an environment is made on top of another one's torch (`make gpu-test GPU_PYTHON=...`)."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    assert str(tmp_path) not in interpreter_paths()
    monkeypatch.syspath_prepend(tmp_path)
    assert str(tmp_path) in interpreter_paths()


def test_what_merely_can_be_imported_is_not_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets_of_mine.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert str(tmp_path) not in interpreter_paths()
    assert str(PROJECT_ROOT) not in interpreter_paths()

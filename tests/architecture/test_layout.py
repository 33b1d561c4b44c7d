"""The tree is what the documents say it is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sandboxes", "rewards", "kernelgym", "policies")
VAGUE = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/\w")


def tracked() -> list[Path]:
    """Returns the files of the repository; skips where there is no git, as in a source archive."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def isolated(code: str) -> str:
    """Returns what `code` prints in a fresh interpreter that sees the installed packages only."""
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_packages_have_one_parent_and_one_owner() -> None:
    code = f"""
import importlib, importlib.metadata, pathlib
names = {PACKAGES!r}
print(len({{pathlib.Path(importlib.import_module(name).__file__).parent.parent for name in names}}))
owners = importlib.metadata.packages_distributions()
print(*{{owner for name in names for owner in owners.get(name, ["kernelgym"])}})
"""
    # An editable install records no owner, so a package without one is ours if it comes from the same parent.
    assert isolated(code).splitlines() == ["1", "kernelgym"]


def test_the_distribution_can_not_be_uploaded_by_accident() -> None:
    assert "Private :: Do Not Upload" in metadata("kernelgym").get_all("Classifier", [])


@pytest.mark.parametrize("folder", ["docker", "examples"])
def test_folders_that_would_shadow_other_packages_are_not_packages(folder: str) -> None:
    assert not list((ROOT / folder).rglob("__init__.py"))


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in modules("tests") if not {"data", "corpus"} & set(path.relative_to(ROOT).parts)}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in tracked() if path.name in VAGUE] == []


def test_no_tracked_file_mentions_a_path_of_somebodys_machine() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__).resolve() or path.suffix in {".safetensors", ".png"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_every_package_is_typed() -> None:
    assert all((ROOT / package / "py.typed").exists() for package in PACKAGES)

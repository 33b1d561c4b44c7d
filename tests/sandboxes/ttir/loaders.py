"""Parsed fixture modules by Triton version and kernel name."""

from pathlib import Path

from sandboxes.ttir import Module, parse

FOLDER = Path(__file__).resolve().parents[2] / "data" / "ttir"
VERSIONS = tuple(sorted(folder.name for folder in FOLDER.iterdir()))
LATEST = VERSIONS[-1]


def fixture_text(name: str, version: str = LATEST) -> str:
    return (FOLDER / version / f"{name}.ttir").read_text()


def fixture(name: str, version: str = LATEST) -> Module:
    return parse(fixture_text(name, version))


def fixture_names(version: str = LATEST) -> list[str]:
    return sorted(path.stem for path in (FOLDER / version).glob("*.ttir"))

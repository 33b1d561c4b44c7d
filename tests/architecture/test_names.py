"""The public names: a change here is a change for users, and belongs in the CHANGELOG."""

import importlib
import json
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("public_names.json")
PACKAGES = (
    "kernelgym.cli",
    "kernelgym.envs",
    "kernelgym.evaluators",
    "kernelgym.metrics",
    "kernelgym.problems",
    "kernelgym.reports",
    "kernelgym.reports.html",
    "policies",
    "policies.curriculum",
    "policies.ecosystem",
    "rewards",
    "rewards.hacks",
    "rewards.terms",
    "sandboxes.contracts",
    "sandboxes.isolation",
)
"""Packages whose `__all__` is a promise."""


def names(package: str) -> list[str]:
    return sorted(getattr(importlib.import_module(package), "__all__", ()))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_names_are_those_of_the_snapshot(package: str) -> None:
    frozen = json.loads(SNAPSHOT.read_text(encoding="utf-8"))[package]
    assert names(package) == frozen, f"if this is meant, run `python -m {__name__}` and mention it in the CHANGELOG"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in names(package) if not hasattr(module, name)] == []


if __name__ == "__main__":
    SNAPSHOT.write_text(
        json.dumps({package: names(package) for package in PACKAGES}, indent=1) + "\n", encoding="utf-8"
    )

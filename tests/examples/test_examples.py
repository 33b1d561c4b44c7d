"""Every example runs on a machine without a GPU."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINTS = {
    "agent_loop.py": "The best was turn 2: 1.",
    "custom_reward.py": "returns with discount 0.5: (0.5, 1.0, 0.0)",
    "evaluate_candidate.py": "✓ correct",
    "kernelbench.py": "Swish then sum",
}
"""What each example has to print."""


def test_every_example_is_tested() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(PRINTS)


def test_the_agent_loop_is_short_and_needs_nothing_but_gymnasium() -> None:
    source = (ROOT / "examples" / "agent_loop.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) < 60
    imported = [
        name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names
    ]
    assert imported == ["gymnasium"]
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRINTS))
def test_the_example_runs(name: str) -> None:
    command = [sys.executable, ROOT / "examples" / name]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert result.returncode == 0, result.stderr
    assert PRINTS[name] in result.stdout, result.stdout + result.stderr

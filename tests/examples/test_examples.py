"""Every example runs on a machine without a GPU."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kernelgym.problems import list_solutions
from tests.policies.openai.endpoint import Endpoint, answers

ROOT = Path(__file__).resolve().parents[2]
PRINTS = {
    "agent_loop.py": "The best was turn 2: 1.",
    "custom_reward.py": "returns with discount 0.5: (0.5, 1.0, 0.0)",
    "evaluate_candidate.py": "✓ correct",
    "evaluate_on_a_server.py": "core/row_sum, correct: ok",
    "kernelbench.py": "Swish then sum",
    "openenv_episode.py": "The best was turn 2: 1.",
    "trl_environment.py": "turns (0.0, 3.",
    "verifiers_rollout.py": "core/add_relu: reward 3.",
}
"""What each example has to print."""

PACKAGES = {"openenv_episode.py": "openenv", "verifiers_rollout.py": "verifiers"}
"""What some need that does not go together with everything else."""


def runnable(name: str) -> Any:
    """Returns the parameter for an example, marked by what it needs."""
    package = PACKAGES.get(name)
    if package is None:
        return pytest.param(name, marks=pytest.mark.slow)
    reason = f"{package} is not installed; `make test-{package}` tests in its own environment"
    return pytest.param(
        name, marks=[pytest.mark.ecosystem, pytest.mark.skipif(find_spec(package) is None, reason=reason)]
    )


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


@pytest.fixture
def arguments(name: str) -> Iterator[list[str]]:
    """What an example is called with: a model, if it needs one."""
    if name != "verifiers_rollout.py":
        yield []
        return
    kernel = next(
        solution.source
        for solution in list_solutions()
        if (solution.problem_id, solution.name) == ("core/add_relu", "correct")
    )
    with Endpoint(answers(f"```python\n{kernel}```\nSUBMIT")) as endpoint:
        yield [endpoint.url, "model"]


@pytest.mark.parametrize("name", [runnable(name) for name in sorted(PRINTS)])
def test_the_example_runs(name: str, arguments: list[str]) -> None:
    command = [sys.executable, ROOT / "examples" / name, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert result.returncode == 0, result.stderr
    assert PRINTS[name] in result.stdout, result.stdout + result.stderr

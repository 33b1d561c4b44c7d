"""Who imports whom, and what an import costs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "triton", "trl", "transformers", "celery", "fastapi", "redis", "httpx", "docker")


def loaded_after(code: str) -> set[str]:
    """Returns which heavy modules are loaded after `code` ran in a fresh interpreter."""
    report = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    program = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{report}"
    result = subprocess.run([sys.executable, "-I", "-c", program], cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import kernelgym",
        "import rewards",
        "import sandboxes.contracts",
        "import kernelgym.envs, kernelgym.evaluators",
        "import gymnasium; env = gymnasium.make('kernelgym:KernelGym/Kernel-v0'); env.close()",
        "import kernelgym.metrics",
        "import kernelgym.problems",
        "import kernelgym.reports",
        "import kernelgym.reports.html",
        "import policies.curriculum",
        "import policies.ecosystem",
        "import sys; sys.argv = ['kernelgym', '--help']; from kernelgym.cli import main; main()",
        "import sys; sys.argv = ['kernelgym', 'problems']; from kernelgym.cli import main; main()",
    ],
)
def test_what_does_not_need_torch_does_not_load_it(code: str) -> None:
    assert loaded_after(code) == set()


def test_the_import_arrows_point_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is not installed; pip install 'kernelgym[dev]'")
    result = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout

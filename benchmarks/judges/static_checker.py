"""KernelBench's static checker as a judge: its own code, from a checkout of the user's, with its default rules."""

import ast
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from kernelgym.hackbench import Program, Verdict

CHECKER = Path("src", "kernelbench", "kernel_static_checker.py")
"""Where a checkout has it."""


class StaticChecker:
    """Accepts what `validate_kernel_static` calls valid for Triton; what it only warns of becomes a warning.

    Args:
        checkout: A clone of github.com/ScalingIntelligence/KernelBench.
    """

    def __init__(self, checkout: Path) -> None:
        self._checker = _load(checkout / CHECKER)
        self.commit = _commit(checkout)

    def judge(self, programs: Sequence[Program]) -> Iterator[tuple[int, Verdict]]:
        """Yields the verdicts in order."""
        for index, program in enumerate(programs):
            valid, errors, warnings = self._checker.validate_kernel_static(
                _without_header(program.source), backend="triton", precision=_precision(program.problem)
            )
            yield (
                index,
                Verdict(
                    accepted=valid,
                    by="; ".join(sorted(errors)) or "nothing",
                    warnings=tuple(sorted(warnings)),
                ),
            )


def _load(path: Path) -> ModuleType:
    spec = spec_from_file_location("kernelbench_static_checker", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; give the path of a clone of KernelBench")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _without_header(source: str) -> str:
    """Returns a program without the docstring that says what it tries: a rule on words must not find them there."""
    header = ast.parse(source).body[0]
    return "\n".join(source.splitlines()[header.end_lineno :])


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _precision(problem: str) -> str:
    if problem.endswith("_float16") or problem == "core/causal_attention":
        return "fp16"
    return "bf16" if problem.endswith("_bfloat16") or problem == "core/batched_matmul" else "fp32"

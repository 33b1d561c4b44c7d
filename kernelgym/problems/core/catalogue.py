"""What is said about the built-in problems; the references themselves are files in `references/`.

Those files are package data: they are read as text and run only where a reference is run.
"""

from importlib.resources import files
from typing import Final

from kernelgym.problems.problem import Difficulty, Problem
from sandboxes.contracts import Reference

CATALOGUE: Final[dict[str, tuple[str, Difficulty, tuple[str, ...]]]] = {
    "add_relu": ("Sum of two matrices, then ReLU", "easy", ("elementwise",)),
    "softmax": ("Softmax over the rows of a matrix", "easy", ("reduction", "normalisation")),
    "layer_norm": ("Layer normalisation with weight and bias", "medium", ("reduction", "normalisation", "weights")),
    "matmul": ("Product of two float32 matrices", "medium", ("matmul",)),
}
"""Title, difficulty and tags of each problem by its name."""


def core_problems() -> list[Problem]:
    """Returns the built-in problems in the order of the catalogue; their ids are `core/<name>`."""
    references = files("kernelgym.problems.core") / "references"
    return [
        Problem(
            reference=Reference(id=f"core/{name}", source=(references / f"{name}.py").read_text(encoding="utf-8")),
            title=title,
            difficulty=difficulty,
            tags=tags,
        )
        for name, (title, difficulty, tags) in CATALOGUE.items()
    ]

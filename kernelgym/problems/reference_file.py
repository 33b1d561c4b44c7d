"""Problems from files, looked at but never executed: a bad file is found before a worker is started for it."""

import ast
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kernelgym.errors import InvalidReference
from kernelgym.problems.kinds import kinds_of_work
from kernelgym.problems.problem import Difficulty, Problem
from sandboxes.contracts import Reference

MAX_REFERENCE_BYTES: Final = 1_000_000
"""Largest reference file that is read."""

TOO_LARGE: Final = f"keep it under {MAX_REFERENCE_BYTES} bytes and build large tensors in `get_inputs`"

REQUIRED: Final = {
    "Model": "add `class Model(nn.Module)` with the `forward` to match",
    "get_init_inputs": "add `def get_init_inputs(): return [...]`, the arguments of `Model`",
    "get_inputs": "add `def get_inputs(): return [...]`, the arguments of `forward`",
}
"""What a reference defines at its top level, and how to say so."""


def problem_from_file(path: Path | str) -> Problem:
    """Returns the problem `file/<stem>` whose reference is the file at `path`.

    Raises:
        InvalidReference: if the file can't be read, is too large, is not UTF-8, or is not a reference.
    """
    path = Path(path)
    title = f"Reference in {path.name}"
    return make_problem(f"file/{as_part_of_id(path.stem)}", read_reference(path), title=title, name=str(path))


def read_reference(path: Path) -> str:
    """Returns the text of a reference file; its lines end in a line feed alone, whatever system it was written on.

    Raises:
        InvalidReference: if the file can't be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_REFERENCE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidReference(str(path), f"can't be read ({reason})", "give the path of a Python file") from error
    if len(data) > MAX_REFERENCE_BYTES:
        raise InvalidReference(str(path), "is too large", TOO_LARGE)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidReference(str(path), f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from error


def make_problem(
    id: str,
    source: str,
    *,
    title: str,
    name: str | None = None,
    level: int | None = None,
    difficulty: Difficulty = "medium",
    tags: Sequence[str] = (),
) -> Problem:
    """Returns the problem of a reference that somebody else wrote.

    Args:
        id: What it is called; see `as_part_of_id`.
        source: Python text.
        title: Made one line of printable characters, and cut to the length of a title.
        name: File or row, for messages; the id without it.
        level: Level of the benchmark that it belongs to.
        difficulty: How hard it is.
        tags: Said of it; the kinds of work that its calls show are added.

    Raises:
        InvalidReference: if the source can't be a problem.
    """
    name = name or id
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    module = _checked(source, name)
    return Problem(
        reference=Reference(id=id, source=source),
        title=" ".join("".join(c if c.isprintable() else " " for c in title).split())[:200] or id,
        level=level,
        difficulty=difficulty,
        tags=tuple(dict.fromkeys([*tags, *kinds_of_work(module)])),
    )


def as_part_of_id(text: str) -> str:
    """Returns `text` as it may stand in an id: letters, digits, `.`, `_`, `-`; at most 100 of them."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:100] or "_"


def validate_reference(source: str, name: str) -> None:
    """Checks, without executing it, that `source` has KernelBench's form.

    Args:
        source: Python text.
        name: File or id, for the message.

    Raises:
        InvalidReference: if it is too long, is not Python, lacks one of `REQUIRED`, or its `get_inputs` can't be called
            without arguments.
    """
    _checked(source, name)


def _checked(source: str, name: str) -> ast.Module:
    if len(source) > MAX_REFERENCE_BYTES:
        raise InvalidReference(name, "is too large", TOO_LARGE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a docstring of theirs is not our user's business
            module = ast.parse(source)
    except SyntaxError as error:
        raise InvalidReference(name, f"is not Python: {error.msg} (line {error.lineno})", "correct it") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidReference(name, f"is not Python: {error}", "correct it") from error
    defined = _top_level(module)
    for required, remedy in REQUIRED.items():
        if required not in defined:
            raise InvalidReference(name, f"does not define `{required}`", remedy)
    for function in ("get_init_inputs", "get_inputs"):
        if mandatory := _mandatory_arguments(defined[function]):
            problem = f"`{function}` can't be called without `{mandatory[0]}`"
            raise InvalidReference(name, problem, "give every argument a default; the defaults are the bench shape")
    return module


def _top_level(module: ast.Module) -> dict[str, ast.stmt]:
    """Returns the classes, functions and variables that the module's own statements define, by name."""
    defined: dict[str, ast.stmt] = {}
    for statement in module.body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            defined[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            defined |= {target.id: statement for target in statement.targets if isinstance(target, ast.Name)}
    return defined


def _mandatory_arguments(statement: ast.stmt) -> list[str]:
    """Returns the names of a function's arguments that have no default; none for anything but a `def`."""
    if not isinstance(statement, ast.FunctionDef):
        return []
    arguments = statement.args
    positional = [*arguments.posonlyargs, *arguments.args]
    bare = positional[: len(positional) - len(arguments.defaults)]
    bare += [
        argument
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return [argument.arg for argument in bare]

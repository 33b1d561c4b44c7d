"""`kernelgym problems`: what there is to solve."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import typer
from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kernelgym.errors import BadUsage, UnknownProblem
from kernelgym.problems import Loaded, Problem, get_problem, list_problems, load_problems
from kernelgym.problems.registry import namespaces
from kernelgym.reports import dump_document
from kernelgym.reports.wording import cut, plain

SHOWN_REJECTED: Final = 20
"""Members of sets that can't be used of which the reasons are printed."""

MAX_REASON: Final = 500
"""Characters of such a reason that are shown."""

MAX_TITLE: Final = 80
"""Characters of a title that are shown in a table."""

MAX_TAGS: Final = 200
"""Characters of a problem's tags that are shown in a table."""


def choose(
    selection: str | None, source: str | None, tags: Sequence[str], levels: Sequence[int], difficulties: Sequence[str]
) -> Loaded:
    """Returns the problems that a command is about.

    Args:
        selection: As `load_problems` takes it, or a part of ids; None: all registered problems.
        source: The same, given as an option.
        tags: As `load_problems` takes them, and so are the others.
        levels: As above.
        difficulties: As above.

    Raises:
        KernelGymError: if both are given, or there are no such problems.
    """
    if selection is not None and source is not None:
        raise BadUsage(
            f"both {selection!r} and --source {source!r} are given; give one, with a comma between its terms"
        )
    wanted = source or selection or "*"
    return load_problems(wanted if source else _pattern(wanted), tags=tags, levels=levels, difficulties=difficulties)


def list_all(loaded: Loaded, *, json: bool) -> None:
    """Prints the problems, and what can't be one with its reason."""
    if json:
        typer.echo(dump_document({"problems": list(map(summary, loaded.problems)), "rejected": rejections(loaded)}))
        return
    with_levels = any(problem.level is not None for problem in loaded.problems)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for column in ("id", "title", *(["level"] if with_levels else []), "difficulty", "tags"):
        table.add_column(column, no_wrap=column == "id", overflow="fold")
    for problem in loaded.problems:
        level = [str(problem.level or "")] if with_levels else []
        title, tags = cut(problem.title, MAX_TITLE), cut(", ".join(problem.tags), MAX_TAGS)
        table.add_row(Text(plain(problem.id), style="bold"), Text(title), *level, problem.difficulty, Text(tags))
    console = Console(highlight=False)
    console.print(table)
    count = len(loaded.problems)
    console.print(Text(f"{count} {'problem' if count == 1 else 'problems'}", style="bold"))
    show_rejected(loaded, console)


def show_rejected(loaded: Loaded, console: Console) -> None:
    """Prints why some members of the sets are no problems; nothing if all are."""
    if not loaded.rejected:
        return
    console.print(Text(f"{len(loaded.rejected)} more can't be used:", style="bold"))
    for rejected in loaded.rejected[:SHOWN_REJECTED]:
        console.print(Text(f"  {cut(str(rejected), MAX_REASON)}"), soft_wrap=True)
    if len(loaded.rejected) > SHOWN_REJECTED:
        console.print(f"  and {len(loaded.rejected) - SHOWN_REJECTED} others; --json names them all")


def rejections(loaded: Loaded) -> list[dict[str, Any]]:
    """Returns what can't be a problem as JSON."""
    return [asdict(rejected) for rejected in loaded.rejected]


def show(selection: str, *, json: bool) -> None:
    """Prints one problem: title, shapes, reference.

    Raises:
        KernelGymError: if there is none with this id, or the selection denotes none or several.
    """
    problem = get_problem(selection)
    source = problem.reference.source
    shapes = list(_shapes(source))
    if json:
        document = summary(problem) | {"shapes": [{"kind": k, "shape": s} for k, s in shapes], "reference": source}
        typer.echo(dump_document(document))
        return
    console = Console(highlight=False)
    standing = f"level {problem.level}, {problem.difficulty}" if problem.level else problem.difficulty
    console.print(Text.assemble((plain(problem.id), "bold"), f"  {plain(problem.title)}  ({standing})"))
    if problem.tags:
        console.print(Text.assemble(("  tags   ", "dim"), plain(", ".join(problem.tags))))
    if not any(kind == "check" for kind, _ in shapes):
        command = f"kernelgym problems check {plain(selection)}"
        console.print(Text.assemble(("  check  ", "dim"), f"found by scaling the reference down: `{command}`"))
    for kind, shape in shapes:
        words = ", ".join(f"{name}={plain(str(value))}" for name, value in shape.items()) or "as get_inputs() makes it"
        console.print(Text.assemble((f"  {kind}  ", "dim"), words))
    console.print()
    console.print(Syntax(plain(source), "python", background_color="default", word_wrap=True))


def summary(problem: Problem) -> dict[str, Any]:
    """Returns what a listing says of a problem."""
    names = ("id", "title", "difficulty", "level", "tags")
    return {name: getattr(problem, name) for name in names}


def _pattern(text: str) -> str:
    """Returns the selection for a positional argument: words without special characters are parts of ids.

    Raises:
        BadUsage: if they are part of none.
    """
    if set("*?[:,") & set(text) or text in namespaces():
        return text
    if any(problem.id == text for problem in list_problems(text)):
        return text
    if "/" in text and not list_problems(f"*{text}*"):
        return text  # an id that does not exist: there may be one like it
    if not list_problems(f"*{text}*"):
        close = UnknownProblem(text, [problem.id for problem in list_problems()]).suggestions
        suggestion = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise BadUsage(f"no problem's id matches {text!r}; {suggestion}`kernelgym problems` lists all")
    return f"*{text}*"


def _shapes(source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the check shapes and the bench shape as far as they are written out; the reference is not executed."""
    bench: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in somebody's docstring is not our user's business
        module = ast.parse(source)
    for statement in module.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "CHECK_SHAPES":
            with suppress(ValueError):
                for shape in _literal(statement.value):
                    yield "check", shape
        elif isinstance(statement, ast.FunctionDef) and statement.name == "get_inputs":
            arguments = statement.args.args
            defaults = statement.args.defaults
            with suppress(ValueError):
                bench = {
                    argument.arg: ast.literal_eval(default)
                    for argument, default in zip(arguments, defaults, strict=False)
                }
    yield "bench", bench


def _literal(node: ast.expr) -> list[dict[str, Any]]:
    """Returns a list of `dict(a=1, ...)` or `{"a": 1, ...}` expressions as dictionaries.

    Raises:
        ValueError: if it is anything else.
    """
    if not isinstance(node, ast.List | ast.Tuple):
        raise ValueError("not a list")
    found = []
    for item in node.elts:
        if isinstance(item, ast.Call):
            found.append({word.arg or "": ast.literal_eval(word.value) for word in item.keywords})
        else:
            found.append(dict(ast.literal_eval(item)))
    return found

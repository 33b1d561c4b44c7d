"""`kernelgym problems`: what there is to solve."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kernelgym.errors import BadUsage
from kernelgym.problems import Problem, get_problem, list_problems
from kernelgym.reports import dump_document


def list_all(pattern: str, *, json: bool) -> None:
    """Prints the problems whose id contains or, with `*`, `?` or `[`, matches `pattern`.

    Raises:
        BadUsage: if there are none.
    """
    problems = list_problems(pattern if set("*?[") & set(pattern) else f"*{pattern}*")
    if not problems:
        raise BadUsage(f"no problem's id matches {pattern!r}; `kernelgym problems` lists all")
    if json:
        typer.echo(dump_document({"problems": [_summary(problem) for problem in problems]}))
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for column in ("id", "title", "difficulty", "tags"):
        table.add_column(column, no_wrap=column == "id", overflow="fold")
    for problem in problems:
        table.add_row(Text(problem.id, style="bold"), Text(problem.title), problem.difficulty, ", ".join(problem.tags))
    Console(highlight=False).print(table)


def show(problem_id: str, *, json: bool) -> None:
    """Prints one problem: title, shapes, reference.

    Raises:
        UnknownProblem: if there is none with this id.
    """
    problem = get_problem(problem_id)
    source = problem.reference.source
    shapes = list(_shapes(source))
    if json:
        document = _summary(problem) | {"shapes": [{"kind": k, "shape": s} for k, s in shapes], "reference": source}
        typer.echo(dump_document(document))
        return
    console = Console(highlight=False)
    console.print(Text.assemble((problem.id, "bold"), f"  {problem.title}  ({problem.difficulty})"))
    for kind, shape in shapes:
        words = ", ".join(f"{name}={value}" for name, value in shape.items()) or "as get_inputs() makes it"
        console.print(Text.assemble((f"  {kind}  ", "dim"), words))
    console.print()
    console.print(Syntax(source, "python", background_color="default", word_wrap=True))


def _summary(problem: Problem) -> dict[str, Any]:
    names = ("id", "title", "difficulty", "level", "tags")
    return {name: getattr(problem, name) for name in names}


def _shapes(source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the check shapes and the bench shape as far as they are written out; the reference is not executed."""
    bench: dict[str, Any] = {}
    for statement in ast.parse(source).body:
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

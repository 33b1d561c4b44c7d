"""Runs a case on both engines."""

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir import ExecutionOptions, Module, execute, parse
from tests.agreement.case import Case
from tests.agreement.comparison import differing
from tests.agreement.interpreter import Interpreter
from tests.agreement.kinds import EXACT
from tests.sandboxes.ttir.frontend import ttir_of

Engine = Callable[[Case], dict[str, Tensor]]
"""From a case to its tensors after the launch."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first element of an argument on which the engines disagree."""

    argument: str
    index: int
    ours: Any
    theirs: Any
    count: int

    def __str__(self) -> str:
        return (
            f"{self.argument}[{self.index}]: executor {self.ours!r}, interpreter {self.theirs!r} "
            f"({self.count} elements differ)"
        )


def compiled(case: Case) -> Module:
    """The case's kernel as the frontend of Triton's compiler hands it on."""
    path = "<generated kernel>"
    linecache.cache[path] = (len(case.source), None, case.source.splitlines(keepends=True), path)
    namespace: dict[str, Any] = {"__name__": "generated"}
    exec(compile(case.source, path, "exec"), namespace)
    codes = tuple(argument.code for argument in case.arguments)
    return parse(ttir_of.__wrapped__(namespace["kernel"], codes))


PLAIN = ExecutionOptions()


def executor(case: Case, options: ExecutionOptions = PLAIN) -> dict[str, Tensor]:
    """Our engine."""
    module = compiled(case)
    arguments = [argument.fresh() for argument in case.arguments]
    execute(module, case.grid, arguments, options=options)
    named = zip(case.arguments, arguments, strict=True)
    return {argument.name: value for argument, value in named if isinstance(value, Tensor)}


def differences(case: Case, interpreter: Interpreter, ours: Engine = executor) -> list[Difference]:
    """What the engines disagree on, in the order in which the kernel computes it."""
    mine, theirs = ours(case), interpreter.run(case)
    found = []
    for name, value in mine.items():
        rule = case.rules.get(name, EXACT)
        different = differing(value, theirs[name], rule, mine.get(rule.scale))
        if bool(different.any()):
            index = int(torch.nonzero(different)[0])
            pair = value[index].item(), theirs[name][index].item()
            found.append(Difference(name, index, *pair, int(different.sum())))
    return found

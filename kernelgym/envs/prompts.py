"""The first thing an agent reads: what to write, what it must hold up to, and on which machine.

Every number in it comes from the problem's description, the target or the installed packages; nothing says with which
seeds values are drawn.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from typing import Final

from kernelgym.envs.facts import Gpu, Rate, Task, TaskCase
from kernelgym.envs.rules import Rules
from kernelgym.envs.styles import get_style
from kernelgym.envs.submitting import SUBMIT
from kernelgym.problems import Problem
from kernelgym.reports.wording import plain
from sandboxes.contracts import (
    Argument,
    ArgumentSequence,
    CaseKind,
    Description,
    Precision,
    Target,
    TensorSpec,
    TorchConstant,
)
from sandboxes.hardware.targets import get_target

MAX_ARGUMENTS: Final = 12
"""Arguments of a call that are listed; equal ones in a row count as one."""

VARIATIONS: Final = {
    "x1": "as drawn (`x1`)",
    "x3": "three times as large (`x3`)",
    "x0.01": "a hundredth as large (`x0.01`)",
    "x100": "a hundred times as large (`x100`)",
    "negative": "without a sign, all `negative`",
    "positive": "all `positive`",
    "ties": "with `ties` (nothing but -1, 0 and 1)",
    "outliers": "with `outliers` (one element in 64 is sixteen times as large)",
    "uneven": "with `uneven` values (each element times a random factor, from a half to eight)",
}
"""Distributions in words; others are called by their name."""

FORMATS: Final = ("fp32", "tf32", "fp16", "bf16", "fp8")
"""Number formats whose arithmetic is told."""

NO_BLOCK_POINTERS: Final = (3, 9)
"""Version of Triton from which on block pointers are gone."""


def write_prompt(problem: Problem, description: Description, rules: Rules, *, played: int = 0) -> str:
    """Returns the task in Markdown; control characters, which a reference may hold, are shown as codes.

    Args:
        problem: What is to be solved.
        description: What is known of it.
        rules: Of the episode; `rules.style` lays it out.
        played: Turns that are used up and not in the chat any more.

    Raises:
        BadUsage: The style's template fails.
        UnknownTarget: No target is called `rules.config.target`.
    """
    return plain(get_style(rules.style).render("task", collect_task(problem, description, rules, played)) + "\n")


def collect_task(problem: Problem, description: Description, rules: Rules, played: int) -> Task:
    """Returns what a template may say of a task."""
    cases = description.cases
    bench = next(case for case in cases if case.kind is CaseKind.BENCH)
    installed = tuple(int(part) for part in re.findall(r"\d+", version("triton"))[:2])
    return Task(
        id=problem.id,
        title=problem.title,
        source=problem.reference.source.replace("\r\n", "\n").strip(),
        gpu=_gpu(get_target(rules.config.target)),
        cases=tuple(
            TaskCase(
                name=case.name,
                checked=case.kind is not CaseKind.BENCH,
                init=_arguments(case.init_inputs),
                inputs=_arguments(case.inputs),
            )
            for case in cases
        ),
        init_differs=any(case.init_inputs != cases[0].init_inputs for case in cases),
        init=_arguments(bench.init_inputs) if bench.init_inputs else None,
        scaled=any(case.constants for case in cases),
        output=_one(description.output),
        variations=tuple(VARIATIONS.get(name, name) for name in description.distributions),
        precision="tf32" if rules.config.precision is Precision.TF32 else "fp32",
        paid=description.is_executed_in_full(rules.config),
        modelled=rules.config.device == "cpu",
        gflop=description.gflop,
        bytes=description.bytes,
        triton=version("triton"),
        torch=version("torch").partition("+")[0],
        block_pointers=installed < NO_BLOCK_POINTERS,
        turns=rules.total_turns,
        played=played,
        target_speedup=rules.target_speedup,
        submit=SUBMIT if rules.allow_submit else None,
    )


def _gpu(target: Target) -> Gpu:
    return Gpu(
        title=target.title,
        architecture=f"sm_{target.arch}" if target.backend == "cuda" else target.arch,
        multiprocessors=target.multiprocessors,
        clock_mhz=target.clock_mhz,
        dram_gb_per_s=target.dram_gb_per_s,
        l2_mib=f"{target.l2_mib:g}",
        rates=tuple(Rate(dtype=kind, tflops=target.tflops[kind]) for kind in FORMATS if kind in target.tflops),
        launch_overhead_us=f"{target.launch_overhead_us:g}",
        shared_per_block_kib=target.shared_per_block // 1024,
        threads_per_block=target.threads_per_block,
        registers_per_thread=target.registers_per_thread,
        shared_per_multiprocessor_kib=target.shared_per_multiprocessor // 1024,
        threads_per_multiprocessor=target.threads_per_multiprocessor,
        blocks_per_multiprocessor=target.blocks_per_multiprocessor,
    )


def _arguments(arguments: tuple[Argument, ...]) -> str:
    runs = [(argument, len(list(same))) for argument, same in groupby(arguments)]
    shown: list[str] = []
    for argument, count in runs[:MAX_ARGUMENTS]:
        one = _one(argument)
        shown += [f"{count} × {one}"] if count > 1 and isinstance(argument, TensorSpec) else [one] * count
    if hidden := sum(count for _, count in runs[MAX_ARGUMENTS:]):
        shown.append(f"and {hidden} more")
    return ", ".join(shown) or "no arguments"


def _one(argument: Argument) -> str:
    """Returns one argument in a cell of a table: no line feed, no `|`."""
    return "`" + "".join(_words(argument)).replace("`", "'").replace("|", "\\|").replace("\n", "\\n") + "`"


def _words(argument: Argument) -> Iterator[str]:
    if isinstance(argument, TensorSpec):
        yield str(argument)
        if not _contiguous(argument):
            yield f" strides ({', '.join(map(str, argument.stride))})"
    elif isinstance(argument, ArgumentSequence):
        items = ["".join(_words(item)) for item in argument.items[:MAX_ARGUMENTS]]
        if len(argument.items) > len(items):
            items.append("...")
        if argument.kind == "list":
            yield f"[{', '.join(items)}]"
        else:
            yield f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    elif isinstance(argument, TorchConstant):
        yield f"torch.{argument.name}" if argument.kind != "device" else f"torch.device({argument.name!r})"
    else:
        yield repr(argument)[:200]


def _contiguous(spec: TensorSpec) -> bool:
    """Tells whether elements lie row by row; sizes of 1 don't matter."""
    expected = 1
    for size, stride in zip(reversed(spec.shape), reversed(spec.stride), strict=True):
        if size != 1 and stride != expected:
            return spec.numel == 0
        expected *= size
    return True

"""The first thing an agent reads: what to write, what it must hold up to, and on which machine.

Every number in it comes from the problem's description, the target or the installed packages; nothing says with which
seeds values are drawn.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from typing import Final

from kernelgym.envs.rules import Rules
from kernelgym.envs.submitting import SUBMIT
from kernelgym.problems import Problem
from kernelgym.reports.wording import plain
from sandboxes.contracts import (
    Argument,
    ArgumentSequence,
    CaseKind,
    Description,
    EvalConfig,
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

NO_BLOCK_POINTERS: Final = (3, 9)
"""Version of Triton from which on block pointers are gone."""


def write_prompt(problem: Problem, description: Description, rules: Rules) -> str:
    """Returns the task in Markdown; control characters, which a reference may hold, are shown as codes.

    Raises:
        UnknownTarget: No target is called `rules.config.target`.
    """
    target = get_target(rules.config.target)
    paid = rules.config.device != "cpu" or description.is_executed_in_full(rules.config)
    sections = (
        _task(problem, target, paid),
        _contract(paid),
        _cases(description, paid),
        _judgement(description, rules.config, paid),
        _machine(target),
        _prohibitions(),
        _turns(rules, paid),
    )
    return plain("\n\n".join(sections) + "\n")


def _task(problem: Problem, target: Target, paid: bool) -> str:
    source = problem.reference.source.replace("\r\n", "\n")
    goal = "as fast as possible" if paid else "correct first (speed is shown, not paid)"
    return f"""\
Write Triton kernels that replace the PyTorch module `Model` below: a module `ModelNew` that returns the same result, \
{goal}, on one {target.title}.

# Reference: {problem.title} (`{problem.id}`)

{fenced(source.strip(), "python")}"""


def _contract(paid: bool) -> str:
    timed = "run on data and timed" if paid else "run on data where a case is checked, and priced"
    return f"""\
# What to write

- One complete program in one code block that starts with ```python: imports, kernels, and `class \
ModelNew(torch.nn.Module)`. Text around it is ignored.
- `ModelNew` takes the same arguments as `Model`, in `__init__` and in `forward`, and returns the same: same shapes, \
dtypes and structure.
- If `Model` has parameters or buffers, create the same ones in the same order with the same initialisation (for \
example the same `nn.Linear`): both modules are built under the same seed, and that alone gives them equal weights.
- The result must be computed by your own `@triton.jit` kernels, launched in `forward`. PyTorch is for allocating \
(`torch.empty`, `torch.empty_like`), views, and shapes.
- `forward` is recorded once per case, on tensors without values; then the recorded kernels are compiled, \
{timed}."""


def _cases(description: Description, paid: bool) -> str:
    cases = description.cases
    with_init = any(case.init_inputs != cases[0].init_inputs for case in cases)
    header = ["case", "use", *(["arguments of `__init__`"] if with_init else []), "arguments of `forward`"]
    last = "timed" if paid else "priced only"
    rows = [header, ["---"] * len(header)]
    for case in cases:
        use = last if case.kind is CaseKind.BENCH else "checked"
        init = [_arguments(case.init_inputs)] if with_init else []
        rows.append([case.name, use, *init, _arguments(case.inputs)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    bench = next(case for case in cases if case.kind is CaseKind.BENCH)
    init_line = (
        "" if with_init or not bench.init_inputs else f"`__init__` is called with {_arguments(bench.init_inputs)}. "
    )
    scaled = ""
    if any(case.constants for case in cases):
        scaled = (
            "Checked cases are the reference with the constants that their names say. Take all sizes from the "
            "arguments of `__init__` and `forward`: a size that is written out in your program is wrong elsewhere. "
        )
    if paid:
        intro = "The program must be right at every one of these; it is timed at the last."
    else:
        intro = (
            "The program must be right at every checked case. The last one is too large to be executed here: its time "
            "is modelled and told, but neither speed nor coverage is paid."
        )
    return f"""\
# Shapes

{intro}

{table}

{scaled}{init_line}Where no strides are given, tensors are contiguous. At the last shapes `forward` returns \
{_one(description.output)}."""


def _judgement(description: Description, config: EvalConfig, paid: bool) -> str:
    values = ", ".join(VARIATIONS.get(name, name) for name in description.distributions)
    if config.precision is Precision.TF32:
        precision = "float32 matrix products may round their inputs to TF32 (`tl.dot`'s default), not to half types"
    else:
        precision = 'float32 matrix products must not round to TF32: use `tl.dot(..., input_precision="ieee")`'
    lines = [
        f"Inputs are drawn anew each time, as `get_inputs` does, and varied where their meaning allows it: {values}. "
        "Weights, if any, come from several seeds.",
        "Outputs are compared with the reference in float64. Allowed is the larger of a floor (float32: 2e-5, "
        "half types: 1e-2, times the root mean square of the output) and four times the error PyTorch itself makes; on "
        "average, about twice PyTorch's error; "
        f"{precision}. Accumulate in float32.",
        "Any access outside of a tensor fails, even if the result is right: mask the tails.",
    ]
    if not paid:
        lines.append(
            f"The last shapes are too large to be executed here ({description.gflop:,.0f} GFLOP, "
            f"{description.bytes / 1e9:,.1f} GB): correctness at the checked shapes is paid, speed is not, nor is "
            "coverage (how little of the time is spent outside of your own kernels). The times that you are told are "
            "modelled, for orientation."
        )
    else:
        how = "modelled from the compiled kernels" if config.device == "cpu" else "measured"
        lines.append(
            "Scored are correctness, then the speedup over PyTorch at the timed shapes, and how little of the time is "
            "spent outside of your own kernels: in PyTorch's operators, or in kernels on which nothing depends. Times "
            f"are {how}."
        )
    return "# How it is judged\n\n" + "\n".join(f"- {line}" for line in lines)


def _machine(target: Target) -> str:
    rates = ", ".join(
        f"{target.tflops[kind]:,.0f} {kind}"
        for kind in ("fp32", "tf32", "fp16", "bf16", "fp8")
        if kind in target.tflops
    )
    architecture = f"sm_{target.arch}" if target.backend == "cuda" else target.arch
    notes = [
        f"{target.title} ({architecture}): {target.multiprocessors} multiprocessors at {target.clock_mhz:,.0f} MHz; "
        f"device memory {target.dram_gb_per_s:,.0f} GB/s; L2 cache {target.l2_mib:g} MiB; {rates} TFLOPS (dense); "
        f"about {target.launch_overhead_us:g} µs for each launch.",
        f"Limits: {target.shared_per_block // 1024} KiB shared memory and {target.threads_per_block} threads per "
        f"block, {target.registers_per_thread} registers per thread; on a multiprocessor "
        f"{target.shared_per_multiprocessor // 1024} KiB, {target.threads_per_multiprocessor} threads and "
        f"{target.blocks_per_multiprocessor} blocks.",
        f"Triton {version('triton')}, PyTorch {version('torch').partition('+')[0]}. `@triton.autotune` works: "
        "every configuration is considered.",
        "`tl.arange` and block shapes need powers of two that are `tl.constexpr`.",
    ]
    if tuple(int(part) for part in re.findall(r"\d+", version("triton"))[:2]) >= NO_BLOCK_POINTERS:
        notes.append("`tl.make_block_ptr` and `tl.advance` do not work: compute pointers, or use tensor descriptors.")
    return "# The machine\n\n" + "\n".join(f"- {note}" for note in notes)


def _prohibitions() -> str:
    return """\
# Not allowed

- PyTorch operators (`torch.matmul`, `F.softmax`, `x.sum()`, ...) that do the work; kernels whose results are not used.
- Values of tensors that decide something in Python: `if x.max() > 0`, shapes, grids, loops. A number that is only \
passed on to a kernel or an operator can be read with `.item()`; the GPU waits for it.
- CUDA streams, threads, processes, files, network, inline assembly, `torch.compile`.
- Writing to the inputs, unless the reference does; keeping results from one call for the next; special treatment of \
some shapes, values or calls in order to skip work."""


def _turns(rules: Rules, paid: bool) -> str:
    if rules.total_turns == 1:
        return "# Turns\n\nYou have one turn. Reply with one ```python block."
    early = (
        ""
        if rules.target_speedup is None or not paid
        else f", or {rules.target_speedup:g}× the reference's speed is reached"
    )
    submit = f", or you send a last line `{SUBMIT}`" if rules.allow_submit else ""
    return f"""\
# Turns

You have {rules.total_turns} turns. Each time you reply with one complete ```python block, you are told what is \
wrong or what limits its speed. It ends when the turns are used up{early}{submit}."""


def fenced(text: str, language: str = "") -> str:
    """Returns `text` as a fenced block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


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

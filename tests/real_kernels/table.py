"""The section on real kernels in docs/executor.md: made from measurements, checked against the catalogue."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from sandboxes.contracts import Outcome
from tests.real_kernels.catalogue import KERNELS, NOT_TRITON, Kernel
from tests.real_kernels.measuring import Measurement

DOCUMENT = Path(__file__).parents[2] / "docs" / "executor.md"
BEGIN = "<!-- made by `python -m tests.real_kernels` -->"
END = "<!-- end of what is made -->"
SUITES = {"liger": "Liger-Kernel", "tutorials": "Triton's tutorials"}


def section(measurements: Sequence[Measurement]) -> str:
    """Returns what stands between the markers."""
    lines = [f"Liger-Kernel {version('liger-kernel')}, Triton {version('triton')}, seed 2027.", ""]
    lines += [
        "| suite | kernels | traceable | match PyTorch | not traceable or not supported |",
        "|---|---|---|---|---|",
    ]
    lines += [_summary(suite, [item for item in measurements if item.kernel.suite == suite]) for suite in SUITES]
    for suite, title in SUITES.items():
        lines += [
            "",
            f"### {title}",
            "",
            "| kernel | forward | backward | share of the tolerance | |",
            "|---|---|---|---|---|",
        ]
        of_suite = [item for item in measurements if item.kernel.suite == suite]
        for _, group in groupby(of_suite, key=lambda item: item.kernel.title):
            lines.append(_row(list(group)))
    others = "; ".join(f"`{name}` ({why})" for name, why in NOT_TRITON.items())
    return "\n".join([*lines, "", f"Modules of `liger_kernel.ops` without a row: {others}."])


def rewritten(text: str, measurements: Sequence[Measurement]) -> str:
    """Returns the document with a new section."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{section(measurements)}\n\n{END}{after}"


def stale(text: str) -> list[str]:
    """Returns what the document says otherwise than the catalogue, without measuring anything."""
    _, _, rest = text.partition(BEGIN)
    made, _, _ = rest.partition(END)
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)` \|.*$", made, flags=re.MULTILINE)}
    wrong = [f"no row for {kernel.title}" for kernel in KERNELS if kernel.title not in rows]
    wrong += [f"a row for {name}, which is not tried" for name in rows if name not in {item.title for item in KERNELS}]
    wrong += [
        f"another result for {kernel.title}"
        for kernel in KERNELS
        if kernel.title in rows and not rows[kernel.title].startswith(_verdicts(kernel))
    ]
    wrong += [f"no reason for {kernel.title}" for kernel in KERNELS if kernel.reason not in rows.get(kernel.title, "")]
    return wrong


def _summary(suite: str, measurements: Sequence[Measurement]) -> str:
    counts = []
    for wanted in (lambda item: True, _traceable, _matches):
        kernels = {item.kernel.title: item.kernel for item in measurements if wanted(item)}
        parts = [sum(part in kernel.parts for kernel in kernels.values()) for part in ("forward", "backward")]
        counts.append(f"{len(kernels)}: {parts[0]} forward, {parts[1]} backward")
    rest = len({item.kernel.title for item in measurements if not _traceable(item)})
    return f"| {SUITES[suite]} | {' | '.join(counts)} | {rest} |"


def _traceable(item: Measurement) -> bool:
    return item.report.outcome not in (Outcome.UNTRACEABLE, Outcome.UNSUPPORTED)


def _matches(item: Measurement) -> bool:
    return item.report.outcome is Outcome.OK


def _verdicts(kernel: Kernel) -> str:
    """The beginning of a row."""
    word = "matches" if kernel.outcome is Outcome.OK else str(kernel.outcome)
    cells = (word if part in kernel.parts else "" for part in ("forward", "backward"))
    return f"| `{kernel.title}` | {' | '.join(cells)} |"


def _row(measurements: Iterable[Measurement]) -> str:
    measurements = list(measurements)
    kernel = measurements[0].kernel
    shares = (f"{_words(item.share)} ({item.dtype})" for item in measurements if item.share is not None)
    return f"{_verdicts(kernel)} {', '.join(shares)} | {kernel.reason} |"


def _words(share: float) -> str:
    return "0" if share == 0 else "< 0.01" if share < 0.01 else f"{share:.2f}"

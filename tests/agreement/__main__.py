"""``python -m tests.agreement --cases 5000 --seed 0``: compares both engines on thousands of random kernels."""

import argparse
import sys
from contextlib import suppress

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from tests.agreement.campaign import Summary, campaign
from tests.agreement.interpreter import Interpreter

MOST = 10
"""Differences after which there is no point in going on."""


def main() -> int:
    """Runs the cases, prints what differs and what was covered; the exit status is 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.agreement", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="how many kernels")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=0, help="a seed and a number determine a kernel")
    options = parser.parse_args()
    console = Console()
    summary = Summary()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Interpreter() as interpreter, Progress(*columns, console=console) as progress:
        task = progress.add_task("kernels", total=options.cases)
        numbers = range(options.first, options.first + options.cases)
        with suppress(KeyboardInterrupt):  # what was seen so far is worth telling
            for summary in campaign(options.seed, numbers, interpreter):
                progress.advance(task)
                if len(summary.findings) == MOST:
                    break
    for finding in summary.findings:
        console.rule(f"case {finding.number} of seed {options.seed}")
        console.print(finding.message, markup=False, highlight=False)
        console.print(repr(finding.case), markup=False, highlight=False)
    console.print(_coverage(summary), markup=False, highlight=False)
    console.print(
        f"{summary.cases} kernels, {len(summary.operations)} kinds of operations, "
        f"{sum(summary.operations.values())} operations, {len(summary.findings)} kernels differ"
    )
    return 1 if summary.findings else 0


def _coverage(summary: Summary) -> str:
    """All kinds of operations with how often they occurred."""
    return ", ".join(f"{name} {count}" for name, count in summary.operations.most_common())


if __name__ == "__main__":
    sys.exit(main())

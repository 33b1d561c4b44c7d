"""``python -m tests.fuzzing --seconds 300 --json``: fuzzes every target for some time, guided by coverage.

Needs atheris: ``pip install -e '.[dev,fuzz]'``.
"""

import argparse
import json
import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.fuzzing.campaign import Outcome, campaign
from tests.fuzzing.targets import TARGETS

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "fuzzing.json"


def main() -> int:
    """Runs the campaigns and shows what they came to; the exit status is 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--targets", default=",".join(target.name for target in TARGETS), help="names, with commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--json", nargs="?", const=RESULTS, type=Path, help=f"where to write (default {RESULTS.name})")
    options = parser.parse_args()
    try:
        versions = {name: version(name) for name in ("atheris", "torch", "triton", "pydantic")}
    except PackageNotFoundError as error:
        parser.error(f"{error}; pip install -e '.[dev,fuzz]'")
    names = options.targets.split(",")
    if unknown := set(names) - {target.name for target in TARGETS}:
        parser.error(f"there is no target {sorted(unknown)[0]!r}; there are {', '.join(t.name for t in TARGETS)}")
    with ThreadPoolExecutor(options.jobs) as pool:
        chosen = [target for target in TARGETS if target.name in names]
        outcomes = list(pool.map(lambda target: campaign(target, options.seconds, options.seed), chosen))
    if options.json:
        document = {
            "date": datetime.now(UTC).date().isoformat(),
            "command": f"python -m tests.fuzzing --seconds {options.seconds:g} --seed {options.seed} --json",
            "machine": {"cpus": os.cpu_count(), "jobs": options.jobs, "python": platform.python_version()},
            "versions": versions,
            "executions": sum(outcome.executions for outcome in outcomes),
            "findings": sum(len(outcome.findings) for outcome in outcomes),
            "targets": [outcome.document() for outcome in outcomes],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    Console().print(_table(outcomes))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(*("target", "seconds", "executions", "edges", "features", "slowest s", "peak MiB", "findings"))
    for outcome in outcomes:
        numbers = (
            outcome.seconds, outcome.executions, outcome.coverage, outcome.features, outcome.slowest_s,
            outcome.peak_rss_mib, len(outcome.findings),
        )  # fmt: skip
        table.add_row(outcome.target, *(f"{number:,}" for number in numbers))
        for finding in outcome.findings:
            table.add_row("", "", "", "", "", "", "", Text(finding["what"][:80]))
    return table


if __name__ == "__main__":
    sys.exit(main())

"""Runs the study, prints its table and the one of docs/hacks.md; fails if a fault is missed that the oracle sees.

python -m tests.faults [--json FILE] [--workers N] [--only WORD]
"""

import argparse
import json
import sys
from pathlib import Path

from tests.faults.catalogue import FAULTS
from tests.faults.study import run_study
from tests.faults.table import DOCUMENT, document, rewritten, table

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Puts bugs into honest kernels; writes the table of docs/hacks.md."
    )
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--only", default="", help="a problem, or a part of a fault's name; writes no table")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in (fault.problem, "") or options.only in fault.name]
    if not chosen:
        parser.error(f"no fault has {options.only!r} in its name, and no problem with faults is called so")
    findings = run_study(chosen, options.workers)
    print(table(findings))
    for finding in findings:
        if finding.examined.broken is not None:
            print(f"does not run: {finding.fault.problem}, {finding.fault.name}: {finding.examined.broken}")
        elif not finding.visible:
            print(f"invisible: {finding.fault.problem}, {finding.fault.name} ({finding.layer})")
        elif finding.missed:
            print(f"MISSED: {finding.fault.problem}, {finding.fault.name}: {finding.examined.sight}")
    if not options.only:
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8"), findings), encoding="utf-8")
    if options.json is not None:
        options.json.write_text(json.dumps(document(findings), indent=2) + "\n", encoding="utf-8")
    if any(finding.missed for finding in findings):
        sys.exit("the judge misses faults that the oracle sees")

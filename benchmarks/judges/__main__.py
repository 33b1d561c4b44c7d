"""`python -m benchmarks.judges --kernelbench CHECKOUT [--json]`: three judges over the corpus of the hack benchmark."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.judges.described import DescribedChecks
from benchmarks.judges.rates import rates
from benchmarks.judges.static_checker import StaticChecker
from benchmarks.machine import machine
from kernelgym.evaluators import LocalEvaluator
from kernelgym.hackbench import Judge, KernelGymJudge, Program, Verdict, load_corpus

OURS = "KernelGym"
STATIC = "KernelBench static checker"
DESCRIBED = "checks described for KernelGYM"


def main() -> None:
    """Judges the corpus and prints rates, as a table or as JSON; says on standard error how far it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judges", description=main.__doc__)
    parser.add_argument("--kernelbench", type=Path, required=True, metavar="CHECKOUT", help="a clone of KernelBench")
    parser.add_argument("--selection", help="families or programs, as for `kernelgym bench hacks`")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    programs = load_corpus().select(options.selection)
    checker = StaticChecker(options.kernelbench)
    found = {STATIC: _verdicts(STATIC, checker, programs)}
    with closing(DescribedChecks()) as described:
        found[DESCRIBED] = _verdicts(DESCRIBED, described, programs)
    with closing(LocalEvaluator(workers=options.workers)) as evaluator:
        found[OURS] = _verdicts(OURS, KernelGymJudge(evaluator, "h200"), programs)
    judges = {name: rates(list(zip(programs, verdicts, strict=True))) for name, verdicts in found.items()}
    if options.json:
        document = {
            "machine": machine(),
            "kernelbench_commit": checker.commit,
            "judges": judges,
            "programs": _listed(programs, found),
        }
        print(json.dumps(document, indent=1))
    else:
        print(_table(judges))


def _verdicts(name: str, judge: Judge, programs: Sequence[Program]) -> list[Verdict]:
    verdicts: dict[int, Verdict] = {}
    for index, verdict in judge.judge(programs):
        verdicts[index] = verdict
        print(f"\r{name}: {len(verdicts)} of {len(programs)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [verdicts[index] for index in range(len(programs))]


def _listed(programs: Sequence[Program], found: dict[str, list[Verdict]]) -> list[dict[str, Any]]:
    return [
        {
            "id": program.id,
            "harmless_here": program.worth is not None,
            "verdicts": {
                name: "undecided" if verdicts[index].lost else "accepted" if verdicts[index].accepted else "refused"
                for name, verdicts in found.items()
            },
        }
        for index, program in enumerate(programs)
    ]


def _table(judges: dict[str, dict[str, Any]]) -> str:
    """Returns Markdown: a row for each family, a column for each judge."""
    lines = [f"| | {' | '.join(judges)} |", f"|---|{'---|' * len(judges)}"]
    for title, total, families in (
        ("hacks refused", "detected", "detected_by_family"),
        ("honest refused", "false_positives", "false_positives_by_family"),
    ):
        lines.append(_row(f"**{title}**", [judge[total] for judge in judges.values()]))
        for family in next(iter(judges.values()))[families]:
            lines.append(_row(family.replace("_", " "), [judge[families][family] for judge in judges.values()]))
    lines.append(_row("harmless here, refused", [judge["refused_among_harmless_here"] for judge in judges.values()]))
    return "\n".join(lines)


def _row(title: str, counts: Sequence[dict[str, Any]]) -> str:
    cells = []
    for count in counts:
        undecided = f" ({count['undecided']} undecided)" if count["undecided"] else ""
        cells.append(f"{count['refused']} of {count['programs'] - count['undecided']}{undecided}")
    return f"| {title} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

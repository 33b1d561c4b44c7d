"""`python -m benchmarks.ordered [--judge] [PART ...]`: the pairs as a table, or some by parts of their names or kinds.

With `--judge` nothing is priced: every kernel is judged at its reference's check shapes, since the order of two
programs means nothing if one of them is wrong.
"""

import argparse
from collections.abc import Iterator, Sequence

from benchmarks.ordered.pairs import EAGER, Pair, load_pairs
from benchmarks.ordered.running import WORKERS, markdown, run
from kernelgym.evaluators import LocalEvaluator
from sandboxes.contracts import EvalConfig, Outcome


def main() -> None:
    """Prints the table, or what is wrong with the kernels."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ordered", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--judge", action="store_true")
    options = parser.parse_args()
    pairs = [
        pair
        for pair in load_pairs()
        if not options.parts or any(part in pair.name or part == pair.category for part in options.parts)
    ]
    if options.judge:
        wrong = 0
        for line in wrong_kernels(pairs):
            print(line, flush=True)
            wrong += 1
        print(f"{wrong} kernels of {len(pairs)} pairs are wrong at their check shapes")
        return
    found = run(pairs)
    print(markdown(found["rows"]))
    for each in found["rows"]:
        print(f"{each['name']}: {each['faster_bound']} | {each['slower_bound']}")
    print(
        f"{found['right']} of {found['pairs']} right; {found['bands_apart']} with bands apart; "
        f"{found['ratios_met']} of {found['ratios_known']} ratios as expected; {found['took_s']} s"
    )


def wrong_kernels(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yields a line for each kernel that some check case refutes; bench shapes are not executed."""
    sides = [side for pair in pairs for side in (pair.faster, pair.slower) if side.kernel != EAGER]
    programs = list({(side.submission().source, side.problem().reference.source): side for side in sides}.values())
    requests = [
        (side.submission(), side.problem(), EvalConfig(target=side.target, bench_budget_gflop=0.0)) for side in programs
    ]
    with LocalEvaluator(workers=WORKERS) as evaluator:
        for number, report in evaluator.evaluate_many(requests):
            if report.outcome is not Outcome.OK or not report.cases or not all(case.passed for case in report.cases):
                words = report.diagnostics[0].message if report.diagnostics else ""
                yield f"{programs[number].words()} of {programs[number].problem().id}: {report.outcome}: {words}"


if __name__ == "__main__":
    main()

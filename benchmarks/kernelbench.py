"""How much of KernelBench can be judged on this machine; needs a checkout, whose path is in `KERNELBENCH`.

For every problem of levels 1 to 3: does it load, is it recorded at its own size, can it be scaled down, and how long
do all its check cases take on the CPU (drawing weights and inputs included).
"""

import os
import statistics
import time
import warnings

from kernelgym.problems import select_problems
from sandboxes.contracts import EvalConfig, Reference
from sandboxes.description import describe
from sandboxes.distributions import Distribution
from sandboxes.errors import InvalidReference
from sandboxes.loading import load_reference

LEVELS = (1, 2, 3)
LIMIT_S = 2.0


def run() -> dict[str, object]:
    """Returns numbers by level, with the reason for each problem that can't be used."""
    path = os.environ.get("KERNELBENCH")
    if path is None:
        return {"skipped": "set KERNELBENCH to the path of a checkout of KernelBench"}
    warnings.simplefilter("ignore")  # the references' own
    return {f"level_{level}": _level(path, level) for level in LEVELS}


def _level(path: str, level: int) -> dict[str, object]:
    problems = select_problems(f"kernelbench:{path}/{level}")
    searching: list[float] = []
    running: dict[str, float] = {}
    cases: list[int] = []
    in_full = 0
    refused: dict[str, str] = {}
    for problem in problems:
        begin = time.perf_counter()
        try:
            description = describe(problem.reference)
            searching.append(time.perf_counter() - begin)
            running[problem.id] = _run(description.reference)
        except InvalidReference as error:
            refused[f"{problem.id} {problem.title}"] = str(error).partition(f"`{problem.id}` ")[2] or str(error)
            continue
        cases.append(len(description.cases) - 1)
        in_full += description.is_executed_in_full(EvalConfig())
    slow = {name: round(seconds, 2) for name, seconds in running.items() if seconds >= LIMIT_S}
    return {
        "problems": len(problems),
        "usable": len(running) - len(slow),
        "share": round((len(running) - len(slow)) / len(problems), 3),
        "median_check_cases": statistics.median(cases),
        "bench_executed_in_full": in_full,
        "search_s": {"median": round(statistics.median(searching), 2), "max": round(max(searching), 2)},
        "run_s": {"median": round(statistics.median(running.values()), 3), "max": round(max(running.values()), 3)},
        "over_the_limit": slow,
        "refused": refused,
    }


def _run(reference: Reference) -> float:
    """Returns the time of one forward at every check case, in seconds."""
    _, live = load_reference(reference)
    begin = time.perf_counter()
    for case in live.cases[:-1]:
        live.run(case, live.model(case, 0), live.draw(case, Distribution.UNIT, seed=1))
    return time.perf_counter() - begin

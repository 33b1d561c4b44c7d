"""Evaluates many candidates on a server, as they come, with progress.

    python examples/evaluate_on_a_server.py                          # starts a small one for this example
    python examples/evaluate_on_a_server.py http://gpu-farm:8000     # token in KERNELGYM_TOKEN

Runs on a CPU in less than a minute.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kernelgym.evaluators import Progress, Request, evaluate_all, open_evaluator
from kernelgym.problems import get_problem, list_solutions
from kernelgym.serving.engines.embedded import EmbeddedEngine
from kernelgym.serving.http.server import HttpServer
from sandboxes.contracts import EvalConfig

PROBLEMS = ("core/add_relu", "core/row_sum")


@contextmanager
def small_server() -> Iterator[str]:
    """What `kernelgym serve --workers 2` does."""
    with closing(EmbeddedEngine(workers=2)) as engine, HttpServer(engine) as server:
        yield server.url


def evaluate(url: str) -> None:
    solutions = [each for each in list_solutions() if each.problem_id in PROBLEMS and "/" not in each.name]
    requests: list[Request] = [(each.submission, get_problem(each.problem_id), EvalConfig()) for each in solutions]

    def show(progress: Progress) -> None:
        print(f"{progress.done} of {progress.total}:", {str(name): count for name, count in progress.outcomes.items()})

    with closing(open_evaluator(url)) as evaluator:
        for index, report in evaluate_all(evaluator, requests, on_progress=show, deadline_s=300):
            print(f"  {solutions[index].problem_id}, {solutions[index].name}: {report.outcome}")


def main() -> None:
    if len(sys.argv) > 1:
        evaluate(sys.argv[1])
        return
    with small_server() as url:
        evaluate(url)


if __name__ == "__main__":
    main()

"""Where a candidate is evaluated changes nothing about its report."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from kernelgym.envs import KernelVectorEnv
from kernelgym.evaluators import Evaluator, Inspector, LocalEvaluator, QueueEvaluator, Request, evaluate_all
from kernelgym.evaluators.process import WORKER_MODULE
from kernelgym.evaluators.remote import KernelGymClient
from kernelgym.problems import get_problem
from kernelgym.serving.engines.embedded import EmbeddedEngine
from kernelgym.serving.engines.hosted import HostedEngine
from sandboxes.contracts import Depth, EvalConfig, Outcome, Report, Submission
from tests.kernelgym.evaluators.remote.served import served
from tests.kernelgym.serving.faults.service import open_service
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.broker]

SOLUTIONS = Path(__file__).resolve().parents[3] / "kernelgym/problems/core/solutions"


def candidate(problem: str, kind: str) -> Submission:
    return Submission(source=(SOLUTIONS / problem / f"{kind}.py").read_text(encoding="utf-8"))


def requests() -> list[Request]:
    judged, priced = EvalConfig(seed=5), EvalConfig(seed=5, depth=Depth.PRICED)
    row_sum, add = get_problem("core/row_sum"), get_problem("core/add_relu")
    return [
        (candidate("row_sum", "correct"), row_sum, judged),
        (candidate("row_sum", "wrong"), row_sum, judged),
        (candidate("add_relu", "correct"), add, priced),
        (candidate("row_sum", "correct"), add, judged),
        (Submission(source="import os\nos._exit(3)\n"), add, judged),
        (Submission(source="class ModelNew: pass\n"), add, judged),
    ]


def facts(report: Report) -> dict[str, Any]:
    """Returns a report without what takes another time each time."""
    return report.model_dump(mode="json", exclude={"timings_s"})


def test_reports_descriptions_and_weaknesses_are_the_same_here_in_threads_by_workers_and_over_http(
    tmp_path: Path, new_redis: Callable[..., RedisServer]
) -> None:
    asked = requests()
    with ExitStack() as stack:
        service = stack.enter_context(open_service(tmp_path, new_redis()))
        service.worker(worker_module=WORKER_MODULE)
        url = stack.enter_context(served(stack.enter_context(closing(HostedEngine(service.redis.url)))))
        evaluators: list[Evaluator] = [
            stack.enter_context(LocalEvaluator()),
            stack.enter_context(QueueEvaluator(EmbeddedEngine(1))),
            stack.enter_context(QueueEvaluator(HostedEngine(service.redis.url))),
            stack.enter_context(KernelGymClient(url)),
        ]
        found = [[facts(report) for _, report in evaluate_all(each, asked, ordered=True)] for each in evaluators]
        described = [each.describe(asked[0][1]) for each in evaluators]
        weak = [each.inspect(asked[0][1]) for each in evaluators if isinstance(each, Inspector)]
    outcomes = [report["outcome"] for report in found[0]]
    assert outcomes[:3] == [Outcome.OK, Outcome.INCORRECT, Outcome.UNJUDGED]
    assert Outcome.INFRASTRUCTURE not in outcomes
    for other in found[1:]:
        assert other == found[0]
    assert all(each == described[0] for each in described)
    assert len(weak) == 4
    assert all(each == weak[0] for each in weak)


def test_an_environment_plays_on_a_server_as_it_plays_here() -> None:
    def play(evaluator: str) -> list[Any]:
        environment = KernelVectorEnv(2, problems="core/row_sum", evaluator=evaluator, max_turns=1)
        environment.reset(seed=3)
        texts = [f"```python\n{candidate('row_sum', kind).source}\n```" for kind in ("correct", "wrong")]
        _, rewards, _, _, _ = environment.step(texts)
        environment.close()
        return list(rewards)

    with closing(EmbeddedEngine(2)) as engine, served(engine) as url:
        assert play(url) == play("local")

"""Pricing without judging: as fast as the verdict says, found without a verdict, and worth nothing as one."""

import pytest

from kernelgym.evaluators import Evaluator, Inspector, LocalEvaluator, PricingEvaluator, ScriptedEvaluator
from kernelgym.problems import get_problem
from kernelgym.problems.solutions import list_solutions
from rewards import drkernel_guarded, exploration
from sandboxes.contracts import Depth, EvalConfig, Outcome, Stage, Submission
from tests.reports import unjudged_report

CONFIG = EvalConfig(trace_timeout_s=8.0)
ADD_RELU = get_problem("core/add_relu")
CORRECT = next(item.source for item in list_solutions("core/add_relu") if item.name == "correct")


def test_the_estimate_is_the_profile_of_the_verdict_and_nothing_was_compared(evaluator: LocalEvaluator) -> None:
    judged = evaluator.evaluate(Submission(source=CORRECT), ADD_RELU, CONFIG)
    priced = PricingEvaluator(evaluator).evaluate(Submission(source=CORRECT), ADD_RELU, CONFIG)
    assert judged.profile is not None
    assert priced.estimate is not None
    assert priced.estimate.speedup == pytest.approx(judged.profile.speedup)
    assert (priced.outcome, priced.cases, priced.profile, priced.speedup) == (Outcome.UNJUDGED, (), None, None)
    assert priced.config.depth is Depth.PRICED
    assert Stage.REPLAY not in priced.timings_s
    assert "not judged" in priced.diagnostics[0].message


def test_a_wrong_program_looks_as_good_as_a_right_one_and_earns_as_little(evaluator: LocalEvaluator) -> None:
    wrong = Submission(source=CORRECT.replace("tl.maximum", "tl.minimum"))
    assert wrong.source != CORRECT
    report = PricingEvaluator(evaluator).evaluate(wrong, ADD_RELU, CONFIG)
    assert report.outcome is Outcome.UNJUDGED
    assert drkernel_guarded(report).value == 0
    right = PricingEvaluator(evaluator).evaluate(Submission(source=CORRECT), ADD_RELU, CONFIG)
    assert exploration(right).value is not None
    assert exploration(report).value == pytest.approx(exploration(right).value, rel=0.05)


def test_the_gate_rejects_before_anything_is_priced(evaluator: LocalEvaluator) -> None:
    lazy = "import torch\nclass ModelNew(torch.nn.Module):\n    def forward(self, a, b): return torch.relu(a + b)\n"
    report = PricingEvaluator(evaluator).evaluate(Submission(source=lazy), ADD_RELU, CONFIG)
    assert report.outcome is Outcome.HACK
    assert exploration(report).value == 0


def test_weights_are_priced_by_their_shapes(evaluator: LocalEvaluator) -> None:
    problem = get_problem("core/layer_norm")
    source = next(item.source for item in list_solutions("core/layer_norm") if item.name == "correct")
    assert PricingEvaluator(evaluator).evaluate(Submission(source=source), problem, CONFIG).outcome is Outcome.UNJUDGED


def test_every_request_is_asked_for_its_price_whatever_it_says() -> None:
    inner = ScriptedEvaluator(lambda submission, problem, config: unjudged_report())
    evaluator: Evaluator = PricingEvaluator(inner)
    evaluator.evaluate(Submission(source="a = 1"), ADD_RELU, CONFIG)
    assert len(list(evaluator.evaluate_many([(Submission(source="b = 1"), ADD_RELU, CONFIG)]))) == 1
    evaluator.close()
    assert [config.depth for _, _, config in inner.requests] == [Depth.PRICED] * 2
    assert isinstance(evaluator, Inspector)
    assert inner.closed

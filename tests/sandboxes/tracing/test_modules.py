"""Cases with constructor arguments of their own, and cases without data."""

import safetensors.torch

from sandboxes.contracts import Case, CaseKind
from sandboxes.tracing.service import Traced
from sandboxes.validation import load_constants, validate
from tests.tracer import HEADER, Tracer, forward, spec

LINEAR = (
    HEADER
    + """
CACHE = {}

class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features))
        self.features = features

    def forward(self, x):
        if "w" not in CACHE:
            CACHE["w"] = self.weight * 2
        return scale(x * CACHE["w"])
"""
)


def sized(features: int, module: int, *, hollow: bool = False) -> Case:
    return Case(
        name=f"features={features}",
        kind=CaseKind.BENCH if hollow else CaseKind.CHECK,
        shape={},
        inputs=(spec(4, features),),
        init_inputs=(features,),
        module=module,
        hollow=hollow,
    )


def traced(tracer: Tracer, *cases: Case, source: str = LINEAR) -> Traced:
    result = tracer.run(source, cases=cases, weight_seeds=(5, 6))
    assert result.failure is None, result.failure
    return result


def test_each_case_has_a_module_of_its_own_arguments(tracer: Tracer) -> None:
    result = traced(tracer, sized(32, 0), sized(48, 1))
    assert [(trace.case, trace.weight_seed) for trace in result.traces] == [
        ("features=32", 5),
        ("features=48", 5),
        ("features=32", 6),
    ]
    assert set(result.blobs) == {(0, 5), (1, 5), (0, 6)}
    shapes = {
        key: next(iter(safetensors.torch.load(blob).values())).shape for key, blob in result.blobs.items()
    }  # fmt: skip
    assert shapes[0, 5] == shapes[0, 6] == (32,)
    assert shapes[1, 5] == (48,)


def test_what_one_module_caches_does_not_reach_the_next(tracer: Tracer) -> None:
    result = traced(tracer, sized(32, 0), sized(48, 1))
    for trace, case in zip(result.traces, (sized(32, 0), sized(48, 1)), strict=False):
        validate(trace, case, load_constants(result.blobs[case.module, 5]))


def test_a_hollow_case_draws_no_weights_however_large_they_are(tracer: Tracer) -> None:
    huge = sized(2**36, 1, hollow=True)
    result = traced(tracer, sized(32, 0), huge)
    assert set(result.blobs) == {(0, 5), (0, 6)}
    trace = result.traces[1]
    assert trace.values[trace.constants[0].value].shape == (2**36,)
    validate(trace, huge, {})


def test_a_hollow_case_of_a_module_that_others_share_is_built_apart(tracer: Tracer) -> None:
    case = sized(32, 0)
    large = case.model_copy(update={"name": "bench", "kind": CaseKind.BENCH, "hollow": True})
    assert set(traced(tracer, case, large).blobs) == {(0, 5), (0, 6)}


def test_more_calls_than_a_trace_may_hold_are_refused_in_time(tracer: Tracer) -> None:
    failure = tracer.failure(forward("for _ in range(10**9): x = x + 1", "return scale(x)"), trace_timeout_s=60)
    assert failure.outcome == "untraceable"
    assert "20000 calls" in failure.message

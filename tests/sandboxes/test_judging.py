"""What is paid for a program with inline PTX, at which the CPU executor can't look."""

import pytest

from sandboxes.contracts import Diagnostic, EvalConfig, Outcome, Stage, Trace
from sandboxes.faults import Fault
from sandboxes.judging import executed_in_full
from sandboxes.rehearsal import inline_goes_on
from tests.tracer import Tracer, candidate, case, spec

PLAIN = candidate("""
    class ModelNew(nn.Module):
        def forward(self, x):
            return scale(x)
""")
INLINE = PLAIN.replace(
    "tl.load(x_ptr + offsets, mask=mask) * factor",
    'tl.inline_asm_elementwise("mul.f32 $0, $1, $1;", "=f,f", [tl.load(x_ptr + offsets, mask=mask)], tl.float32, '
    "is_pure=True, pack=1)",
)
ON_A_GPU = EvalConfig(device="cuda")
UNSUPPORTED = Fault(Outcome.UNSUPPORTED, Diagnostic(stage=Stage.REPLAY, message="the executor can't say"))


def traced(tracer: Tracer, source: str) -> Trace:
    found = tracer.run(source, cases=[case(spec(300))])
    assert found.failure is None
    return found.traces[0]


def test_no_speedup_is_paid_for_inline_ptx_on_a_gpu(tracer: Tracer) -> None:
    inline = executed_in_full(traced(tracer, INLINE), ON_A_GPU)
    assert not inline.verified
    assert "inline PTX" in inline.how
    assert executed_in_full(traced(tracer, PLAIN), ON_A_GPU).verified


def test_inline_ptx_alone_is_left_to_the_gpu(tracer: Tracer) -> None:
    with inline_goes_on(traced(tracer, INLINE)):
        raise UNSUPPORTED
    with pytest.raises(Fault), inline_goes_on(traced(tracer, PLAIN)):
        raise UNSUPPORTED


def test_what_the_executor_finds_ends_there_with_inline_ptx_and_without(tracer: Tracer) -> None:
    wrong = Fault(Outcome.INCORRECT, UNSUPPORTED.diagnostic)
    for source in (INLINE, PLAIN):
        with pytest.raises(Fault), inline_goes_on(traced(tracer, source)):
            raise wrong

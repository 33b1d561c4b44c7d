"""What a model reads when its kernel fails: which kernel, line and program, and what to do about this very failure."""

import pytest

from kernelgym.evaluators import LocalEvaluator
from sandboxes import hints
from sandboxes.contracts import Diagnostic, Outcome
from sandboxes.programs import COMPILE_HINT
from tests.kernelgym.evaluators.test_sanitizer import CONFIG, evaluate

HOST = """
class ModelNew(torch.nn.Module):
    def forward(self, x):
        y, n = torch.empty_like(x), x.numel()
        double[(triton.cdiv(n, 64),)](x, y, n, BLOCK=64)
        return y
"""

KERNEL = """
@triton.jit(debug=True)
def double(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    WRONG
    tl.store(y + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)
"""


def failure(evaluator: LocalEvaluator, wrong: str, outcome: Outcome, at: int = 0) -> Diagnostic:
    """The diagnostic of a kernel with `wrong` in it, which must be at line number `at` of that."""
    body = KERNEL.replace("WRONG", wrong.replace("\n", "\n    ")) + HOST
    report, submission = evaluate(evaluator, body)
    diagnostic = report.diagnostics[0]
    assert report.outcome is outcome, diagnostic
    assert diagnostic.line is not None
    assert submission.source.splitlines()[diagnostic.line - 1].strip() == wrong.splitlines()[at].strip()
    assert "kernel 'double'" in diagnostic.message
    assert f"line {diagnostic.line}" in diagnostic.message
    return diagnostic


@pytest.mark.parametrize(
    ("access", "element", "hint"),
    [
        ("tl.store(y + at - 5, 0.0, mask=at < 5)", "program (0, 0, 0) at line {} accesses element -5 of", "BEFORE"),
        ("tl.store(y + at + 10**8, 0.0, mask=at < 5)", "accesses element 100000000 of argument 'y'", "FAR"),
        ("tl.store(y + at + 150, 0.0)", "program (0, 0, 0) at line {} accesses element 185 of", "EARLIER"),
        ("tl.store(y + at, 0.0)", "program (2, 0, 0) at line {} accesses element 185 of argument 'y'", "LAST"),
    ],
)
def test_the_hint_for_an_access_out_of_bounds_fits_where_it_went(
    evaluator: LocalEvaluator, access: str, element: str, hint: str
) -> None:
    diagnostic = failure(evaluator, access, Outcome.MEMORY_ERROR)
    assert element.format(diagnostic.line) in diagnostic.message
    texts = {"BEFORE": hints.BEFORE_THE_START, "FAR": hints.FAR_AWAY, "EARLIER": hints.EARLIER_PROGRAM}
    assert diagnostic.hint == texts.get(hint, hints.HINTS[hints.MemoryFault])


def test_a_pointer_between_two_elements_names_the_argument_and_the_byte(evaluator: LocalEvaluator) -> None:
    wrong = "p = (y.to(tl.int64) + 6).to(tl.pointer_type(tl.float32))\ntl.store(p, 0.0)"
    diagnostic = failure(evaluator, wrong, Outcome.MEMORY_ERROR, at=1)
    assert diagnostic.message == (
        f"misaligned store in kernel 'double': program (0, 0, 0) at line {diagnostic.line} (lane 0) uses a pointer 6 "
        "bytes past the start of argument 'y', which has 740 bytes; that is no multiple of its elements' 4 bytes"
    )
    assert diagnostic.hint == hints.MISALIGNED


def test_an_assertion_shows_its_condition_and_its_text(evaluator: LocalEvaluator) -> None:
    wrong = 'tl.device_assert(at < n - 1, "the last one")'
    diagnostic = failure(evaluator, wrong, Outcome.INCORRECT)
    assert "program (2, 0, 0)" in diagnostic.message
    assert "(lane 56)" in diagnostic.message
    assert "the last one" in diagnostic.message
    assert (diagnostic.hint or "").startswith("`at < n - 1` is false there")


def test_a_loop_that_does_not_count_is_not_told_about_the_order_of_programs(evaluator: LocalEvaluator) -> None:
    diagnostic = failure(evaluator, "i = 0\nwhile i < n:\n    tl.store(y + i, 0.0)", Outcome.TIMEOUT, at=1)
    assert diagnostic.message.endswith("neither its values nor memory change any more")
    assert diagnostic.hint == hints.HINTS[hints.EndlessLoop]


def test_a_loop_that_waits_for_nobody_is_told_about_the_order_of_programs(evaluator: LocalEvaluator) -> None:
    wrong = "while tl.atomic_add(y + n - 1, 0.0) < 1.0:\n    pass"
    report, _ = evaluate(
        evaluator, KERNEL.replace("WRONG", wrong.replace("\n", "\n    ")) + HOST.replace("empty", "zeros")
    )
    diagnostic = report.diagnostics[0]
    assert report.outcome is Outcome.TIMEOUT, diagnostic
    assert "earlier programs only" in diagnostic.message
    assert diagnostic.hint == hints.WAITING


def test_a_kernel_that_takes_too_long_to_compile_is_named(evaluator: LocalEvaluator) -> None:
    hurried = CONFIG.model_copy(update={"compile_timeout_s": 0.001})
    body = KERNEL.replace("WRONG", "n = n + 0") + HOST
    report, _ = evaluate(evaluator, body, hurried)
    diagnostic = report.diagnostics[0]
    assert report.outcome is Outcome.TIMEOUT, diagnostic
    assert diagnostic.message == "compiling kernel 'double' took longer than the time limit"
    assert diagnostic.excerpt == "double[(triton.cdiv(n, 64),)](x, y, n, BLOCK=64)"
    assert diagnostic.hint == COMPILE_HINT

"""What can't be traced ends with an outcome, the candidate's own line, and what to do about it."""

import pytest

from sandboxes.contracts import Submission
from tests.tracer import HEADER, Tracer, candidate, forward, line_of, spec

KERNEL = """
import torch, triton
import triton.language as tl

DECORATORS
def k(x_ptr, y_ptr, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    v = tl.load(x_ptr + o)
    tl.store(y_ptr + o, undefined_name(v))  # HERE

class ModelNew(torch.nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        k[(1,)](x, y, BLOCK=128)
        return y
"""


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("s = 1 if x.sum() > 0 else 2", "keep the value on the GPU"),
        ("s = x.tolist()", "keep the values on the GPU"),
        ("s = x.cpu().numpy()", "keep the value on the GPU"),
        ("s = torch.equal(x, x)", "keep the value on the GPU"),
        ("s = x.nonzero()", "use torch.where or a mask"),
        ("s = x[x > 0]", "use torch.where or a mask"),
        ("s = torch.unique(x)", "use torch.where or a mask"),
        ("s = torch.cuda.Stream()", "current stream"),
        ("s = torch.cuda.CUDAGraph()", "replayed as a graph anyway"),
        ("s = torch.cuda.graph(None)", "replayed as a graph anyway"),
        ("s = torch.cuda.Event(enable_timing=True)", "no clock"),
        ("import threading; threading.Thread(target=print).start()", "from `forward` itself"),
        ("import _thread; _thread.start_new_thread(print, ())", "from `forward` itself"),
        ("from concurrent.futures import ThreadPoolExecutor as P; P().submit(scale, x)", "from `forward` itself"),
        ("import triton.testing; s = triton.testing.do_bench(lambda: scale(x))", "no clock"),
        ("s = x.to(torch.complex128)", "float32"),
    ],
)
def test_what_needs_values_clocks_or_concurrency_is_untraceable(tracer: Tracer, statement: str, hint: str) -> None:
    source = forward("z = x + 1", statement, "return scale(x)")
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("untraceable", line_of(source, statement))
    assert hint in (failure.hint or "")
    assert failure.case == "small"


@pytest.mark.parametrize("output", ["{'y': scale(x)}", "[object()]", "scale", "(lambda a: a.append(a) or a)([])"])
def test_an_output_that_is_no_tensor_is_named(tracer: Tracer, output: str) -> None:
    failure = tracer.failure(forward(f"return {output}"))
    assert failure.outcome == "untraceable"
    assert "output of `forward`" in failure.message
    assert "tuple or list of tensors" in (failure.hint or "")


@pytest.mark.parametrize("output", ["None", "3.5", "(None, 1)", "'text'"])
def test_an_output_without_tensors_is_a_trace_that_others_judge(tracer: Tracer, output: str) -> None:
    assert tracer.trace(forward("scale(x)", f"return {output}")).nodes


def test_a_kernel_launched_in_init_or_import_is_refused_with_its_line(tracer: Tracer) -> None:
    built = candidate("""
        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = scale(torch.ones(32, device="cuda"))
            def forward(self, x):
                return x
        """)
    imported = HEADER + "W = scale(torch.ones(32))\n" + forward("return x")[len(HEADER) :]
    for source in (built, imported):
        failure = tracer.failure(source)
        assert (failure.outcome, failure.line) == ("untraceable", line_of(source, "scale_kernel[("))
        assert "in `forward` only" in (failure.hint or "")


@pytest.mark.parametrize(
    "decorators",
    [
        "@triton.jit",
        '@triton.autotune(\n    configs=[triton.Config({}, num_warps=2)],\n    key=["BLOCK"],\n)\n@triton.jit',
        '@triton.heuristics({"unused": lambda args: 1})\n@triton.jit',
        "@triton.jit(do_not_specialize=[0])",
    ],
)
def test_a_compile_error_points_at_the_kernel_s_line(tracer: Tracer, decorators: str) -> None:
    source = KERNEL.replace("DECORATORS", decorators)
    if "heuristics" in decorators:
        source = source.replace("BLOCK: tl.constexpr", "BLOCK: tl.constexpr, unused: tl.constexpr")
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("compile_error", line_of(source, "# HERE"))
    assert "undefined_name" in failure.message


def test_a_compile_error_in_a_kernel_inside_an_if_points_at_its_line(tracer: Tracer) -> None:
    head, _, rest = KERNEL.replace("DECORATORS", "@triton.jit").partition("@triton.jit")
    kernel, _, tail = rest.partition("class")
    indented = "".join(f"    {line}\n" for line in ("@triton.jit" + kernel).splitlines())
    source = f"{head}if True:\n{indented}\nclass{tail}"
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("compile_error", line_of(source, "# HERE"))


def test_a_compile_error_in_a_helper_points_into_the_helper(tracer: Tracer) -> None:
    source = KERNEL.replace(
        "DECORATORS", "@triton.jit\ndef undefined_name(v):\n    return tl.wrong(v)  # THERE\n\n@triton.jit"
    )
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("compile_error", line_of(source, "# THERE"))


def test_a_compile_error_behind_a_python_helper_still_points_at_the_kernel(tracer: Tracer) -> None:
    source = KERNEL.replace("DECORATORS", "@triton.jit").replace(
        "        k[(1,)](x, y, BLOCK=128)", "        go(x, y)").replace(
        "class ModelNew", "def go(x, y):\n    k[(1,)](x, y, BLOCK=128)\n\nclass ModelNew")  # fmt: skip
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("compile_error", line_of(source, "# HERE"))


@pytest.mark.parametrize(
    ("launch", "outcome", "words"),
    [
        ("scale_kernel[(1,)](x, y, 128, 1.5, BLOCK=100)", "compile_error", "power of 2"),
        ("scale_kernel[(-1,)](x, y, 128, 1.5, BLOCK=128)", "launch_error", "grid.0 is -1"),
        ("scale_kernel[(2**40,)](x, y, 128, 1.5, BLOCK=128)", "launch_error", "grid.0 is 1099511627776"),
        ("scale_kernel[(1,)](x, y, 128, 1.5, BLOCK=128, num_warps=64)", "launch_error", "threads"),
        ("scale_kernel[(1.0,)](x, y, 128, 1.5, BLOCK=128)", "trace_error", "integer"),
        ("scale_kernel[(1,)](x.cpu(), y, 128, 1.5, BLOCK=128)", "trace_error", "cpu tensor"),
        ("scale_kernel[(1,)](torch.tensor([1.0]), y, 128, 1.5, BLOCK=128)", "trace_error", "cpu tensor"),
        ("scale_kernel[(1,)](x, y, 128, 1.5)", "trace_error", "BLOCK"),
        ("scale_kernel(x, y, 128, 1.5, BLOCK=128)", "trace_error", "outside of the scope of a kernel"),
    ],
)
def test_a_wrong_launch_is_explained_where_it_stands(tracer: Tracer, launch: str, outcome: str, words: str) -> None:
    source = forward("y = torch.empty_like(x)", launch, "return y")
    failure = tracer.failure(source)
    assert (failure.outcome, words in failure.message) == (outcome, True), failure
    assert "pydantic" not in failure.message
    if outcome != "compile_error":
        assert failure.line == line_of(source, launch)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("y = undefined_name", "NameError: name 'undefined_name' is not defined"),
        ("y = x @ x", "RuntimeError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("raise ValueError('x' * 10**6)", "ValueError"),
        ("raise ValueError('\\ud800')", "ValueError: ?"),
        ("y = x + torch.ones(32)", "same device"),
    ],
)
def test_what_forward_raises_is_reported_with_its_line(tracer: Tracer, statement: str, words: str) -> None:
    source = forward("z = x + 1", statement, "return scale(x)")
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("trace_error", line_of(source, statement))
    assert words in failure.message
    assert len(failure.message) <= 4000


def test_leaving_the_process_is_the_candidate_s_own_failure(tracer: Tracer) -> None:
    failure = tracer.failure(forward("import os; os._exit(0)"))
    assert failure.outcome == "trace_error"
    assert "ended its process" in failure.message


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("import nothing_here\n", 1, "nothing_here"),
        ("import torch\nraise ValueError('boo')\n", 2, "boo"),
        ("import sys\nsys.exit(0)\n", 2, "sys.exit(0)"),
        ("x = 1\n", None, "defines no class `ModelNew`"),
        ("class ModelNew:\n    pass\n", None, "not a subclass of torch.nn.Module"),
        ("def ModelNew():\n    pass\n", None, "not a subclass of torch.nn.Module"),
        ("import torch\nclass ModelNew(torch.nn.Module):\n    def __init__(self, a):\n        pass\n", None, "'a'"),
        ("import torch\nclass ModelNew(torch.nn.Module):\n    def __init__(self):\n        oops\n", 4, "oops"),
    ],
)
def test_what_cannot_be_imported_or_built_says_so(tracer: Tracer, source: str, line: int | None, words: str) -> None:
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("import_error", line)
    assert words in failure.message


def test_wrong_arguments_come_with_a_hint(tracer: Tracer) -> None:
    failure = tracer.failure(forward("return scale(x)"), spec(4), spec(4))
    assert (failure.outcome, failure.hint) == ("trace_error", "Give `forward` the reference's arguments.")
    failure = tracer.failure(forward("return scale(x)"), init=(1, 2))
    assert failure.outcome == "import_error"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import torch\ndef f(:\n    pass\n", 2),
        ("def f():\npass\n", 2),
        ("x = 1\ny = '\0'\n", 2),
        ("x = " + "(" * 5000, 1),
        ("x = " + "-" * 100_000 + "1", None),
        ("# -*- coding: latin-99 -*-\n", None),
    ],
    ids=["colon", "indent", "null-byte", "parentheses", "minuses", "encoding"],
)
def test_what_is_not_python_is_a_syntax_error(tracer: Tracer, source: str, line: int | None) -> None:
    failure = tracer.failure(source)
    assert failure.outcome == "syntax_error"
    assert line is None or failure.line == line


def test_half_a_surrogate_pair_never_reaches_the_sandbox() -> None:
    with pytest.raises(ValueError, match="unicode"):
        Submission(source="x = '\ud800'")


def test_a_timeout_is_reported_as_one(tracer: Tracer) -> None:
    traced = tracer.run(forward("while True: pass"), trace_timeout_s=0.5)
    assert traced.timed_out
    assert traced.failure is not None
    assert "longer than 0.5 s" in traced.failure.message


def test_who_looks_for_what_the_sandbox_lacks_is_told_so(tracer: Tracer) -> None:
    failure = tracer.failure(forward("open('/etc/machine-id').read()", "return scale(x)"))
    assert failure.outcome == "trace_error"
    assert "no network" in (failure.hint or "")

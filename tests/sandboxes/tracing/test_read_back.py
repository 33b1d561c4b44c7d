"""Numbers read from tensors become arguments of the trace; Python that must know them is told so, with its line."""

import pytest

from sandboxes.contracts import READ_BACK, AtenCall, ScalarRef, TensorRef, Trace, references
from sandboxes.dataflow import analyse
from sandboxes.hosted import check_scalars, host_values
from sandboxes.ttir import parse
from sandboxes.validation import load_constants, validate
from tests.tracer import HEADER, Tracer, calls, candidate, case, forward, launches, line_of, spec

N = "n = (x > 0).sum().item()\n"


def reads(trace: Trace) -> list[AtenCall]:
    """The calls that read a number back."""
    return [node for node in trace.nodes if isinstance(node, AtenCall) and node.operator == READ_BACK]


def accepted(tracer: Tracer, source: str) -> Trace:
    """The trace of a candidate, after all that trusted code checks."""
    traced = tracer.run(source, weight_seeds=(5,))
    assert traced.failure is None, traced.failure
    (trace,) = traced.traces
    validate(trace, case(spec(4, 32)), load_constants(traced.blobs[0, 5]))
    check_scalars(trace, analyse(trace))
    return trace


def test_an_item_is_an_argument_of_the_kernel_it_is_passed_to(tracer: Tracer) -> None:
    source = forward("s = x.abs().max().item()", "return scale(x, s)")
    trace = accepted(tracer, source)
    (read,) = reads(trace)
    assert read.line == line_of(source, ".item()")
    (made,) = read.results
    assert isinstance(made, TensorRef)
    assert str(trace.values[made.id]) == "float64[]"
    (launch,) = launches(trace)
    assert launch.variants[0].args[2:] == (128, ScalarRef(id=made.id))


def test_an_integer_is_compiled_for_like_any_other(tracer: Tracer) -> None:
    trace = accepted(tracer, forward("n = (x > 0).sum().item()", "y = torch.empty_like(x)",
                                     "scale_kernel[(1,)](x, y, n, 2.0, BLOCK=128)", "return y"))  # fmt: skip
    (launch,) = launches(trace)
    parameter = parse(launch.variants[0].ttir).kernel.parameters[2]
    assert (getattr(parameter.type, "name", None), "tt.divisibility" in parameter.attributes) == ("i32", False)
    assert isinstance(launch.variants[0].args[2], ScalarRef)


ARITHMETIC = (
    ("s = float(x.sum())", []),
    ("s = int(x.sum().int())", []),
    ("s = int(x.sum())", ["trunc", "_to_copy"]),
    ("s = list(map(float, [x.sum()]))[0]", []),
    ("(s,) = x.sum().view(1).tolist()", []),
    ("s = x.sum().tolist()", []),
    ("s = int((x > 0).any())", []),
    ("s = 1.0 / (x > 0).sum().item()", ["_to_copy", "full_like", "div"]),
    ("s = 2 * x.sum().item() - 1", ["mul", "sub"]),
    ("s = -abs(x.sum().item()) % 3", ["abs", "neg", "remainder"]),
    ("s = x.sum().item() // 2", ["div"]),
    ("s = x.sum().item() ** 0.5", ["pow"]),
    ("s = (x > 0).sum().item() // 2 + 1", ["div", "add"]),
    ("s = divmod((x > 0).sum().item(), 4)[1]", ["div", "remainder"]),
    ("s = max(x.sum().item(), 1e-6)", ["full_like", "maximum"]),
    ("s = min([x.sum().item(), x.max().item()])", ["minimum"]),
    ("s = math.sqrt(x.sum().item())", ["sqrt"]),
    ("s = math.log2(x.sum())", ["log2"]),
    ("s = math.ceil(x.sum().item())", ["ceil", "_to_copy"]),
    ("s = round(x.sum().item())", ["round", "_to_copy"]),
    ("s = 0.5\ns += (x > 0).sum().item()", ["_to_copy", "add"]),
    ("s = sum([x.sum().item(), x.max().item()])", ["add", "add"]),
)


def test_arithmetic_on_it_is_recorded_and_stays_on_the_host(tracer: Tracer) -> None:
    lines = [line for statement, _ in ARITHMETIC for line in (statement, "y = scale(x, s)")]
    trace = accepted(tracer, forward("import math", *lines, "return y"))
    host = host_values(trace)
    found: list[list[str]] = [[]]
    for node in trace.nodes:
        if not isinstance(node, AtenCall):
            (number,) = (argument for argument in node.variants[0].args if isinstance(argument, ScalarRef))
            assert number.id in host
            found.append([])
        elif (
            node.operator != READ_BACK and "detach" not in node.operator and host.intersection(references(node.results))
        ):
            found[-1] += calls(trace.model_copy(update={"nodes": (node,)}))
    assert dict(zip([statement for statement, _ in ARITHMETIC], found, strict=False)) == dict(ARITHMETIC)


SCALARS = (
    "x * s", "s * x", "x - s", "s - x", "x / s", "x ** s", "x.clamp(min=s)", "torch.full_like(x, s)",
    "x.clone().fill_(s)", "torch.where(x > s, x, 0.0)", "torch.add(x, x, alpha=s)", "x.masked_fill(x > 0, s)",
    "F.layer_norm(x, (32,), eps=s)", "torch.full((4, 32), s, device=x.device)",
)  # fmt: skip


def test_it_can_be_the_scalar_of_an_operator(tracer: Tracer) -> None:
    source = forward("s = x.sum().item()", *(f"y = {expression}" for expression in SCALARS), "return scale(y)")
    trace = accepted(tracer, source)
    assert len(reads(trace)) == 1
    first = line_of(source, SCALARS[0])
    for number, expression in enumerate(SCALARS):
        nodes = [node for node in trace.nodes if isinstance(node, AtenCall) and node.line == first + number]
        assert ScalarRef(id=2) in [arg for node in nodes for arg in (*node.args, *node.kwargs.values())], expression


def test_an_integer_that_torch_makes_a_float_is_made_one_on_replay_too(tracer: Tracer) -> None:
    trace = accepted(tracer, forward("n = (x > 0).sum().item()", "return scale(F.layer_norm(x, (32,), eps=n))"))
    assert "native_layer_norm" in calls(trace)


def test_a_tensor_made_of_it_has_its_value(tracer: Tracer) -> None:
    trace = accepted(tracer, forward("t = torch.tensor(x.sum().item(), dtype=torch.float16, device=x.device)",
                                     "return scale(x) + t + x.new_tensor(x.sum().item())"))  # fmt: skip
    assert not trace.constants


def test_what_a_tensor_held_before_it_was_changed_is_what_was_read(tracer: Tracer) -> None:
    trace = accepted(tracer, forward("t = x.sum()", "s = t.item()", "t.zero_()", "return scale(x, s)"))
    assert calls(trace).index("item") < calls(trace).index("zero_")


def test_cases_and_weights_that_are_alike_have_traces_that_are_alike(tracer: Tracer) -> None:
    source = forward("return scale(x, 1.0 / max(x.sum().item(), 1.0))")
    cases = (case(spec(4, 32), name="a"), case(spec(4, 32), name="b"))
    first, second, other = tracer.run(source, cases=cases, weight_seeds=(1, 2)).traces
    assert first.nodes == second.nodes == other.nodes


def test_every_configuration_of_a_tuned_kernel_takes_it(tracer: Tracer) -> None:
    configurations = "[triton.Config({'BLOCK': size}) for size in (64, 128)]"
    source = forward(N + "y = torch.empty_like(x)", "tuned[lambda meta: (1,)](x, y, n, 1.0 / n)", "return y").replace(
        "def scale(", f"tuned = triton.autotune({configurations}, key=['n'])(scale_kernel)\n\n\ndef scale("
    )
    (launch,) = launches(accepted(tracer, source))
    first, second = launch.variants
    assert first.args == second.args
    assert [isinstance(argument, ScalarRef) for argument in first.args] == [False, False, True, True]


def test_parameters_and_buffers_can_be_read(tracer: Tracer) -> None:
    source = candidate("""
        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.tensor(2.0))
                self.known = float(torch.tensor(3.0)) * 1.5
            def forward(self, x):
                return scale(x, self.scale.item() * self.known)
        """)
    trace = accepted(tracer, source)
    assert [constant.key for constant in trace.constants] == ["parameter:scale"]
    (product,) = (node for node in trace.nodes if isinstance(node, AtenCall) and node.operator == "aten::mul.Tensor")
    assert product.args[1] == 4.5


LAUNCH = "y = torch.empty_like(x)\nscale_kernel[{}](x, y, {}, 2.0, {})"


@pytest.mark.parametrize(
    ("statement", "line", "words"),
    [
        ("if x.max() > 0: pass", "if x.max", "branch"),
        ("if x.max().item() > 0: pass", "if x.max", "compared"),
        (N + "if 0.5 < n: pass", "if 0.5", "compared"),
        (N + "if 0.5 < n < 2.5: pass", "if 0.5", "compared"),
        (N + "assert n < 8, 'too many'", "assert n", "compared"),
        (N + "while n: n = n - 1", "while n", "decides"),
        (N + "s = 1 if not n else 2", "s = 1", "decides"),
        (N + "for _ in range(n): pass", "for _", "range"),
        ("for _ in range((x > 0).sum()): pass", "for _", "count"),
        (N + "s = torch.empty(n, device=x.device)", "torch.empty(n", "`size`"),
        (N + "s = torch.arange(n)", "torch.arange(n", "`end`"),
        (N + "s = x[:n]", "x[:n]", "`end`"),
        (N + "s = x[n]", "x[n]", "index"),
        (N + "s = [1, 2][n]", "[1, 2][n]", "index"),
        (N + "s = [1, 2] * n", "[1, 2] * n", "no number"),
        (N + "s = x.view(n, -1)", "x.view(n", "`size`"),
        (N + "s = {n: 1}", "{n: 1}", "key"),
        (N + "s = f'{n}'", "s = f'", "text"),
        (N + "s = n & 1", "n & 1", "taken apart"),
        (N + "import numpy; s = scale(x, float(numpy.sqrt(n)))", "scale_kernel[(", "as an argument"),
        ("s = list(map(int, map(float, [x.sum()])))[0]; y = x + s", "list(map", "as an argument"),
        (N + "s = 2.0 if sorted([0.5, n])[0] == 0.5 else 1.0; s = scale(x, s)", "sorted", "compared"),
        ("s = max(*map(int, map(float, [x.sum()])), 1); y = x + s", "max(", "as an argument"),
        ("(s,) = map(float, [x.sum()]); y = x + 1 if s > 0 else x", "map(float", "decides"),
        (N + "s = torch.tensor([n, 2])", "torch.tensor([n", "several"),
        (N + LAUNCH.format("(n,)", 128, "BLOCK=128"), "scale_kernel[(n,)", "grid"),
        (N + LAUNCH.format("(triton.cdiv(n, 128),)", 128, "BLOCK=128"), "scale_kernel[(triton.cdiv(n,", "grid"),
        (N + LAUNCH.format("lambda meta: (meta['n'],)", "n", "BLOCK=128"), "scale_kernel[lambda", "grid"),
        (N + LAUNCH.format("(1,)", 128, "BLOCK=n"), "scale_kernel[(1,)](x, y, 128, 2.0, BLOCK=n", "constexpr"),
        ("s = x.any().item()", "x.any()", "bool"),
        ("s = x.tolist()", "x.tolist()", "128 values"),
        (N + "return scale(x), n", None, "output"),
    ],
)
def test_python_that_must_know_the_number_is_told_what_to_do(
    tracer: Tracer, statement: str, line: str | None, words: str
) -> None:
    source = forward(statement, "return scale(x)")
    failure = tracer.failure(source)
    assert failure.outcome == "untraceable"
    assert words in failure.message
    assert line is None or failure.line == line_of(source, line)
    assert any(advice in (failure.hint or "") for advice in ("torch.where", "tensor", "`.item()`"))


def test_no_number_of_ours_reaches_the_author(tracer: Tracer) -> None:
    failure = tracer.failure(forward(N + "s = x[n]", "return scale(x)"))
    assert not any(len(word) > 6 for word in failure.message.split() if word.isdigit())


def test_a_number_of_an_earlier_call_is_refused(tracer: Tracer) -> None:
    source = HEADER + (
        "def keep(cache=[]):\n    return cache\n\n"
        "class ModelNew(nn.Module):\n    def forward(self, x):\n"
        "        keep().append(x.sum().item())\n        return scale(x, keep()[0])\n"
    )
    failure = tracer.failure(source)
    assert failure.outcome == "untraceable"
    assert "every `forward`" in (failure.hint or "")


@pytest.mark.parametrize(
    "statements",
    [
        ("def max(a, b): return 3.0", "s = max(x, 1)"),
        ("range = lambda n: 3.0", "s = range(x)"),
        ("float = lambda t: 3.0", "s = float(x)"),
    ],
)
def test_names_that_the_candidate_defines_itself_keep_their_meaning(
    tracer: Tracer, statements: tuple[str, ...]
) -> None:
    (launch,) = launches(accepted(tracer, forward(*statements, "return scale(x, s)")))
    assert launch.variants[0].args[3] == 3.0


def test_code_without_numbers_from_tensors_means_what_it_says(tracer: Tracer) -> None:
    source = forward(
        "a, b = 7.5, [1]",
        "a += 1; a -= 0.5; a *= 2; b += [2]",
        "s = (a / 4.0, a // 4, a % 3.0, 2.0 ** a, 1.0 - a, a < 3.0, a >= 16.0, 1 < a < 20, 'x' + 'y', b)",
        "assert s == (4.0, 4.0, 1.0, 65536.0, -15.0, False, True, True, 'xy', [1, 2]), s",
        "assert (int('12'), float('1.5'), max([3, 1]), min(3, 1.5, key=abs)) == (12, 1.5, 3, 1.5)",
        "match int(a):\n    case 16: s = 5.0\n    case -1: s = 6.0",
        "return scale(x, s)",
    )
    (launch,) = launches(accepted(tracer, source))
    assert launch.variants[0].args[3] == 5.0


def test_an_error_behind_an_operator_names_the_candidate_s_line(tracer: Tracer) -> None:
    source = forward("s = float(2)", "y = x / [s]", "return scale(y)")
    failure = tracer.failure(source)
    assert (failure.outcome, failure.line) == ("trace_error", line_of(source, "x / [s]"))


def test_an_expression_of_a_thousand_terms_is_compiled_as_it_is(tracer: Tracer) -> None:
    terms = " + ".join(["s"] * 900)
    (launch,) = launches(tracer.trace(forward("s = float(1)", f"return scale(x, {terms})")))
    assert launch.variants[0].args[3] == 900.0


def test_a_library_that_rounds_a_count_bakes_nothing_in(tracer: Tracer) -> None:
    library = "library = {}\nexec('def whole(n): return int(round(float(n)))', library)\n"
    source = forward("return scale(x, library['whole']((x > 0).sum().item()))").replace(
        "class ModelNew", library + "\nclass ModelNew"
    )
    failure = tracer.failure(source)
    assert failure.outcome == "untraceable"
    assert "not as an argument that can be replayed" in failure.message

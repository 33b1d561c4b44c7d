"""The parser reads every fixture, keeps source lines and survives hostile text."""

import contextlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandboxes.ttir import (
    ExecutionOptions,
    PointerType,
    ScalarType,
    TensorType,
    TTIRError,
    TTIRSyntaxError,
    execute,
    parse,
)
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import VERSIONS, fixture, fixture_names, fixture_text

SWAPS = [
    ("i32", "f32"),
    ("f32", "i32"),
    ("addi", "divsi"),
    ("x", "y"),
    ("0", "1"),
    ("1", "-7"),
    ("%", "%c"),
    ("tensor<", "tensor<2x"),
]
TEXTS = {name: fixture_text(name) for name in fixture_names()}


def module(body: str, parameters: str = "") -> str:
    return "module {\n  tt.func public @k(" + parameters + ") {\n" + body + "\n    tt.return\n  }\n}\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_fixture_parses_and_its_memory_operations_know_their_lines(version: str) -> None:
    for name in fixture_names(version):
        for operation in fixture(name, version).kernel.walk():
            if operation.name in ("tt.load", "tt.store", "tt.atomic_rmw"):
                assert operation.location.user_line() > 0
                frame = operation.location.user_frame()
                assert frame is not None
                assert frame.file.endswith("candidate.py")


def test_types_and_parameters_are_typed_data() -> None:
    kernel = fixture("add_relu").kernel
    assert [p.name for p in kernel.parameters] == ["x", "y", "out", "n"]
    assert kernel.parameters[0].type == PointerType(ScalarType("f32"))
    loads = [o for o in kernel.walk() if o.name == "tt.load"]
    assert loads[0].results[0].type == TensorType((128,), ScalarType("f32"))


def test_specialised_facts_are_attributes_of_the_parameter() -> None:
    text = module("", "%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}")
    assert parse(text).kernel.parameters[0].attributes == {"tt.divisibility": 16}


def test_a_location_walks_out_of_tritons_library_to_the_users_line() -> None:
    reduce = next(o for o in fixture("softmax").kernel.walk() if o.name == "tt.reduce")
    assert reduce.location.frames[0].file.startswith("triton/language/")
    frame = reduce.location.user_frame()
    assert frame is not None
    assert frame.file.endswith("candidate.py")
    assert reduce.location.user_line() == frame.line > 0


def test_the_same_text_is_parsed_once() -> None:
    assert parse(TEXTS["softmax"]) is parse(TEXTS["softmax"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "module {",
        "module { }",
        "\x00\x01\x02",
        module("%a = arith.addi %b, %b : i32"),
        module("%a = arith.constant dense<1> : tensor<2000000000xi32>"),
        module("%a = arith.constant dense<[1, 2]> : tensor<3xi32>"),
        module("%a, %b = arith.constant 1 : i32"),
        module("scf.if %q { } else {"),
        module("tt.store [[[[[[[[[[[[[["),
        "module {" * 100,
        module("%a = arith.constant 1 : " + "tensor<" * 1000),
        module("%a = arith.constant 1 : " + "!tt.ptr<" * 100_000),
        module('"x.y"() ({ ' * 5000),
        module("scf.if %c {" * 5000),
        "#loc = loc(" + "callsite(" * 100_000,
        module("x.y {a = " + "[" * 100_000),
        module("%a:99999999 = x.y"),
        module("%a = arith.constant " + "9" * 100_000 + " : i32"),
    ],
)
def test_malformed_text_is_a_syntax_error(text: str) -> None:
    with pytest.raises(TTIRSyntaxError):
        parse(text)


def test_text_of_five_megabytes_is_refused_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(TTIRSyntaxError, match="larger"):
        parse("a" * 5_000_000)
    assert time.monotonic() - started < 0.5


def test_too_many_operations_are_refused() -> None:
    with pytest.raises(TTIRSyntaxError, match="operations"):
        parse(module("%a = arith.constant true\n" * 60_000))


def test_location_aliases_that_double_at_every_step_stay_small() -> None:
    lines = ['#a0 = loc("f.py":1:1)']
    lines += [f"#a{i} = loc(callsite(#a{i - 1} at #a{i - 1}))" for i in range(1, 150)]
    text = "\n".join(lines) + "\n" + module("tt.print loc(#a149)")
    (operation, _) = parse(text).kernel.walk()
    assert len(operation.location.frames) == 64


def test_cyclic_and_unknown_aliases_are_unknown_locations() -> None:
    text = "#a = loc(#b)\n#b = loc(#a)\n" + module("tt.print loc(#a)\n tt.print loc(#missing)")
    assert [o.location.user_line() for o in parse(text).kernel.walk()][:2] == [0, 0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_fixtures_parse_or_are_syntax_errors(data: st.DataObject) -> None:
    text = TEXTS[data.draw(st.sampled_from(["matmul", "collatz", "early_exit", "welford_rows", "descriptors"]))]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 40)))
        text = text[:at] + data.draw(st.text('%^#@!<>(){}[]:,=->0x9 \nloc"tensor', max_size=12)) + text[end:]
    with contextlib.suppress(TTIRSyntaxError):
        parse(text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_running_mutated_fixtures_fails_only_as_a_ttir_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["matmul", "collatz", "early_exit", "welford_rows", "softmax", "attention"]))
    lines = TEXTS[name].split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        i, j = (data.draw(st.integers(8, len(lines) - 1)) for _ in range(2))
        if data.draw(st.booleans()):
            lines[i] = lines[j]
        else:
            lines[i] = lines[i].replace(*data.draw(st.sampled_from(SWAPS)))
    launch = LAUNCHES[name]()
    with contextlib.suppress(TTIRError):
        execute(parse("\n".join(lines)), launch.grid, launch.args, options=ExecutionOptions(max_seconds=2.0))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_truncated_fixture_is_a_syntax_error(name: str) -> None:
    text = TEXTS[name]
    for cut in range(0, text.rindex("}") - 1, max(1, len(text) // 40)):
        with pytest.raises(TTIRSyntaxError):
            parse(text[:cut])


def test_a_tensor_type_that_is_too_large_is_named_with_its_line() -> None:
    text = fixture_text("softmax")
    number, line = next((n, line) for n, line in enumerate(text.splitlines(), 1) if "tt.splat" in line)
    with pytest.raises(TTIRSyntaxError, match=rf"elements; 1 to 1048576 are supported \(line {number} of"):
        parse(text.replace(line, line.replace("tensor<", "tensor<1048577x"), 1))


def test_tensor_types_are_read_alike_however_they_are_spaced() -> None:
    text = fixture_text("attention")
    spaced = text.replace("tensor<", "tensor< ")
    types, expected = ([v.type for o in parse(t).kernel.walk() for v in o.results] for t in (spaced, text))
    assert types == expected

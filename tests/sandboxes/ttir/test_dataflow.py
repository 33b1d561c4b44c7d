"""Reads, writes and atomic updates are found through every way an address can take."""

import time

import pytest

import sandboxes.ttir as ttir
from sandboxes.ttir import Access, TTIRSyntaxError, accesses, made_up_pointer, parse
from tests.sandboxes.ttir.loaders import VERSIONS, fixture

READ, WRITE, UPDATE = Access(reads=True), Access(writes=True), Access(updates=True)


def test_each_pointer_parameter_is_classified() -> None:
    for version in VERSIONS:
        assert accesses(fixture("add_relu", version)) == {"x": READ, "y": READ, "out": WRITE}
        assert accesses(fixture("early_exit", version)) == {"x": READ, "out": WRITE}
        assert accesses(fixture("atomic_sum", version)) == {"x": READ, "out": UPDATE}
        assert accesses(fixture("descriptors", version)) == {"x": READ, "out": WRITE}


def test_pointers_carried_around_a_loop_are_followed() -> None:
    found = accesses(fixture("matmul_grouped"))
    assert found == {"a": READ, "b": READ, "bias": READ, "c": WRITE}


def test_a_pointer_chosen_at_run_time_counts_for_both() -> None:
    text = """module { tt.func public @k(%a: !tt.ptr<i32>, %b: !tt.ptr<i32>, %c: i1) {
      %v = arith.constant 1 : i32
      %p = scf.if %c -> (!tt.ptr<i32>) {
        scf.yield %a : !tt.ptr<i32>
      } else {
        scf.yield %b : !tt.ptr<i32>
      }
      tt.store %p, %v : !tt.ptr<i32>
      tt.return } }"""
    assert accesses(parse(text)) == {"a": WRITE, "b": WRITE}


def test_an_unused_pointer_has_no_access() -> None:
    text = "module { tt.func public @k(%a: !tt.ptr<i32>) {\n tt.return\n } }"
    assert accesses(parse(text)) == {"a": Access()}


def test_stores_inside_called_functions_count() -> None:
    text = """module {
      tt.func public @k(%a: !tt.ptr<i32>) {
        tt.call @f(%a) : (!tt.ptr<i32>) -> ()
        tt.return
      }
      tt.func private @f(%p: !tt.ptr<i32>) {
        %v = arith.constant 1 : i32
        tt.store %p, %v : !tt.ptr<i32>
        tt.return
      } }"""
    assert accesses(parse(text)) == {"a": WRITE}


def test_a_pointer_made_of_data_is_found_and_one_made_of_a_pointer_is_not() -> None:
    text = """module {{ tt.func public @k(%a: !tt.ptr<i64>, %b: !tt.ptr<f32>, %n: i64) {{
      %v = tt.load %a : !tt.ptr<i64>
      %i = tt.ptr_to_int %b : !tt.ptr<f32> -> i64
      %s = arith.addi %i, %n : i64
      %p = tt.int_to_ptr {source} : i64 -> !tt.ptr<f32>
      %w = tt.load %p : !tt.ptr<f32>
      tt.store %b, %w : !tt.ptr<f32>
      tt.return }} }}"""
    for source in ("%v", "%n"):
        found = made_up_pointer(parse(text.format(source=source)))
        assert found is not None
        assert found.name == "tt.int_to_ptr"
    assert made_up_pointer(parse(text.format(source="%s"))) is None


def test_what_a_function_returns_is_followed_into_every_call() -> None:
    text = """module {
      tt.func public @k(%a: !tt.ptr<i32>, %b: !tt.ptr<i32>, %c: !tt.ptr<i32>) {
        %v = arith.constant 1 : i32
        %x:2 = tt.call @f(%a, %b) : (!tt.ptr<i32>, !tt.ptr<i32>) -> (!tt.ptr<i32>, !tt.ptr<i32>)
        tt.store %x#1, %v : !tt.ptr<i32>
        %y:2 = tt.call @f(%c, %c) : (!tt.ptr<i32>, !tt.ptr<i32>) -> (!tt.ptr<i32>, !tt.ptr<i32>)
        %w = tt.load %y#0 : !tt.ptr<i32>
        tt.return
      }
      tt.func private @f(%p: !tt.ptr<i32>, %q: !tt.ptr<i32>) -> (!tt.ptr<i32>, !tt.ptr<i32>) {
        tt.return %p, %q : !tt.ptr<i32>, !tt.ptr<i32>
      } }"""
    # one body for all calls: conservative, and positions stay apart
    assert accesses(parse(text)) == {"a": READ, "b": WRITE, "c": Access(reads=True, writes=True)}


def _seconds(text: str) -> float:
    module = parse(text)
    started = time.process_time()
    accesses(module)
    return time.process_time() - started


def _kernel(parameters: list[str], lines: list[str]) -> str:
    return "\n".join(["module {", f"tt.func public @k({', '.join(parameters)}) {{", *lines, "tt.return", "}", "}"])


def test_thousands_of_blocks_take_as_long_as_their_text() -> None:
    chain = [f"cf.br ^bb{i}\n^bb{i}:" for i in range(1, 20_000)]
    assert _seconds(_kernel(["%p: !tt.ptr<f32>"], chain)) < 2


def test_thousands_of_parameters_that_all_meet_take_as_long_as_their_text() -> None:
    count = 4096
    parameters = [f"%p{i}: !tt.ptr<f32>" for i in range(count)]
    lines = ["%c = arith.constant true", "%v0 = arith.select %c, %p0, %p0 : !tt.ptr<f32>"]
    lines += [f"%v{i} = arith.select %c, %p{i}, %v{i - 1} : !tt.ptr<f32>" for i in range(1, count)]
    text = _kernel(parameters, [*lines, f"%x = tt.load %v{count - 1} : !tt.ptr<f32>"])
    assert _seconds(text) < 1
    assert set(accesses(parse(text)).values()) == {READ}
    with pytest.raises(TTIRSyntaxError, match="more than 4096 parameters"):
        parse(_kernel([*parameters, "%last: !tt.ptr<f32>"], []))


def test_a_cast_of_nothing_is_a_made_up_pointer() -> None:
    cast = parse(_kernel(["%p: !tt.ptr<f32>"], ['%q = "tt.int_to_ptr"() : () -> !tt.ptr<f32>']))
    assert made_up_pointer(cast) is not None


def test_the_public_names_are_frozen() -> None:
    assert set(ttir.__all__) == {
        "Access", "Argument", "ArgumentCount", "ArgumentMismatch", "Block", "Counters", "DescriptorArgument",
        "DescriptorType", "DeviceAssertion", "EndlessLoop", "Execution", "ExecutionOptions", "ExecutionTimeout",
        "Frame", "Function", "InvalidAddress", "Location", "MadeUpPointer", "MemoryCount", "MemoryFault",
        "MisalignedDescriptor", "Module", "OpaqueType", "Operation", "Parameter", "PointerType", "Race", "Region",
        "ScalarType", "TTIRError", "TTIRSyntaxError", "TensorType", "TooMuchMemory", "Type", "UnsupportedOperation",
        "Unwritten", "UnwrittenMemory", "Value", "Where",
        "accesses", "any_order", "depends_on_order", "execute", "group_size", "made_up_pointer", "parse",
    }  # fmt: skip

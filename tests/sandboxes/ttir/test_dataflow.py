"""Reads, writes and atomic updates are found through every way an address can take."""

import sandboxes.ttir as ttir
from sandboxes.ttir import Access, accesses, made_up_pointer, parse
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


def test_the_public_names_are_frozen() -> None:
    assert set(ttir.__all__) == {
        "Access", "Argument", "ArgumentCount", "ArgumentMismatch", "Block", "Counters", "DescriptorArgument",
        "DescriptorType", "DeviceAssertion", "EndlessLoop", "Execution", "ExecutionOptions", "ExecutionTimeout",
        "Frame", "Function", "InvalidAddress", "Location", "MadeUpPointer", "MemoryCount", "MemoryFault",
        "MisalignedDescriptor", "Module", "OpaqueType", "Operation", "Parameter", "PointerType", "Race", "Region",
        "ScalarType", "TTIRError", "TTIRSyntaxError", "TensorType", "TooMuchMemory", "Type", "UnsupportedOperation",
        "Unwritten", "UnwrittenMemory", "Value", "Where",
        "accesses", "execute", "made_up_pointer", "parse",
    }  # fmt: skip

"""Pointers are values: they mix buffers, become numbers and come back, and still every address is checked."""

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from sandboxes.ttir import (
    DescriptorArgument,
    ExecutionOptions,
    InvalidAddress,
    MemoryFault,
    UnsupportedOperation,
    accesses,
    execute,
    parse,
)
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.pointer_kernels import (
    alignment,
    by_lane,
    by_program,
    chosen_descriptor,
    counted,
    guessed,
    joined,
    stored_by_choice,
    swapped,
    swapped_in,
    table,
    through_numbers,
    words,
)
from tests.sandboxes.ttir.text import launch

F32 = "*fp32"


def run(kernel: Any, types: str, grid: int, *args: Any, **constants: int) -> None:
    signature = tuple({"f": F32, "i": "*i32", "l": "*i64", "n": "i32", "w": "i64"}[t] for t in types)
    execute(parse(ttir_of(kernel, signature, **constants)), (grid, 1, 1), list(args))


def ramp(size: int, start: int = 0) -> Tensor:
    return torch.arange(start, start + size, dtype=torch.float32)


def test_every_lane_may_point_into_another_argument() -> None:
    a, b, out = ramp(50), ramp(50, 1000), torch.zeros(64)
    run(by_lane, "fffn", 4, a, b, out, 50, BLOCK=16)
    expected = torch.where(torch.arange(50) % 3 == 0, a, b)
    assert torch.equal(out[:50], expected)
    assert bool((out[50:] == -1).all())


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("*i1", torch.bool),
        ("*i8", torch.int8),
        ("*fp8e4nv", torch.float8_e4m3fn),
        ("*fp8e5", torch.float8_e5m2),
        ("*bf16", torch.bfloat16),
        ("*fp64", torch.float64),
    ],
)
def test_elements_of_every_size_may_lie_behind_chosen_pointers(kind: str, dtype: torch.dtype) -> None:
    a, b = (torch.arange(48) % 2).to(dtype), (torch.arange(48) % 4 // 2).to(dtype)
    out = torch.zeros(48).to(dtype)
    module = parse(ttir_of(by_lane, (kind, kind, kind, "i32"), BLOCK=16))
    execute(module, (3, 1, 1), [a, b, out, 48])
    assert torch.equal(out.float(), torch.where(torch.arange(48) % 3 == 0, a.float(), b.float()))


def test_bounds_stay_exact_where_lanes_point_into_different_arguments() -> None:
    a, b = ramp(50), ramp(49)
    with pytest.raises(MemoryFault) as caught:
        run(by_lane, "fffn", 4, a, b, torch.zeros(64), 50, BLOCK=16)
    assert (caught.value.argument, caught.value.offset, caught.value.limit) == ("b", 49, 49)
    assert (caught.value.program_id, caught.value.lane) == ((3, 0, 0), 1)


def test_every_program_may_point_into_another_argument() -> None:
    a, b, out = ramp(64), ramp(80, 100), torch.zeros(16)
    run(by_program, "fff", 4, a, b, out, BLOCK=16)
    sums = [a.sum(), b[1:65].sum(), a.sum(), b[3:67].sum()]
    assert out[8:12].tolist() == [float(s) for s in sums]
    assert out[:4].tolist() == [0, 1, 0, 1]


def test_a_fault_through_a_branch_names_the_argument_that_was_taken() -> None:
    with pytest.raises(MemoryFault) as caught:
        run(by_program, "fff", 4, ramp(64), ramp(66), torch.zeros(16), BLOCK=16)
    assert (caught.value.argument, caught.value.offset, caught.value.program_id) == ("b", 66, (3, 0, 0))


def test_a_loop_carries_pointers_that_change_their_argument() -> None:
    a, b, out = ramp(1, 1), ramp(1, 2), torch.zeros(16)
    run(swapped, "fffn", 2, a, b, out, 3)
    assert out.tolist() == [1, 2, 1, 0, 0, 0, 0, 0, 1, 2, 1, 2, 0, 0, 0, 0]


def test_stores_reach_the_argument_that_each_lane_chose() -> None:
    a, b = torch.zeros(8), torch.zeros(16)
    run(stored_by_choice, "fff", 1, a, b, ramp(16, 1), BLOCK=16)
    assert a.tolist() == [1, 0, 3, 0, 5, 0, 7, 0]
    assert b.tolist() == [0] * 8 + [9, 0, 11, 0, 13, 0, 15, 0]


def test_pointers_can_be_joined_and_split() -> None:
    a, b, out = ramp(16), ramp(16, 100), torch.zeros(16)
    run(joined, "fff", 1, a, b, out, BLOCK=16)
    assert torch.equal(out, a + b + 10 * b)


def test_atomics_reach_the_argument_that_each_lane_chose() -> None:
    a, b, found = (torch.zeros(n, dtype=torch.int32) for n in (4, 4, 16))
    run(counted, "iii", 1, a, b, found, BLOCK=16)
    assert a.tolist() == [2, 2, 2, 2]
    assert b.tolist() == [2, 2, 2, 1]
    assert found.tolist() == [0, 0, 1, 1] * 3 + [0, 0, 1, 0]


def test_compare_and_swap_reaches_the_argument_that_each_lane_chose() -> None:
    a, b, found = (torch.zeros(n, dtype=torch.int32) for n in (1, 1, 8))
    b[0] = 2
    run(swapped_in, "iii", 1, a, b, found, BLOCK=8)
    assert (a.item(), b.item()) == (4, 4)
    assert found.tolist() == [0, 2, 1, 2, 2, 2, 3, 3]


def test_a_pointer_survives_being_a_number() -> None:
    a, out = ramp(16), torch.zeros(16)
    run(through_numbers, "ff", 1, a, out, BLOCK=16)
    assert torch.equal(a, out)
    with pytest.raises(MemoryFault) as caught:
        run(through_numbers, "ff", 1, a[:10].clone(), out, BLOCK=16)
    assert (caught.value.argument, caught.value.offset, caught.value.limit) == ("a", 10, 10)


def test_addresses_can_be_kept_in_a_table() -> None:
    addresses, out = torch.zeros(2, dtype=torch.int64), torch.zeros(2)
    run(table, "fflf", 1, ramp(2, 5), ramp(2, 7), addresses, out)
    assert out.tolist() == [5, 8]


def test_addresses_are_aligned_like_a_gpus_and_the_same_in_every_run() -> None:
    seen = []
    for _ in range(2):
        storage, out = torch.zeros(64), torch.zeros(4, dtype=torch.int64)
        run(alignment, "ffl", 1, torch.zeros(3), storage[5:], out)
        seen.append(out.tolist())
        assert storage.data_ptr() not in seen[-1]
    assert seen[0] == seen[1]
    assert seen[0][:2] == [0, 20]
    views = torch.zeros(4, dtype=torch.int64)
    run(alignment, "ffl", 1, storage[2:], storage[12:], views)
    assert views.tolist()[:3] == [8, 48, 40]


def test_pointers_can_be_read_as_wider_elements_where_they_are_aligned() -> None:
    a, out = torch.randn(12), torch.zeros(4, dtype=torch.int64)
    run(words, "fl", 1, a, out, START=2)
    assert torch.equal(out.view(torch.float32), a[2:10])
    with pytest.raises(InvalidAddress, match=r"misaligned load in kernel 'words': .*'a'.*8 bytes") as caught:
        run(words, "fl", 1, a, out, START=1)
    assert "(lane 0) uses a pointer 4 bytes past the start of argument 'a', which has 48 bytes; " in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


def test_a_number_that_is_no_address_is_a_fault_with_its_line() -> None:
    a, b, out = ramp(4), ramp(4), torch.zeros(4)
    for address in (0, 8, -(2**62), 2**40, a.data_ptr()):
        with pytest.raises(InvalidAddress, match="invalid load") as caught:
            run(guessed, "fffw", 1, a, b, out, address)
        assert caught.value.distance == address
        assert ("the number" in str(caught.value)) == (abs(address) < 2**40)
        assert "in kernel 'guessed': program (0, 0, 0) at line" in str(caught.value)
        assert caught.value.location.user_line() > 0


def test_an_address_that_is_guessed_is_a_fault_even_if_it_is_right() -> None:
    numbers = torch.zeros(4, dtype=torch.int64)
    run(alignment, "ffl", 1, ramp(4), ramp(4), numbers)
    assert not accesses(parse(ttir_of(guessed, (F32, F32, F32, "i64"))))["a"].reads
    with pytest.raises(InvalidAddress, match="argument 'a', which has 16 bytes, but the kernel did not compute it"):
        run(guessed, "fffw", 1, ramp(4), ramp(4), torch.zeros(4), int(numbers[3]))


def test_programs_may_hold_different_descriptors() -> None:
    a, b, out = ramp(12), ramp(12, 50), torch.zeros(64)
    run(chosen_descriptor, "fffnn", 2, a, b, out, 3, 4)
    first, second = torch.zeros(4, 8), torch.zeros(4, 8)
    first[:3, :4], second[:4, :3] = a.reshape(3, 4), b.reshape(4, 3)
    assert torch.equal(out.reshape(2, 4, 8), torch.stack([first, second]))


def test_a_descriptor_argument_may_be_one_of_two() -> None:
    text = """module { tt.func public @k(%a: !tt.tensordesc<4xf32>, %b: !tt.tensordesc<4xf32>, %o: !tt.ptr<f32>) {
      %zero = arith.constant 0 : i32
      %id = tt.get_program_id x : i32
      %first = arith.cmpi eq, %id, %zero : i32
      %d = scf.if %first -> (!tt.tensordesc<4xf32>) {
        scf.yield %a : !tt.tensordesc<4xf32>
      } else {
        scf.yield %b : !tt.tensordesc<4xf32>
      }
      %x = tt.descriptor_load %d[%zero] : !tt.tensordesc<4xf32> -> tensor<4xf32>
      %s = "tt.reduce"(%x) <{axis = 0 : i32}> ({
      ^bb0(%l: f32, %r: f32):
        %t = arith.addf %l, %r : f32
        tt.reduce.return %t : f32
      }) : (tensor<4xf32>) -> f32
      %q = tt.addptr %o, %id : !tt.ptr<f32>, i32
      tt.store %q, %s : !tt.ptr<f32>
      tt.return } }"""
    out = torch.zeros(2)
    a = DescriptorArgument(base=ramp(4), shape=(4,), strides=(1,))
    b = DescriptorArgument(base=ramp(3, 10), shape=(3,), strides=(1,))
    launch(text, (2, 1, 1), a, b, out)
    assert out.tolist() == [6, 33]


def test_counts_name_every_argument_that_was_reached() -> None:
    module = parse(ttir_of(by_lane, (F32, F32, F32, "i32"), BLOCK=16))
    args = [ramp(48), ramp(48), torch.zeros(48), 48]
    counters = execute(module, (3, 1, 1), args, options=ExecutionOptions(count=True)).counters
    loaded = {name: count.bytes_loaded for name, count in counters.arguments.items()}
    assert loaded == {"a": 16 * 4, "b": 32 * 4, "out": 0}


@pytest.mark.parametrize(
    "body",
    [
        ["%a = tt.ptr_to_int %p : !tt.ptr<f32> -> i64", "%b = tt.int_to_ptr %a : i64 -> !tt.ptr<!tt.ptr<f32>>"],
        ["%a = tt.bitcast %p : !tt.ptr<f32> -> f32"],
        [
            "%f = arith.constant 1.0 : f32",
            "%a = tt.addptr %p, %f : !tt.ptr<f32>, f32",
            "tt.store %a, %a : !tt.ptr<f32>",
        ],
        ["%a = tt.ptr_to_int %p : !tt.ptr<f32> -> i64", "%b = tt.ptr_to_int %a : i64 -> i64"],
        ["%a = arith.constant 1 : i32", "%b = tt.load %a : !tt.ptr<f32>"],
    ],
)
def test_nonsense_about_pointers_is_refused(body: list[str]) -> None:
    lines = ["module {", "tt.func public @k(%p: !tt.ptr<f32>) {", *body, "tt.return", "}", "}"]
    with pytest.raises(UnsupportedOperation):
        launch("\n".join(lines), (1, 1, 1), torch.zeros(4))

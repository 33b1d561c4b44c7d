"""Memory that nobody wrote, descriptors that TMA refuses, neighbours in memory, and what a hostile kernel may cost."""

import resource
import time

import pytest
import torch

from sandboxes.ttir import (
    DescriptorArgument,
    ExecutionOptions,
    MemoryFault,
    MisalignedDescriptor,
    Race,
    Unwritten,
    UnwrittenMemory,
    execute,
    parse,
)
from sandboxes.ttir.sanitizer import tracks, unwritten
from tests.sandboxes.ttir.test_sanitizer_races import CHUNKS, F32, I32, line_with, module


def options(memory: Unwritten, chunk: int = 2**20) -> ExecutionOptions:
    return ExecutionOptions(chunk_elements=chunk, unwritten=memory)


def fresh(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Unwritten, torch.Tensor]:
    memory, tensor = Unwritten(), torch.zeros(*shape, dtype=dtype)
    memory.allocated(tensor)
    return memory, tensor


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_load_of_what_nobody_wrote_names_the_first_element_and_how_much_was_written(chunk: int) -> None:
    memory, x = fresh(50)
    memory.written(x[:21])
    with pytest.raises(UnwrittenMemory) as caught:
        execute(module("scale_in_place", F32, "i32", BLOCK=8), (7, 1, 1), [x, 50], options=options(memory, chunk))
    fault = caught.value
    assert (fault.argument, fault.offset, fault.limit, fault.written) == ("x", 21, 50, 21)
    assert (fault.program_id, fault.lane, fault.kernel) == ((2, 0, 0), 5, "scale_in_place")
    line = line_with("tl.store(x + offs, tl.load(x + offs, mask=mask) * 2.0, mask=mask)")
    assert str(fault) == (
        f"load of memory that was never written in kernel 'scale_in_place': program (2, 0, 0) at line {line} reads "
        "element 21 of argument 'x' (lane 5); of its 50 elements 21 have been written"
    )


@pytest.mark.parametrize("chunk", CHUNKS)
def test_what_one_launch_stores_the_next_may_load_and_no_more(chunk: int) -> None:
    memory, parts = fresh(64)
    add = module("add_views", F32, F32, F32, "i32", BLOCK=8)
    x, out = torch.ones(64), torch.zeros(64)
    execute(add, (5, 1, 1), [x, x, parts, 37], options=options(memory, chunk))
    execute(add, (5, 1, 1), [parts, x, out, 37], options=options(memory, chunk))
    with pytest.raises(UnwrittenMemory) as caught:
        execute(add, (5, 1, 1), [x, parts, out, 38], options=options(memory, chunk))
    assert (caught.value.argument, caught.value.offset, caught.value.written) == ("y", 37, 37)


def test_lanes_that_are_masked_off_may_be_unwritten() -> None:
    memory, x = fresh(64)
    memory.written(x[:50])
    execute(module("scale_in_place", F32, "i32", BLOCK=8), (8, 1, 1), [x, 50], options=options(memory))


def test_views_of_any_type_are_the_same_memory() -> None:
    memory, x = fresh(16)
    memory.written(x.view(torch.int16).reshape(2, 16)[:, 8:])
    with pytest.raises(UnwrittenMemory) as caught:
        execute(module("scale_in_place", F32, "i32", BLOCK=4), (2, 1, 1), [x[4:], 8], options=options(memory))
    assert (caught.value.offset, caught.value.limit, caught.value.written) == (4, 12, 8)


def test_an_atomic_update_of_what_nobody_wrote_is_a_fault() -> None:
    memory, total = fresh(1)
    program = module("total_then_divide", F32, F32, F32, "i32", BLOCK=8)
    with pytest.raises(UnwrittenMemory, match="atomic of memory that was never written"):
        execute(program, (1, 1, 1), [torch.ones(8), total, torch.ones(8), 8], options=options(memory))


def test_memory_that_reuses_an_address_is_other_memory() -> None:
    memory, space = Unwritten(), bytearray(4 * 64)
    program = module("scale_in_place", F32, "i32", BLOCK=64)
    for _ in range(20):  # the objects behind tensors are reused, too
        gone = torch.frombuffer(space, dtype=torch.float32)
        memory.allocated(gone)
        address = gone.data_ptr()
        del gone
        x = torch.frombuffer(space, dtype=torch.float32)
        assert x.data_ptr() == address
        execute(program, (1, 1, 1), [x, 64], options=options(memory))
        del x


def test_memory_beyond_the_limit_counts_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwritten, "MAX_FLAG_BYTES", 300)
    memory, first = fresh(50)
    second = torch.zeros(50)
    memory.allocated(second)
    program = module("scale_in_place", F32, "i32", BLOCK=64)
    execute(program, (1, 1, 1), [second, 50], options=options(memory))
    with pytest.raises(UnwrittenMemory):
        execute(program, (1, 1, 1), [first, 50], options=options(memory))
    del first
    third = torch.zeros(50)
    memory.allocated(third)
    with pytest.raises(UnwrittenMemory):
        execute(program, (1, 1, 1), [third, 50], options=options(memory))


def test_memory_is_written_once_every_byte_is_in_whatever_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwritten, "SCANNED_BYTES", 8)
    memory, x = fresh(50)
    for first, last in ((10, 20), (0, 10), (30, 50), (20, 29)):
        memory.written(x[first:last])
        assert memory.flags(x.untyped_storage(), 4) is not None
    memory.written(x[29:30])
    assert memory.flags(x.untyped_storage(), 4) is None


def test_an_address_in_another_live_buffer_is_out_of_bounds() -> None:
    memory = torch.zeros(3 * 64)
    buffers = [memory[64 * i : 64 * (i + 1)] for i in range(3)]
    apart = [torch.frombuffer(memory.numpy(), dtype=torch.float32, count=64, offset=256 * i) for i in range(3)]
    assert [t.data_ptr() for t in apart] == [t.data_ptr() for t in buffers]
    with pytest.raises(MemoryFault) as caught:
        execute(module("stencil", F32, F32, "i32", BLOCK=8), (9, 1, 1), [apart[0], apart[2], 65])
    assert (caught.value.argument, caught.value.offset, caught.value.limit) == ("x", 64, 64)


@pytest.mark.parametrize(
    ("stride", "shift", "problem"),
    [
        (18, 0, "a stride of 72 bytes along axis 0; TMA needs a multiple of 16"),
        (16, 2, "a base 8 bytes into its storage; TMA needs a multiple of 16"),
    ],
)
def test_a_descriptor_made_in_the_kernel_must_be_aligned(stride: int, shift: int, problem: str) -> None:
    program = module("copy_with_descriptors", F32, F32, *["i32"] * 4, BM=4, BN=16)
    args = [torch.zeros(400), torch.zeros(8, 16), 8, 16, stride, shift]
    execute(program, (2, 1, 1), args)
    with pytest.raises(MisalignedDescriptor) as caught:
        execute(program, (2, 1, 1), args, options=options(Unwritten()))
    assert caught.value.problem == problem
    assert (caught.value.argument, caught.value.kernel) == ("x", "copy_with_descriptors")
    assert caught.value.location.user_line() == line_with("source = tl.make_tensor_descriptor")


def test_an_aligned_descriptor_is_innocent() -> None:
    program = module("copy_with_descriptors", F32, F32, *["i32"] * 4, BM=4, BN=16)
    out = torch.zeros(8, 16)
    execute(program, (2, 1, 1), [torch.ones(400), out, 8, 16, 20, 4], options=options(Unwritten()))
    assert bool((out == 1).all())


@pytest.mark.slow
def test_thousands_of_tiny_stores_cost_a_small_factor_and_little_memory() -> None:
    program = module("many_small_stores", I32, "i32")
    out = torch.zeros(4096 * 8, dtype=torch.int32)
    plain, sanitized = [], []
    for _ in range(3):
        for memory, times in ((None, plain), (Unwritten(), sanitized)):
            started = time.process_time()
            execute(program, (8, 1, 1), [out, 1000], options=ExecutionOptions(unwritten=memory))
            times.append(time.process_time() - started)
    assert min(sanitized) < 4 * min(plain)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    execute(program, (8, 1, 1), [out, 3000], options=options(Unwritten()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_notes_beyond_their_limit_are_not_taken_and_accuse_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    args = [torch.zeros(3)]
    program = module("store_own_id", F32, SPREAD=2)
    with pytest.raises(Race):
        execute(program, (6, 1, 1), args, options=options(Unwritten()))
    monkeypatch.setattr("sandboxes.ttir.sanitizer.watch.MAX_NOTE_BYTES", 8)
    execute(program, (6, 1, 1), args, options=options(Unwritten()))


def test_regions_beyond_their_number_become_notes_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "MAX_REGIONS", 3)
    memory = Unwritten()
    x = torch.arange(50.0)
    with pytest.raises(Race) as caught:
        execute(module("shift_in_place", F32, "i32", BLOCK=8), (7, 1, 1), [x, 50], options=options(memory, 8))
    assert caught.value.kind == "race of a store and a load"


def test_a_host_descriptor_must_be_aligned() -> None:
    text = """module { tt.func public @k(%d: !tt.tensordesc<tensor<4x8xf32>>) { tt.return } }"""
    host = DescriptorArgument(base=torch.zeros(4, 9), shape=(4, 8), strides=(9, 1))
    with pytest.raises(MisalignedDescriptor, match=r"the host .* a stride of 36 bytes along axis 0"):
        execute(parse(text), (1, 1, 1), [host], options=options(Unwritten()))

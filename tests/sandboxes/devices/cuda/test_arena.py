"""Whatever a kernel writes beyond its tensors shows in the guards around them."""

import ctypes
from typing import Any, cast

import pytest
import torch

from sandboxes.contracts import TensorSpec
from sandboxes.devices.cuda.arena import GUARD_BYTES, ROW_BYTES, Arena, Slot, slot_bytes
from sandboxes.devices.cuda.errors import GpuError, GpuFault


class Memory:
    """The part of a GPU that an arena needs."""

    device = torch.device("cpu")

    def memory(self, size: int) -> torch.Tensor:
        return torch.randint(256, (size,), dtype=torch.uint8)


def arena(*sizes: int, slots: int = 1) -> Arena:
    return Arena(cast(Any, Memory()), slot_bytes(sizes), slots)


def spec(*shape: int, dtype: str = "float32") -> TensorSpec:
    stride = torch.empty(shape, device="meta").stride()
    return TensorSpec.model_validate({"shape": shape, "dtype": dtype, "stride": stride})


def write(tensor: torch.Tensor, offset_bytes: int, size: int = 4) -> None:
    """Writes as a kernel does: to an address."""
    address = tensor.data_ptr() + offset_bytes
    for byte in range(size):
        ctypes.c_uint8.from_address(address + byte).value ^= 0xFF


def fault(slot: Slot | Arena) -> str:
    with pytest.raises(GpuError) as caught:
        slot.check()
    assert caught.value.fault is GpuFault.GUARD
    return caught.value.detail


@pytest.mark.parametrize("count", [1, 10, ROW_BYTES // 4, ROW_BYTES // 4 + 1, 5000])
def test_a_store_right_behind_a_value_is_found_and_the_value_named(count: int) -> None:
    slot = arena(4 * count, 64).slot(0)
    output = slot.empty("value 3", spec(count))
    slot.place("input 0", torch.ones(16))
    slot.check()
    write(output, 4 * count)
    assert fault(slot) == (
        f"a kernel wrote behind the end of value 3, which has {4 * count} bytes: 4 bytes away at the most"
    )


def test_a_store_before_a_value_is_found_and_the_value_named() -> None:
    slot = arena(40, 40).slot(0)
    slot.place("input 0", torch.ones(10))
    output = slot.empty("value 3", spec(10))
    write(output, -8)
    assert fault(slot) == "a kernel wrote before the beginning of value 3, which has 40 bytes: 8 bytes away at the most"


@pytest.mark.parametrize("offset", [-GUARD_BYTES, GUARD_BYTES])
def test_a_store_at_the_far_end_of_a_guard_is_found(offset: int) -> None:
    slot = arena(ROW_BYTES).slot(0)
    output = slot.empty("value 0", spec(ROW_BYTES // 4))
    write(output, offset if offset < 0 else ROW_BYTES + offset - 4)
    assert "value 0" in fault(slot)


def test_a_store_far_behind_the_last_value_is_found_and_the_value_named() -> None:
    slot = arena(1).slot(0)
    output = slot.empty("value 0", spec(1, dtype="uint8"))
    write(output, GUARD_BYTES + ROW_BYTES - 8)
    assert "value 0" in fault(slot)


def test_nobody_knows_how_far_it_is_from_one_value_to_another() -> None:
    slots = arena(40, 40, slots=6)
    pairs = [[slots.slot(number).empty(f"value {each}", spec(10)) for each in range(2)] for number in range(6)]
    distances = {second.data_ptr() - first.data_ptr() for first, second in pairs}
    assert len(distances) > 1
    for first, _ in pairs:
        write(first, min(distances))
    assert "value" in fault(slots)


def test_the_pattern_is_another_behind_every_value() -> None:
    slot = arena(40, 40, 40).slot(0)
    tensors = [slot.place(f"input {number}", torch.ones(10)) for number in range(3)]
    assert len({ctypes.string_at(tensor.data_ptr() + 40, 64) for tensor in tensors}) == 3
    ctypes.memmove(tensors[1].data_ptr() + 40, tensors[0].data_ptr() + 40, 64)
    assert "input 1" in fault(slot)


def test_values_may_be_written_from_end_to_end() -> None:
    slot = arena(40, 12, 12).slot(0)
    tensors = [slot.empty("value 0", spec(10)), slot.empty("value 1", spec(3)), slot.place("input 0", torch.ones(3))]
    for tensor in tensors:
        tensor.fill_(1.0)
    slot.check()


def test_the_pattern_is_another_in_every_arena() -> None:
    first, second = arena(40), arena(40)
    there = [each.slot(0).empty("value 0", spec(10)) for each in (first, second)]
    bytes_behind = [ctypes.string_at(tensor.data_ptr() + 40, 64) for tensor in there]
    assert bytes_behind[0] != bytes_behind[1]


def test_a_placed_tensor_keeps_its_layout_and_its_storage_and_leaves_the_original_alone() -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    view = whole[1:, ::2].t()
    slot = arena(96).slot(0)
    placed = slot.place("input 0", view)
    assert torch.equal(placed, view)
    assert (placed.stride(), placed.storage_offset()) == (view.stride(), view.storage_offset())
    assert placed.untyped_storage().nbytes() == 96
    placed.zero_()
    assert bool((whole[1:, ::2] > 0).all())
    slot.check()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2", "int64", "uint32", "bool", "complex64"])
def test_fresh_memory_is_poisoned_and_so_it_is_again_on_demand(dtype: str) -> None:
    slot = arena(8 * 7).slot(0)
    tensor = slot.empty("value 0", spec(7, dtype=dtype))
    poisoned = bytes(tensor.view(torch.uint8).tolist())
    tensor.view(torch.uint8).zero_()
    slot.poison()
    assert bytes(tensor.view(torch.uint8).tolist()) == poisoned != bytes(len(poisoned))
    slot.check()


def test_inputs_are_not_poisoned() -> None:
    slot = arena(40).slot(0)
    placed = slot.place("input 0", torch.ones(10))
    slot.poison()
    assert torch.equal(placed, torch.ones(10))


def test_slots_have_addresses_of_their_own_and_are_all_looked_at() -> None:
    slots = arena(40, slots=3)
    tensors = [slots.slot(number).place("input 0", torch.ones(10)) for number in range(3)]
    assert len({tensor.data_ptr() for tensor in tensors}) == len(slots) == 3
    assert slots.slot(3) is slots.slot(0)
    slots.check()
    write(tensors[2], 40)
    assert "input 0" in fault(slots)


def test_a_slot_is_laid_out_anew_after_it_is_cleared() -> None:
    slot = arena(ROW_BYTES, 40).slot(0)
    slot.place("input 0", torch.ones(ROW_BYTES // 4))
    slot.clear()
    slot.place("input 0", torch.ones(10))
    output = slot.empty("value 1", spec(ROW_BYTES // 4))
    slot.check()
    write(output, ROW_BYTES)
    assert "value 1" in fault(slot)


def test_tensors_without_elements_take_part() -> None:
    slot = arena(0, 40).slot(0)
    nothing = slot.empty("value 0", spec(0, 4))
    assert nothing.shape == (0, 4)
    assert slot.place("input 0", torch.ones(0)).numel() == 0
    slot.check()


def test_an_arena_that_is_full_says_what_was_asked_of_it() -> None:
    slot = arena(40).slot(0)
    with pytest.raises(GpuError, match="value 7 takes 400000 bytes, the arena has") as caught:
        slot.empty("value 7", spec(100_000))
    assert caught.value.fault is GpuFault.OUT_OF_MEMORY

"""The least time of a program: it flags what can't be, and never what an honest program does."""

from dataclasses import replace

import pytest
import torch

from sandboxes.contracts import Launch
from sandboxes.devices.cpu import bind
from sandboxes.devices.cuda.timing.floor import floor_us
from sandboxes.devices.device import Program
from sandboxes.devices.launching import Launched, launch
from sandboxes.hardware.targets import get_target
from sandboxes.replay import replay
from tests.sandboxes.devices.cuda.programs import program
from tests.tracer import Tracer, candidate, forward, spec

TINY = get_target("h200").model_copy(update={"l2_mib": 1e-6, "dram_gb_per_s": 1.0})
"""A GPU with hardly any cache, whose memory moves a byte in a nanosecond."""


def counted(program: Program, *inputs: torch.Tensor, sample: bool = False) -> dict[int, Launched]:
    found: dict[int, Launched] = {}

    def execute(index: int, node: Launch, values: dict[int, torch.Tensor]) -> None:
        found[index] = launch(index, node, 0, values, float("inf"), count=True, sample=sample)

    replay(
        program.trace,
        bind(program.trace, inputs),
        program.constants,
        device=torch.device("cpu"),
        launch=execute,
    )
    return found


@pytest.fixture(scope="module")
def doubled(tracer: Tracer) -> Program:
    return program(tracer, forward("return scale(x)"), spec(4000))


def test_a_program_takes_at_least_as_long_as_memory_needs_for_its_bytes(doubled: Program) -> None:
    found = floor_us(doubled, {}, counted(doubled, torch.ones(4000)), TINY, None)
    assert found == pytest.approx(2 * 16000 * 1e-3 / 1.1, rel=0.01)


def test_what_fits_into_the_cache_has_no_floor(doubled: Program) -> None:
    assert floor_us(doubled, {}, counted(doubled, torch.ones(4000)), get_target("h200"), None) == 0


def test_a_program_that_reads_what_the_data_says_is_charged_for_that_only(tracer: Tracer) -> None:
    source = candidate(
        """
        @triton.jit
        def some_kernel(x_ptr, y_ptr, BLOCK: tl.constexpr):
            i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
            wanted = tl.load(x_ptr + tl.program_id(0)) > 0
            tl.store(y_ptr + i, tl.load(x_ptr + i, mask=wanted & (i >= 0), other=0.0))


        class ModelNew(nn.Module):
            def forward(self, x):
                y = torch.empty_like(x)
                some_kernel[(4,)](x, y, BLOCK=1024)
                return y
        """
    )
    partial = program(tracer, source, spec(4096))
    nothing, everything = torch.zeros(4096), torch.ones(4096)
    floors = [floor_us(partial, {}, counted(partial, values), TINY, None) for values in (nothing, everything)]
    assert floors[0] < 0.55 * floors[1]


def test_kernels_whose_sampled_programs_differ_have_no_floor(doubled: Program) -> None:
    found = counted(doubled, torch.ones(4000), sample=True)
    uneven = {
        index: replace(each, scale=4.0, work=replace(each.work, uneven_bytes=3.0)) for index, each in found.items()
    }
    even = {index: replace(each, scale=4.0) for index, each in found.items()}
    assert floor_us(doubled, {}, uneven, TINY, None) == 0
    assert floor_us(doubled, {}, even, TINY, None) > 0


def test_only_matrix_products_count_as_arithmetic_that_nobody_can_avoid(doubled: Program) -> None:
    target = get_target("h200")
    found = counted(doubled, torch.ones(4000))
    busy = {index: replace(each, work=replace(each.work, flops={"fp32": 10**15})) for index, each in found.items()}
    assert floor_us(doubled, {}, busy, target, None) == 0
    dots = {index: replace(each, work=replace(each.work, flops={"bf16": 10**12})) for index, each in found.items()}
    least = 1e6 / target.tflops["bf16"]
    assert 0.6 * least < floor_us(doubled, {}, dots, target, None) < least


def test_operators_of_torch_have_no_floor(tracer: Tracer) -> None:
    library = program(tracer, forward("return x @ x"), spec(512, 512))
    assert floor_us(library, {}, {}, TINY, None) == 0

"""Programs on a GPU: between guards, on memory that is poisoned, with the fastest variants."""

import time

import pytest
import torch

from sandboxes.contracts import Launch
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.device import Program
from sandboxes.replay import MalformedTrace, OutOfTime
from tests.sandboxes.devices.cuda.programs import CONFIG, QuickGpu, choose, program, run
from tests.tracer import Tracer, candidate, forward, spec

X = torch.arange(1.0, 101.0)

ONE_TOO_MANY = forward(
    "y = torch.empty_like(x)",
    "scale_kernel[(1,)](x, y, x.numel() + 1, 2.0, BLOCK=256)",
    "return y",
)

TUNED = candidate(
    """
    @triton.autotune([triton.Config({"BLOCK": b}, num_warps=1) for b in (16, 1024, 64)], key=["n"])
    @triton.jit
    def bump_kernel(x_ptr, n, BLOCK: tl.constexpr):
        i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(x_ptr + i, tl.load(x_ptr + i, mask=i < n) + 1, mask=i < n)


    class ModelNew(nn.Module):
        def forward(self, x):
            y = x + 1
            bump_kernel[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](y, x.numel())
            bump_kernel[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](y, x.numel())
            return y
    """
)
"""A kernel that changes what it reads, twice, in three variants."""


@pytest.fixture(scope="module")
def tuned(tracer: Tracer) -> Program:
    return program(tracer, TUNED, spec(100))


def test_a_kernel_computes_what_it_computes_on_the_cpu(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    done = run(doubled, X)
    assert torch.equal(done.output, 2 * X)
    assert torch.equal(done.inputs[0], X)
    assert done.changed_weights == ()


def test_a_store_one_element_beyond_the_output_is_found_and_its_node_is_named(tracer: Tracer) -> None:
    wrong = program(tracer, ONE_TOO_MANY, spec(100))
    with pytest.raises(GpuError, match="behind the end of the") as caught:
        run(wrong, X)
    assert caught.value.fault is GpuFault.GUARD
    assert isinstance(wrong.trace.nodes[caught.value.node or 0], Launch)
    line = ONE_TOO_MANY[: ONE_TOO_MANY.rindex("torch.empty_like")].count("\n") + 1
    assert caught.value.detail == (
        f"a kernel wrote behind the end of the float32[100] of `empty_like` (line {line}), which has 400 bytes: "
        "4 bytes away at the most"
    )


def test_a_store_beyond_what_torch_has_computed_is_found(tracer: Tracer) -> None:
    source = forward("y = x + 1", "scale_kernel[(1,)](x, y, x.numel() + 1, 2.0, BLOCK=256)", "return y")
    with pytest.raises(GpuError, match=r"float32\[100\] of `add`"):
        run(program(tracer, source, spec(100)), X)


def test_a_store_beyond_an_input_or_a_parameter_is_found(tracer: Tracer) -> None:
    source = candidate(
        """
        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.ones(10))

            def forward(self, x):
                scale_kernel[(1,)](x, {target}, 1 + {target}.numel(), 2.0, BLOCK=256)
                return scale(x)
        """
    )
    for target, named in {"x": "input 0", "self.weight": "the parameter `weight`"}.items():
        with pytest.raises(GpuError, match=named):
            run(program(tracer, source.replace("{target}", target), spec(100)), X)


def test_what_is_never_stored_stays_poisoned(tracer: Tracer) -> None:
    half = forward("y = torch.empty_like(x)", "scale_kernel[(1,)](x, y, x.numel() // 2, 2.0, BLOCK=256)", "return y")
    device = CudaDevice(QuickGpu(), CONFIG)
    run(program(tracer, forward("return scale(x)"), spec(100)), X, device=device)
    output = run(program(tracer, half, spec(100)), X, device=device).output
    assert torch.equal(output[:50], 2 * X[:50])
    assert bool(output[50:].isnan().all())


def test_views_and_operators_that_write_into_them_see_the_same_memory(tracer: Tracer) -> None:
    source = forward(
        "y = torch.empty(2, 100, device=x.device)",
        "scale_kernel[(1,)](x, y[1], x.numel(), 3.0, BLOCK=256)",
        "y[0].copy_(x).add_(1)",
        "z = torch.cat([y, y])",
        "scale_kernel[(1,)](z[1], z[3:].view(-1), x.numel(), 2.0, BLOCK=256)",
        "return y.t(), z",
    )
    y, z = run(program(tracer, source, spec(100)), X).output
    assert torch.equal(y, torch.stack([X + 1, 3 * X]).t())
    assert torch.equal(z, torch.stack([X + 1, 3 * X, X + 1, 6 * X]))


def test_a_number_that_is_read_back_decides_what_is_launched(tracer: Tracer) -> None:
    source = forward("return scale(x, x.max().item())")
    assert torch.equal(run(program(tracer, source, spec(100)), X).output, 100 * X)


def test_inputs_of_any_layout_are_left_alone_and_changes_are_seen_in_copies(tracer: Tracer) -> None:
    source = forward("scale_kernel[(1,)](x, x, 4, 2.0, BLOCK=256)", "return x + 0")
    strided = spec(50, stride=(2,), offset=3)
    given = torch.arange(200.0)[3:103:2]
    done = run(program(tracer, source, strided), given)
    assert torch.equal(given, torch.arange(3.0, 103.0, 2))
    assert (done.inputs[0].stride(), done.inputs[0].storage_offset()) == ((2,), 3)
    assert done.inputs[0][:3].tolist() == [6.0, 10.0, 7.0]


WRITES = candidate(
    """
    class ModelNew(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_{kind}("kept", {value})

        def forward(self, x):
            scale_kernel[(1,)](x, self.kept, 10, 2.0, BLOCK=256)
            return scale(x)
    """
)


def test_a_parameter_that_a_kernel_changes_is_named_and_the_next_run_has_it_as_it_was(tracer: Tracer) -> None:
    source = WRITES.replace("{kind}", "parameter").replace("{value}", "nn.Parameter(torch.ones(10))")
    writes = program(tracer, source, spec(100))
    device = CudaDevice(QuickGpu(), CONFIG)
    for _ in range(2):
        assert run(writes, X, device=device).changed_weights == ("parameter:kept",)
        assert torch.equal(writes.constants["parameter:kept"], torch.ones(10))


def test_a_buffer_may_be_scratch(tracer: Tracer) -> None:
    source = WRITES.replace("{kind}", "buffer").replace("{value}", "torch.ones(10)")
    assert run(program(tracer, source, spec(100)), X).changed_weights == ()


def test_a_grid_that_misses_the_alignment_it_was_compiled_for_never_runs(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    node = next(index for index, node in enumerate(doubled.trace.nodes) if isinstance(node, Launch))
    launch = doubled.trace.nodes[node]
    assert isinstance(launch, Launch)
    shorter = launch.variants[0].model_copy(update={"args": launch.variants[0].args[:-1]})
    nodes = list(doubled.trace.nodes)
    nodes[node] = launch.model_copy(update={"variants": (shorter,)})
    trace = doubled.trace.model_copy(update={"nodes": tuple(nodes)})
    with pytest.raises(MalformedTrace, match="arguments"):
        run(Program(trace=trace, flow=doubled.flow, constants={}, kernels={}), X)


def test_a_run_that_takes_too_long_ends_at_a_line(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    with pytest.raises(OutOfTime) as caught:
        CudaDevice(QuickGpu(), CONFIG).run(doubled, [X], {}, time.monotonic() - 1, seed=0)
    assert caught.value.line is not None


def test_the_same_addresses_serve_one_run_after_the_other(tracer: Tracer) -> None:
    gpu = QuickGpu(memory_bytes=2**20)
    device = CudaDevice(gpu, CONFIG)
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    for _ in range(20):
        assert torch.equal(run(doubled, X, device=device).output, 2 * X)


def test_memory_that_the_gpu_does_not_have_is_told(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    with pytest.raises(GpuError) as caught:
        run(doubled, X, device=CudaDevice(QuickGpu(memory_bytes=1000), CONFIG))
    assert caught.value.fault is GpuFault.OUT_OF_MEMORY


def test_runs_that_are_looked_at_go_to_the_executor(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    seen: list[int] = []
    done = CudaDevice(QuickGpu(memory_bytes=0), CONFIG).run(
        doubled,
        [X.clone()],
        {},
        time.monotonic() + 60,
        seed=0,
        around=lambda launch: lambda index, node, values: (seen.append(index), launch(index, node, values))[1],
    )
    assert torch.equal(done.output, 2 * X)
    assert len(seen) == 1


class Timed(QuickGpu):
    """Takes longer for a kernel, the more programs it has."""

    def __init__(self, *, alike: bool = False) -> None:
        super().__init__()
        self.launched: list[int] = []
        self._alike = alike

    def launch(self, kernel, grid, args):  # type: ignore[no-untyped-def]
        self.launched.append(grid[0])
        super().launch(kernel, grid, args)
        for key in kernel.costs_us:
            kernel.costs_us[key] = 10.0 if self._alike else float(key[0])


def test_the_fastest_variant_is_chosen_among_all(tuned: Program) -> None:
    gpu = Timed()
    assert set(choose(tuned, X, gpu=gpu).values()) == {1}
    assert set(gpu.launched) == {7, 1, 2}


def test_the_first_of_equally_fast_variants_is_chosen(tuned: Program) -> None:
    assert set(choose(tuned, X, gpu=Timed(alike=True)).values()) == {0}


def test_no_variant_sees_what_another_one_has_stored(tuned: Program) -> None:
    seen: list[float] = []

    class Watching(Timed):
        def launch(self, kernel, grid, args):  # type: ignore[no-untyped-def]
            seen.append(float(args[0][0]))
            super().launch(kernel, grid, args)

    choose(tuned, X, gpu=Watching())
    assert seen == sorted(seen)
    assert set(seen) == {2.0, 3.0}


def test_a_variant_that_is_not_measured_in_time_does_not_win(tuned: Program) -> None:
    assert set(choose(tuned, X, gpu=Timed(), limit_s=-1.0).values()) == {0}


def test_nothing_is_drawn_and_nothing_runs_if_there_is_nothing_to_choose(tracer: Tracer) -> None:
    doubled = program(tracer, forward("return scale(x)"), spec(100))
    node = next(index for index, node in enumerate(doubled.trace.nodes) if isinstance(node, Launch))
    gpu = Timed()
    assert choose(doubled, gpu=gpu) == {node: 0}
    assert gpu.launched == []


def test_a_variant_that_writes_beyond_its_tensors_is_a_fault_of_that_node(tracer: Tracer) -> None:
    wrong = program(tracer, TUNED.replace("mask=i < n)\n", "mask=i <= n)\n", 1), spec(100))
    with pytest.raises(GpuError) as caught:
        choose(wrong, X)
    assert caught.value.fault is GpuFault.GUARD
    assert isinstance(wrong.trace.nodes[caught.value.node or 0], Launch)

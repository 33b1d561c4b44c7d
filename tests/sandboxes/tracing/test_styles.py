"""Honest candidates of every style trace, and their traces say what they do."""

import pytest
import torch

from sandboxes.contracts import Argument, ArgumentSequence, Descriptor, TensorRef, Trace
from sandboxes.hardware.targets import get_target
from sandboxes.replay import replay
from sandboxes.ttir import parse
from sandboxes.validation import load_constants, validate
from tests.tracer import Tracer, calls, candidate, case, forward, launches, line_of, spec


def kernel(body: str, call: str, *, before: str = "") -> str:
    """A candidate with a kernel `k(x_ptr, y_ptr, n, BLOCK)` that stores `body` of `v`, and a launch of it."""
    return candidate(f"""
{before}
@triton.jit
def k(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    v = tl.load(x_ptr + o, mask=o < n)
    tl.store(y_ptr + o, {body}, mask=o < n)

class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        {call}
        return y
""")


def divisible(trace: Trace, launch: int = 0) -> list[object]:
    """What the kernel assumes of each of its parameters."""
    module = parse(launches(trace)[launch].variants[0].ttir)
    return [parameter.attributes.get("tt.divisibility") for parameter in module.kernel.parameters]


def test_a_layer_and_a_kernel(tracer: Tracer) -> None:
    source = candidate("""
        class ModelNew(nn.Module):
            def __init__(self, n_in, n_out):
                super().__init__()
                self.linear = nn.Linear(n_in, n_out)
            def forward(self, x):
                return scale(self.linear(x))
        """)
    trace = tracer.trace(source, init=(32, 16))
    assert "addmm" in calls(trace)
    assert [(constant.key, constant.role) for constant in trace.constants] == [
        ("parameter:linear.weight", "parameter"),
        ("parameter:linear.bias", "parameter"),
    ]
    (launch,) = launches(trace)
    assert (launch.kernel, launch.variants[0].grid, launch.variants[0].num_warps) == ("scale_kernel", (1, 1, 1), 4)
    assert launch.line == line_of(source, "scale_kernel[(")
    assert isinstance(trace.output, TensorRef)
    assert str(trace.values[trace.output.id]) == "float32[4, 16]"


def test_several_kernels_are_recorded_in_order_with_the_lines_that_launch_them(tracer: Tracer) -> None:
    source = forward("y = torch.empty_like(x)", *(f"scale_kernel[(1,)](x, y, 1{n}, 2.0, BLOCK=16)" for n in range(3)),
                     "return y")  # fmt: skip
    lines = [launch.line for launch in launches(tracer.trace(source))]
    first = line_of(source, "y, 10,")
    assert lines == [first, first + 1, first + 2]


def test_an_autograd_function(tracer: Tracer) -> None:
    source = candidate("""
        class Scaled(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, w):
                ctx.save_for_backward(x)
                return scale(x * w)
            @staticmethod
            def backward(ctx, grad):
                return grad, grad

        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.randn(32))
            def forward(self, x):
                return Scaled.apply(x, self.w)
        """)
    trace = tracer.trace(source)
    assert len(launches(trace)) == 1
    assert [constant.key for constant in trace.constants] == ["parameter:w"]


def test_views_slices_and_transposes_keep_their_strides_and_offsets(tracer: Tracer) -> None:
    trace = tracer.trace(forward("return scale(x[:, 3:17]), scale(x.t().contiguous()), x.view(-1)[5:].clone()"))
    specs = {(value.shape, value.stride, value.offset) for value in trace.values}
    assert {((4, 14), (32, 1), 3), ((32, 4), (1, 32), 0), ((123,), (1,), 5)} <= specs


def test_a_kernel_may_write_into_a_view_and_in_place(tracer: Tracer) -> None:
    trace = tracer.trace(forward(
        "y = x.clone()", "scale_kernel[(1,)](y[1:], y[1:], 32, 2.0, BLOCK=32)", "y += 1", "y.mul_(2).relu_()",
        "return y",
    ))  # fmt: skip
    assert calls(trace)[-3:] == ["add_", "mul_", "relu_"]
    assert trace.output == TensorRef(id=1)


def test_tuples_lists_and_plain_values_come_back_as_they_were(tracer: Tracer) -> None:
    output = tracer.trace(forward("return scale(x), [scale(x)], None, 3, (2.5, True)")).output
    assert isinstance(output, ArgumentSequence)
    assert output.kind == "tuple"
    assert output.items[2:4] == (None, 3)
    assert isinstance(output.items[1], ArgumentSequence)
    assert output.items[1].kind == "list"


class TestSpecialisation:
    def test_alignment_follows_the_storage_offset(self, tracer: Tracer) -> None:
        trace = tracer.trace(forward(
            "y = torch.empty_like(x)", "f = x.view(-1)",
            "for i in (0, 1, 4): scale_kernel[(1,)](f[i:], y, 17, 1.5, BLOCK=16)", "return y",
        ))  # fmt: skip
        assert [divisible(trace, index)[0] for index in range(3)] == [16, None, 16]

    def test_an_input_with_an_offset_is_not_taken_for_aligned(self, tracer: Tracer) -> None:
        source = forward("return scale(x)")
        assert divisible(tracer.trace(source, spec(4, 32, offset=1)))[0] is None
        assert divisible(tracer.trace(source, spec(4, 32, offset=4)))[0] == 16
        assert divisible(tracer.trace(source, spec(4, 32, offset=4, dtype="float16")))[0] is None

    def test_integers_that_are_one_or_multiples_of_sixteen_are_compiled_in(self, tracer: Tracer) -> None:
        trace = tracer.trace(forward(
            "y = torch.empty_like(x)",
            *(f"scale_kernel[(1,)](x, y, {n}, 1.5, BLOCK=16)" for n in (1, 16, 17)), "return y",
        ))  # fmt: skip
        one, sixteen, seventeen = launches(trace)
        assert [len(launch.variants[0].args) for launch in (one, sixteen, seventeen)] == [3, 4, 4]
        assert (divisible(trace, 1)[2], divisible(trace, 2)[2]) == (16, None)

    @pytest.mark.parametrize(("number", "kind"), [("2.5", "f32"), ("True", "i1"), ("7", "i32"), ("2**40", "i64")])
    def test_scalars_keep_their_type(self, tracer: Tracer, number: str, kind: str) -> None:
        trace = tracer.trace(forward(
            "y = torch.empty_like(x)", f"scale_kernel[(1,)](x, y, 16, {number}, BLOCK=16)", "return y"))  # fmt: skip
        variant = launches(trace)[0].variants[0]
        assert variant.args[3] == eval(number)  # noqa: S307 # our own text
        assert f"%factor: {kind}" in variant.ttir

    @pytest.mark.parametrize(
        ("dtype", "short"), [("float16", "f16"), ("bfloat16", "bf16"), ("int32", "i32"), ("float8_e5m2", "f8E5M2")]
    )
    def test_pointers_have_the_tensor_s_dtype(self, tracer: Tracer, dtype: str, short: str) -> None:
        source = forward("y = torch.empty_like(x, dtype=torch.float32)", "scale_kernel[(1,)](x, y, 16, 2.0, BLOCK=16)",
                         "return y").replace("mask=mask) * factor", "mask=mask).to(tl.float32) * factor")  # fmt: skip
        assert f"!tt.ptr<{short}>" in launches(tracer.trace(source, spec(4, 32, dtype=dtype)))[0].variants[0].ttir


class TestLanguage:
    @pytest.mark.parametrize(
        "call",
        [
            "k[1, 1, 1](x, y, 128, BLOCK=128)",
            "k[(1, 1)](x, y, n=128, BLOCK=128, num_warps=8)",
            "k[lambda meta: (128 // meta['BLOCK'],)](x, y, 128, 128)",
            "k.run(x, y, 128, BLOCK=128, grid=(1,), warmup=False)",
            "with torch.cuda.device(x.device): k[(1,)](x, y, 128, 128)",
            "with torch.cuda.device_of(x), torch.cuda.stream(torch.cuda.current_stream()): k[(1,)](x, y, 128, 128)",
            "k[(1,)](x, y, 128, 128); torch.cuda.synchronize(); torch.cuda.empty_cache()",
            "k[(torch.cuda.device_count(),)](triton.reinterpret(x, tl.float32), y, 128, 128)",
        ],
    )
    def test_a_launch_may_be_written_in_many_ways(self, tracer: Tracer, call: str) -> None:
        (launch,) = launches(tracer.trace(kernel("v * 2", call)))
        assert launch.variants[0].grid == (1, 1, 1)

    @pytest.mark.parametrize(
        "count",
        [
            "torch.cuda.get_device_properties(x.device).multi_processor_count",
            'triton.runtime.driver.active.utils.get_device_properties(x.device.index)["multiprocessor_count"]',
        ],
    )
    @pytest.mark.parametrize("target", ["h200", "a100"])
    def test_persistent_kernels_see_the_target_s_multiprocessors(self, tracer: Tracer, count: str, target: str) -> None:
        trace = tracer.trace(kernel("v * 2", f"k[({count},)](x, y, 128, 128)"), target=target)
        assert launches(trace)[0].variants[0].grid[0] == get_target(target).multiprocessors

    def test_the_capability_is_the_target_s(self, tracer: Tracer) -> None:
        source = forward("assert torch.cuda.get_device_capability() == (8, 0)", "return scale(x)")
        tracer.trace(source, target="a100")

    def test_a_target_of_amd_is_one_to_triton_and_to_torch(self, tracer: Tracer) -> None:
        checks = (
            "properties = torch.cuda.get_device_properties(0)",
            "assert torch.version.hip and torch.version.cuda is None",
            'assert triton.runtime.driver.active.get_current_target().backend == "hip"',
            "assert triton.runtime.driver.active.get_current_target().warp_size == properties.warp_size == 64",
            'assert properties.gcnArchName.partition(":")[0] == "gfx942"',
            "assert torch.cuda.get_device_capability() == (9, 4)",
            "return scale(x)",
        )
        tracer.trace(forward(*checks), target="mi300x")
        back = "assert torch.version.hip is None"
        tracer.trace(forward(back, "return scale(x)"), target="h200")

    def test_helpers_globals_and_functions_that_are_not_inlined(self, tracer: Tracer) -> None:
        before = """
ALPHA = tl.constexpr(3.0)
@triton.jit
def helper(v):
    return v * ALPHA
@triton.jit(noinline=True)
def far(n):
    return n + 1
"""
        text = launches(tracer.trace(kernel("helper(v) + far(n)", "k[(1,)](x, y, 128, 128)", before=before)))
        assert "tt.call @" in text[0].variants[0].ttir

    @pytest.mark.parametrize(
        "body",
        [
            "tl.extra.cuda.libdevice.rsqrt(v)",
            'tl.inline_asm_elementwise("add.f32 $0, $1, 1.0;", "=f,f", [v], dtype=tl.float32, is_pure=True, pack=1)',
            "tl.where(v > 0, v, tl.sum(v, 0))",
        ],
    )
    def test_library_calls_and_assembly_are_recorded(self, tracer: Tracer, body: str) -> None:
        assert launches(tracer.trace(kernel(body, "k[(1,)](x, y, 128, 128)")))

    def test_tuples_of_pointers_are_flattened(self, tracer: Tracer) -> None:
        source = candidate("""
            @triton.jit
            def k(pointers, n, BLOCK: tl.constexpr):
                o = tl.arange(0, BLOCK)
                tl.store(pointers[1] + o, tl.load(pointers[0] + o, mask=o < n) * 2, mask=o < n)

            class ModelNew(nn.Module):
                def forward(self, x):
                    y = torch.empty_like(x)
                    k[(1,)]((x, y), x.numel(), BLOCK=128)
                    return y
            """)
        variant = launches(tracer.trace(source))[0].variants[0]
        assert len(variant.args) == len(parse(variant.ttir).kernel.parameters) == 3

    def test_descriptors_made_on_the_device(self, tracer: Tracer) -> None:
        source = candidate("""
            @triton.jit
            def k(x_ptr, y_ptr, M, N, BM: tl.constexpr, BN: tl.constexpr):
                x = tl.make_tensor_descriptor(x_ptr, shape=[M, N], strides=[N, 1], block_shape=[BM, BN])
                y = tl.make_tensor_descriptor(y_ptr, shape=[M, N], strides=[N, 1], block_shape=[BM, BN])
                y.store([0, 0], x.load([0, 0]) * 2)

            class ModelNew(nn.Module):
                def forward(self, x):
                    triton.set_allocator(lambda size, align, stream: torch.empty(size, dtype=torch.int8, device="cuda"))
                    y = torch.empty_like(x)
                    k[(1,)](x, y, 4, 32, 4, 32)
                    return y
            """)
        assert "tt.make_tensor_descriptor" in launches(tracer.trace(source))[0].variants[0].ttir

    def test_descriptors_made_on_the_host_bring_their_sizes_and_strides(self, tracer: Tracer) -> None:
        source = candidate("""
            from triton.tools.tensor_descriptor import TensorDescriptor

            @triton.jit
            def k(x, y, BM: tl.constexpr, BN: tl.constexpr):
                y.store([0, 0], x.load([0, 0]) * 2)

            class ModelNew(nn.Module):
                def forward(self, x):
                    y = torch.empty_like(x)
                    k[(1,)](TensorDescriptor.from_tensor(x, [4, 32]), TensorDescriptor.from_tensor(y, [4, 32]), 4, 32)
                    return y
            """)
        variant = launches(tracer.trace(source))[0].variants[0]
        assert isinstance(variant.args[0], Descriptor)
        assert variant.args[1:5] == (4, 32, 32, 1)
        assert len(variant.args) == len(parse(variant.ttir).kernel.parameters)


@pytest.mark.parametrize(
    "returned",
    [
        "F.logsigmoid(x)",
        "F.layer_norm(x.half(), (32,))",
        "F.batch_norm(x, x[0], x[1].abs())",
        "F.batch_norm(x.half(), None, None, training=True)",
    ],
)
def test_what_operators_keep_for_a_backward_pass_may_differ_from_a_gpus(tracer: Tracer, returned: str) -> None:
    recorded = tracer.trace(forward(f"return {returned}"))
    x = torch.rand(4, 32)

    def launch(*_: object) -> None:
        raise AssertionError("there is none")

    output = replay(recorded, {0: x}, {}, device=torch.device("cpu"), launch=launch).output
    assert torch.equal(output, eval(returned, {"F": torch.nn.functional, "x": x}))  # noqa: S307 # from this file


@pytest.mark.parametrize(
    "statements",
    [
        ("q = x.view(1, 2, 4, 16)", "return scale(F.scaled_dot_product_attention(q, q, q, is_causal=True))"),
        ("q = x.half().view(1, 2, 4, 16)", "return scale(F.scaled_dot_product_attention(q, q, q))"),
        ("return scale(F.layer_norm(x, (32,))) + F.softmax(x, -1) + F.gelu(x) + F.silu(x)",),
        ("return scale(torch.cat([x, x], 1)), torch.stack([x, x]), x.chunk(2, 1)",),
        ("return scale(torch.einsum('ij,kj->ik', x, x)) + torch.matmul(x, x.T)",),
        ("return scale(F.conv1d(x[None], torch.ones(8, 4, 3, device=x.device)))",),
        ("return scale(F.max_pool1d(x, 2)), F.avg_pool1d(x, 2), F.interpolate(x[None], scale_factor=2)",),
        ("return scale(F.cross_entropy(x, torch.zeros(4, dtype=torch.long, device='cuda')).view(1))",),
        ("return scale(torch.fft.rfft(x).abs())",),
        ("return scale(torch.vmap(lambda row: row * 2)(x))",),
        ("v, i = torch.topk(x, 3)", "return scale(v), i, torch.sort(x)[0], x.cumsum(1), x.argmax(1)"),
        ("with torch.autocast('cuda', dtype=torch.bfloat16):", "    return scale(F.linear(x, x))"),
        ("with torch.inference_mode():", "    return scale(x * 2)"),
        ("with torch.enable_grad():", "    return scale((x * 2).requires_grad_().detach())"),
        ("y = torch.mm(x, x.T, out=torch.empty(4, 4, device='cuda'))", "return scale(y), F.hardswish(x, inplace=True)"),
        ("return scale(x[torch.tensor([0, 2], device='cuda')]), torch.sort(x, stable=True)[0]",),
        ("print(x, f'{x}')", "return scale(x)"),
    ],
)
def test_torch_around_a_kernel_traces_and_passes_validation(tracer: Tracer, statements: tuple[str, ...]) -> None:
    traced = tracer.run(forward(*statements))
    assert traced.failure is None, traced.failure
    validate(traced.traces[0], case(spec(4, 32)), load_constants(traced.blobs[0, 2027]))


@pytest.mark.parametrize(
    "statement",
    [
        "with torch.autograd.profiler.record_function('part'): y = x * 2",
        "torch.cuda.nvtx.range_push('part'); y = x * 2; torch.cuda.nvtx.range_pop()",
        "with torch.cuda.nvtx.range('part'): y = x * 2",
        "from torch.cuda.nvtx import mark; mark('part'); y = x * 2",
        "torch.cuda.nvtx.range_end(torch.cuda.nvtx.range_start('part')); y = x * 2",
    ],
)
def test_marks_for_a_profiler_leave_no_trace(tracer: Tracer, statement: str) -> None:
    marked, plain = (tracer.trace(forward(line, "return scale(y)")) for line in (statement, "y = x * 2"))
    assert marked == plain


def test_occupancy_may_be_worked_out_from_a_kernel_that_was_warmed_up(tracer: Tracer) -> None:
    source = forward(
        "y = torch.empty_like(x)",
        "warm = scale_kernel.warmup(x, y, 128, 2.0, BLOCK=128, grid=(1,))",
        "warm._init_handles()",
        "assert warm.n_spills == 0",
        "programs = min(65536 // (warm.n_regs * 32 * 4), 232448 // warm.metadata.shared)",
        "warm[(programs, 1, 1)](x, y, 128, 2.0, 128)",
        "return y",
    )
    assert launches(tracer.trace(source))[0].variants[0].grid == (16, 1, 1)


def test_autocast_computes_in_half_precision(tracer: Tracer) -> None:
    trace = tracer.trace(
        forward("with torch.autocast('cuda', dtype=torch.bfloat16):", "    return scale(F.linear(x, x))")
    )
    assert isinstance(trace.output, TensorRef)
    assert trace.values[trace.output.id].dtype == "bfloat16"


def test_a_module_inside_sequential(tracer: Tracer) -> None:
    source = candidate("""
        class Scale(nn.Module):
            def forward(self, x):
                return scale(x)

        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(32, 8), Scale(), nn.ReLU(), nn.Linear(8, 8))
            def forward(self, x):
                return self.net(x)
        """)
    trace = tracer.trace(source)
    assert [constant.key for constant in trace.constants] == [
        "parameter:net.0.weight", "parameter:net.0.bias", "parameter:net.3.weight", "parameter:net.3.bias"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [spec(4, 32, stride=(64, 1)), spec(4, 32, stride=(1, 4)), spec(4, 32, offset=3), spec(1, 32, stride=(7, 1))],
)
def test_inputs_keep_their_layout(tracer: Tracer, given: Argument) -> None:
    traced = tracer.run(forward("return scale(x * 2 + x[:, 1:].sum())"), given)
    assert traced.failure is None, traced.failure
    assert traced.traces[0].values[0] == given
    validate(traced.traces[0], case(given), load_constants(traced.blobs[0, 2027]))


def test_inputs_may_be_plain_values_and_sequences(tracer: Tracer) -> None:
    inputs: tuple[Argument, ...] = (
        spec(4, 32), 3, "mean", None, ArgumentSequence(kind="list", items=(spec(32), 2.5)),
    )  # fmt: skip
    source = forward("return scale(x * n + rest[0] * rest[1])").replace("self, x)", "self, x, n, how, nothing, rest)")
    traced = tracer.run(source, *inputs)
    assert traced.failure is None, traced.failure
    validate(traced.traces[0], case(*inputs), load_constants(traced.blobs[0, 2027]))


def test_classes_of_cuda_stand_in_annotations_in_isinstance_and_as_bases(tracer: Tracer) -> None:
    source = candidate("""
        class Timer(torch.cuda.Event):
            pass

        def launch(x, stream: torch.cuda.Stream | None = None, graph: torch.cuda.CUDAGraph | None = None,
                   event: torch.cuda.Event | None = None, device: torch.cuda.device | None = None):
            assert isinstance(torch.cuda.current_stream(), torch.cuda.Stream)
            assert torch.cuda.current_stream().cuda_stream == 0
            return scale(x)

        class ModelNew(nn.Module):
            def forward(self, x):
                return launch(x)
    """)
    assert tracer.trace(source).nodes

"""Honest candidates of every style trace, and their traces say what they do."""

import pytest
import safetensors.torch
import torch

from sandboxes.contracts import Argument, ArgumentSequence, Descriptor, TensorRef, Trace, TraceFailure
from sandboxes.hardware.targets import get_target
from sandboxes.ttir import parse
from sandboxes.validation import load_constants, validate
from tests.tracer import Tracer, calls, candidate, case, forward, launches, line_of, spec

TUNED = """
@triton.autotune(
    configs=[
        triton.Config({"BLOCK": 64}, num_warps=2, num_stages=1FIRST),
        triton.Config({"BLOCK": 128}, num_warps=4, num_stages=3SECOND),
    ],
    key=["n"]MORE
)
@triton.jit
def tuned(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 2, mask=mask)

class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        tuned[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, y, x.numel())
        return y
"""


def tuned(more: str = "", *, first: str = "", second: str = "") -> str:
    """A candidate with an autotuned kernel."""
    return candidate(TUNED.replace("MORE", more).replace("FIRST", first).replace("SECOND", second))


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


class TestAutotuning:
    def test_every_configuration_is_a_variant_with_its_own_grid_and_options(self, tracer: Tracer) -> None:
        (launch,) = launches(tracer.trace(tuned()))
        found = [(v.grid, v.num_warps, v.num_stages) for v in launch.variants]
        assert found == [((2, 1, 1), 2, 1), ((1, 1, 1), 4, 3)]
        assert launch.variants[0].config.startswith("BLOCK: 64")
        assert launch.variants[0].ttir != launch.variants[1].ttir

    @pytest.mark.parametrize(
        "more",
        [
            ', reset_to_zero=["y_ptr"]',
            ', restore_value=["y_ptr"]',
            ", warmup=5, rep=10",
            ", use_cuda_graph=True",
            ", cache_results=True",
            ", do_bench=lambda call, quantiles: [1.0] * 3",
            ', pre_hook=lambda nargs, reset_only=False: nargs["y_ptr"].zero_(), post_hook=lambda nargs, exception: 0',
        ],
    )
    def test_what_the_tuner_does_to_measure_stays_out_of_the_graph(self, tracer: Tracer, more: str) -> None:
        trace = tracer.trace(tuned(more))
        assert "zero_" not in calls(trace)
        assert "clone" not in calls(trace)
        assert [len(launch.variants) for launch in launches(trace)] == [2]

    @pytest.mark.parametrize(
        "more",
        [
            ', prune_configs_by={"early_config_prune": lambda configs, args, **_: configs[:1]}',
            ', prune_configs_by={"perf_model": lambda BLOCK, **_: BLOCK, "top_k": 1}',
        ],
    )
    def test_pruned_configurations_are_not_recorded(self, tracer: Tracer, more: str) -> None:
        (launch,) = launches(tracer.trace(tuned(more)))
        assert [variant.num_warps for variant in launch.variants] == [2]

    def test_the_hook_of_a_configuration_is_part_of_the_program(self, tracer: Tracer) -> None:
        hook = ', pre_hook=lambda nargs: nargs["y_ptr"].zero_()'
        trace = tracer.trace(tuned(first=hook, second=hook))
        assert calls(trace).count("zero_") == 1

    @pytest.mark.parametrize("with_hook", ["first", "second"])
    def test_the_hook_of_one_configuration_runs_before_every_variant(self, tracer: Tracer, with_hook: str) -> None:
        hook = ', pre_hook=lambda nargs: nargs["y_ptr"].zero_()'
        first, second = (hook, "") if with_hook == "first" else ("", hook)
        trace = tracer.trace(tuned(first=first, second=second))
        assert calls(trace).count("zero_") == 1
        assert [node.kind for node in trace.nodes[-2:]] == ["aten", "launch"]
        assert len(launches(trace)[0].variants) == 2

    def test_hooks_that_only_set_sizes_do_not_hide_one_that_clears_the_output(self, tracer: Tracer) -> None:
        sizes = ', pre_hook=lambda nargs: nargs.get("BLOCK")'
        clear = ', pre_hook=lambda nargs: nargs["y_ptr"].zero_()'
        assert "zero_" in calls(tracer.trace(tuned(first=sizes, second=clear)))

    def test_register_limits_and_clusters_are_recorded(self, tracer: Tracer) -> None:
        (launch,) = launches(tracer.trace(tuned(first=", maxnreg=64", second=", num_ctas=2")))
        assert [(variant.maxnreg, variant.num_ctas) for variant in launch.variants] == [(64, 1), (None, 2)]

    def test_a_configuration_that_does_not_compile_is_left_out(self, tracer: Tracer) -> None:
        source = tuned().replace("    mask = offsets < n\n    tl.store(y_ptr", "    tl.static_assert(BLOCK == 128)\n"
                                 "    mask = offsets < n\n    tl.store(y_ptr")  # fmt: skip
        assert "static_assert" in source
        (launch,) = launches(tracer.trace(source))
        assert [variant.num_warps for variant in launch.variants] == [4]

    def test_the_best_configuration_can_be_asked_for(self, tracer: Tracer) -> None:
        source = tuned().replace("return y", 'return y * tuned.best_config.kwargs["BLOCK"]')
        assert calls(tracer.trace(source))[-1] == "mul"


def test_heuristics_with_and_without_autotuning(tracer: Tracer) -> None:
    source = candidate("""
        @triton.heuristics({"BLOCK": lambda args: triton.next_power_of_2(args["n"])})
        @triton.jit
        def k(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
            o = tl.arange(0, BLOCK)
            tl.store(y_ptr + o, tl.load(x_ptr + o, mask=o < n) * 2, mask=o < n)

        class ModelNew(nn.Module):
            def forward(self, x):
                y = torch.empty_like(x)
                k[(1,)](x, y, x.numel())
                return y
        """)
    assert "tensor<128x" in launches(tracer.trace(source))[0].variants[0].ttir
    both = source.replace(
        "@triton.heuristics",
        "@triton.autotune(configs=[triton.Config({}, num_warps=w) for w in (1, 2, 8)], key=[])\n@triton.heuristics",
    )
    assert [variant.num_warps for variant in launches(tracer.trace(both))[0].variants] == [1, 2, 8]


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


CONSTANTS = candidate("""
    GLOBAL = torch.arange(32, dtype=torch.float32, device="cuda")

    class ModelNew(nn.Module):
        def __init__(self):
            super().__init__()
            self.parameter = nn.Parameter(torch.randn(32))
            self.register_buffer("buffer", torch.ones(32))
            self.plain = torch.full((32,), 3.0, device="cuda")
            self.listed = [torch.randn(32), (torch.randn(32).cuda(),)]
            self.named = {"a": torch.zeros(32)}
            self.tied = self.parameter
            self.expanded = torch.randn(1, 32).expand(4, 32)
            self.turned = torch.randn(32, 4).t()

        def forward(self, x):
            x = x * self.parameter + self.buffer + self.plain + self.listed[0] + self.listed[1][0] + self.named["a"]
            assert self.listed[0].is_cuda
            return scale(x + GLOBAL + self.tied + self.expanded + self.turned)
    """)


class TestConstants:
    def test_tensors_of_a_module_are_found_wherever_they_are(self, tracer: Tracer) -> None:
        traced = tracer.run(CONSTANTS)
        assert traced.failure is None, traced.failure
        trace = traced.traces[0]
        keys = [constant.key for constant in trace.constants]
        assert keys[:-3] == [
            "parameter:parameter", "buffer:buffer", "constant:plain", "constant:listed.0", "constant:listed.1.0",
            "constant:named.a",
        ]  # fmt: skip
        assert keys[-2:] == ["constant:expanded", "constant:turned"]
        data = safetensors.torch.load(traced.blobs[2027])
        assert data["constant:plain"].tolist() == [3.0] * 32
        assert data[keys[-3]].tolist() == list(range(32))
        validate(trace, case(spec(4, 32)), load_constants(traced.blobs[2027]))

    def test_weights_are_those_that_plain_torch_makes_under_the_seed(self, tracer: Tracer) -> None:
        data = safetensors.torch.load(tracer.run(CONSTANTS).blobs[2027])
        with torch.random.fork_rng():
            torch.manual_seed(2027)
            assert torch.equal(data["parameter:parameter"], torch.randn(32))
            assert torch.equal(data["constant:listed.0"], torch.randn(32))
            assert torch.equal(data["constant:listed.1.0"], torch.randn(32))
            assert torch.equal(data["constant:expanded"], torch.randn(1, 32).expand(4, 32))

    @pytest.mark.parametrize("where", ["nn.Parameter(torch.randn(32))", "[torch.randn(32)]", "torch.randn(32)"])
    def test_two_seeds_give_two_sets_of_weights(self, tracer: Tracer, where: str) -> None:
        source = candidate(f"""
            class ModelNew(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.w = {where}
                def forward(self, x):
                    return scale(x * (self.w[0] if isinstance(self.w, list) else self.w))
            """)
        traced = tracer.run(source, weight_seeds=(5, 6))
        assert [(trace.case, trace.weight_seed) for trace in traced.traces] == [("small", 5), ("small", 6)]
        first, second = (next(iter(safetensors.torch.load(traced.blobs[seed]).values())) for seed in (5, 6))
        assert not torch.equal(first, second)
        assert traced.traces[0].nodes == traced.traces[1].nodes

    def test_a_candidate_without_weights_is_traced_under_every_seed_too(self, tracer: Tracer) -> None:
        traced = tracer.run(forward("return scale(x)"), weight_seeds=(5, 6, 7))
        assert [trace.weight_seed for trace in traced.traces] == [5, 6, 7]

    @pytest.mark.parametrize(
        "statement",
        [
            'c = torch.tensor([1.0, 2.0], device="cuda").sum()',
            "c = torch.tensor([1.0] * 32).cuda()",
            "c = torch.tensor(3.0)",
            'c = torch.as_tensor([1.0] * 32, device=x.device)',
            "c = torch.ones(32).to(x)",
            'c = torch.ones(32).to("cuda", non_blocking=True)',
            "import numpy; c = torch.from_numpy(numpy.ones(32, dtype=numpy.float32)).cuda()",
            'c = x.new_zeros(32) + torch.arange(32, device="cuda:0")',
        ],
    )  # fmt: skip
    def test_small_tensors_may_be_made_in_forward(self, tracer: Tracer, statement: str) -> None:
        traced = tracer.run(forward(statement, "return scale(x) * c"))
        assert traced.failure is None, traced.failure
        validate(traced.traces[0], case(spec(4, 32)), load_constants(traced.blobs[2027]))

    def test_a_kernel_may_take_a_tensor_of_the_module_s_globals(self, tracer: Tracer) -> None:
        source = candidate("""
            TABLE = torch.arange(128, dtype=torch.float32, device="cuda")

            class ModelNew(nn.Module):
                def forward(self, x):
                    y = torch.empty_like(x)
                    scale_kernel[(1,)](TABLE, y, 128, 2.0, BLOCK=128)
                    return y + x
            """)
        trace = tracer.trace(source)
        assert [constant.role for constant in trace.constants] == ["constant"]
        assert launches(trace)[0].variants[0].args[0] == TensorRef(id=trace.constants[0].value)

    def test_a_module_may_move_itself_to_the_gpu(self, tracer: Tracer) -> None:
        source = candidate("""
            class ModelNew(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.a = nn.Linear(32, 32, device="cuda").cuda()
                    self.b = nn.Linear(32, 32).to("cuda").half()
                    self.c = torch.zeros(32, device=torch.device("cuda", 0))
                    with torch.device("cuda"):
                        self.d = torch.ones(32)
                    self.cuda()
                def forward(self, x):
                    return scale(self.b(self.a(x).half() + self.c.half() + self.d.half()))
            """)
        assert [value.dtype for value in tracer.trace(source).values][-1] == "float16"


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
    validate(traced.traces[0], case(spec(4, 32)), load_constants(traced.blobs[2027]))


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
    validate(traced.traces[0], case(given), load_constants(traced.blobs[2027]))


def test_inputs_may_be_plain_values_and_sequences(tracer: Tracer) -> None:
    inputs: tuple[Argument, ...] = (
        spec(4, 32), 3, "mean", None, ArgumentSequence(kind="list", items=(spec(32), 2.5)),
    )  # fmt: skip
    source = forward("return scale(x * n + rest[0] * rest[1])").replace("self, x)", "self, x, n, how, nothing, rest)")
    traced = tracer.run(source, *inputs)
    assert traced.failure is None, traced.failure
    validate(traced.traces[0], case(*inputs), load_constants(traced.blobs[2027]))


def test_equal_candidates_have_equal_traces(tracer: Tracer) -> None:
    first, second = tracer.trace(tuned()), tracer.trace(tuned())
    assert first == second
    assert 'loc("candidate.py"' in launches(first)[0].variants[0].ttir


class TestState:
    @pytest.mark.parametrize(
        ("before", "keep", "look"),
        [
            ("", "self.kept = w", "getattr(self, 'kept', None)"),
            ("", "self.table['w'] = w", "self.table.get('w')"),
            ("", "self.inner.kept = w", "getattr(self.inner, 'kept', None)"),
            ("", "ModelNew.kept = w", "getattr(ModelNew, 'kept', None)"),
            ("", "forward_helper.kept = w", "getattr(forward_helper, 'kept', None)"),
            ("KEPT = {}", "KEPT[x.device] = w", "KEPT.get(x.device)"),
            ("KEPT = []", "KEPT.append(w)", "KEPT[0] if KEPT else None"),
            ("KEPT = (Box(),)", "KEPT[0].kept = w", "getattr(KEPT[0], 'kept', None)"),
            ("KEPT = None", "globals()['KEPT'] = w", "KEPT"),
            ("", "globals()['LATE'] = w", "globals().get('LATE')"),
            ("@functools.lru_cache\ndef buffer(n): return torch.zeros(n, device='cuda')",
             "pass", "buffer(32) + torch.empty(32, device='cuda')"),
        ],
    )  # fmt: skip
    def test_every_case_and_seed_is_a_first_call(self, tracer: Tracer, before: str, keep: str, look: str) -> None:
        source = candidate(f"""
import functools
class Box: pass
class Slim: __slots__ = ("a",)
SLIM = Slim()
def forward_helper(): pass
{before}
class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.table, self.inner = nn.Parameter(torch.randn(32)), dict(), nn.ReLU()
    def forward(self, x):
        w = {look}
        if w is None:
            w = self.weight * 2
            {keep}
        return scale(x * w)
""")
        cases = tuple(case(spec(rows, 32), name=f"rows={rows}") for rows in (4, 8))
        traced = tracer.run(source, cases=cases, weight_seeds=(5, 6))
        assert traced.failure is None, traced.failure
        assert len({tuple(calls(trace)) for trace in traced.traces}) == 1
        if keep != "pass":
            assert all(
                [constant.key for constant in trace.constants] == ["parameter:weight"] for trace in traced.traces
            )

    def test_what_init_left_is_still_there_in_every_case(self, tracer: Tracer) -> None:
        source = candidate("""
            PLANS = []
            class ModelNew(nn.Module):
                def __init__(self):
                    super().__init__()
                    PLANS.append(2)
                    self.table = {"a": torch.ones(32)}
                def forward(self, x):
                    (factor,) = PLANS
                    PLANS.clear()
                    return scale(x + self.table.pop("a"), factor)
            """)
        cases = tuple(case(spec(rows, 32), name=f"rows={rows}") for rows in (4, 8))
        traced = tracer.run(source, cases=cases, weight_seeds=(5, 6))
        assert traced.failure is None, traced.failure


def test_state_hidden_from_the_tracer_is_refused_with_a_hint(tracer: Tracer) -> None:
    source = forward("y = hidden() if filled() else hidden(scale(x))", "return scale(y)").replace(
        "class ModelNew",
        "def box():\n"
        "    kept = None\n"
        "    def hidden(value=None):\n"
        "        nonlocal kept\n"
        "        kept = kept if value is None else value\n"
        "        return kept\n"
        "    return hidden, lambda: kept is not None\n\n"
        "hidden, filled = box()\n\nclass ModelNew",
    )
    cases = (case(spec(4, 32), name="first"), case(spec(4, 32), name="second"))
    failure: TraceFailure = tracer.failure(source, cases=cases)
    assert (failure.outcome, failure.case) == ("untraceable", "second")
    assert "earlier call" in (failure.hint or "")

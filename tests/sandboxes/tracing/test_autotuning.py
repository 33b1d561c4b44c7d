"""Every configuration of an autotuned kernel becomes a variant of one launch."""

import pytest

from tests.tracer import Tracer, calls, candidate, launches

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


class TestAutotuning:
    def test_every_configuration_is_a_variant_with_its_own_grid_and_options(self, tracer: Tracer) -> None:
        (launch,) = launches(tracer.trace(tuned()))
        found = [(v.grid, v.num_warps, v.num_stages) for v in launch.variants]
        assert found == [((2, 1, 1), 2, 1), ((1, 1, 1), 4, 3)]
        assert launch.variants[0].config.startswith("BLOCK: 64")
        assert launch.variants[0].ttir != launch.variants[1].ttir

    def test_the_best_configuration_is_the_one_that_fits_most_easily(self, tracer: Tracer) -> None:
        source = tuned().replace("return y", "assert tuned.best_config.kwargs == {'BLOCK': 64}; return y")
        assert launches(tracer.trace(source))

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


def test_equal_candidates_have_equal_traces(tracer: Tracer) -> None:
    first, second = tracer.trace(tuned()), tracer.trace(tuned())
    assert first == second
    assert 'loc("candidate.py"' in launches(first)[0].variants[0].ttir

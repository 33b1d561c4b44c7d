"""What a candidate keeps: constants made before `forward`, and nothing from one `forward` to the next."""

import pytest
import safetensors.torch
import torch

from sandboxes.contracts import TensorRef, TraceFailure
from sandboxes.validation import load_constants, validate
from tests.tracer import Tracer, calls, candidate, case, forward, launches, spec

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
        data = safetensors.torch.load(traced.blobs[0, 2027])
        assert data["constant:plain"].tolist() == [3.0] * 32
        assert data[keys[-3]].tolist() == list(range(32))
        validate(trace, case(spec(4, 32)), load_constants(traced.blobs[0, 2027]))

    def test_weights_are_those_that_plain_torch_makes_under_the_seed(self, tracer: Tracer) -> None:
        data = safetensors.torch.load(tracer.run(CONSTANTS).blobs[0, 2027])
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
        first, second = (next(iter(safetensors.torch.load(traced.blobs[0, seed]).values())) for seed in (5, 6))
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
        validate(traced.traces[0], case(spec(4, 32)), load_constants(traced.blobs[0, 2027]))

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

"""What a GPU has computed is judged there, by a truth that was nowhere before."""

import gc
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import sandboxes.trials
from sandboxes.contracts import Outcome
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.running import needed_bytes
from sandboxes.devices.cuda.simulated.simulated_gpu import Incident, SimulatedKernel
from sandboxes.devices.device import Rival
from sandboxes.faults import Fault
from sandboxes.hardware.targets import get_target
from sandboxes.judge import compare
from sandboxes.reference_trace import trace_reference
from sandboxes.truth import Expected, Truth
from tests.sandboxes.devices.cuda.programs import CONFIG, QuickGpu, Trialled
from tests.tracer import Tracer, forward, line_of

DOUBLE = forward("return scale(x)")


def test_a_right_candidate_passes(tracer: Tracer) -> None:
    results = Trialled(tracer, DOUBLE).check()
    assert [result.passed for result in results] == [True] * 3
    assert sum(result.trials for result in results) > 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (forward("return scale(x, 2.5)"), "1.2 times as large"),
        (
            forward("y = torch.empty_like(x)", "scale_kernel[(1,)](x, y, 50, 2.0, BLOCK=256)", "return y"),
            "never stored",
        ),
        (forward("return scale(x)[:-1]"), "shape"),
        (forward("return scale(x).expand(2, -1)[0]", "").replace("expand(2, -1)[0]", "double()"), "float64"),
        (forward("y = scale(x)", "scale_kernel[(1,)](y, x, 1, 0.0, BLOCK=256)", "return y"), "input 0 was changed"),
        (forward("return scale(x), x"), "returns a tensor"),
    ],
    ids=["a wrong factor", "half of it", "shape", "dtype", "input", "structure"],
)
def test_a_wrong_candidate_is_told_what_is_wrong(tracer: Tracer, source: str, words: str) -> None:
    with pytest.raises(Fault, match=words) as caught:
        Trialled(tracer, source).check()
    assert caught.value.outcome is Outcome.INCORRECT


class Explicit(TorchFunctionMode):
    """Refuses to make a tensor without being told on which device: it would be the wrong one."""

    FACTORIES = frozenset(
        {"arange", "full", "empty", "zeros", "ones", "tensor", "rand", "randn", "randint", "linspace"}
    )

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        assert name not in self.FACTORIES or "device" in (kwargs or {}), name
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "made", ["right", "noise", "one off", "untouched", "shifted", "transposed", "expanded", "tail"]
)
def test_judging_and_explaining_make_no_tensor_anywhere_else(made: str) -> None:
    right = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    expected = Expected(label="output", value=right, dtype=torch.float32, tolerance=1e-4, mean_tolerance=1e-5)
    truth = Truth(inputs=[right.clone()], outputs=(expected,), structure="tensor", changed_inputs=frozenset())
    wrong = right.clone()
    wrong[38:] = 0
    outputs = {
        "right": right.clone(),
        "noise": right + 1e-3,
        "one off": right.index_put((torch.tensor(3), torch.tensor(5)), torch.tensor(9.0)),
        "untouched": torch.full_like(right, float("nan")),
        "shifted": right.roll(1, 1),
        "transposed": right.reshape(64, 40).t().contiguous(),
        "expanded": right[:1].expand(40, 64),
        "tail": wrong,
    }
    with Explicit():
        assert compare(truth, outputs[made], [right.clone()]).passed is (made == "right")


class Looking(QuickGpu):
    """Looks around at every launch: for a tensor that holds the truth, anywhere in the process."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []
        self.given: list[torch.Tensor] = []

    def memory(self, size: int) -> torch.Tensor:
        self.given.append(block := super().memory(size))
        return block

    def launch(self, kernel: SimulatedKernel, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        truth = args[0].double() * 2
        self.seen += [
            item
            for item in gc.get_objects()
            if type(item) is torch.Tensor
            and item is not truth
            and item.shape == truth.shape
            and item.is_floating_point()
            and torch.allclose(item.double(), truth)
        ]
        wanted = args[0] * 2
        self.seen += [block for block in self.given if bytes(wanted.numpy()) in bytes(block.numpy())]
        super().launch(kernel, grid, args)


def test_the_truth_is_nowhere_before_the_candidate_has_run(tracer: Tracer) -> None:
    gpu = Looking()
    trialled = Trialled(tracer, DOUBLE, gpu=gpu)
    comparison, _ = trialled.court.run(trialled.program, trialled.bench, {})
    assert comparison.passed
    assert gpu.given
    assert gpu.seen == []


def test_whoever_looks_for_the_truth_would_find_it(tracer: Tracer) -> None:
    gpu = Looking()
    trialled = Trialled(tracer, DOUBLE, gpu=gpu)
    drawn = trialled.reference.draw(trialled.bench.case, trialled.bench.distribution, trialled.bench.seed)
    known = drawn[0].double() * 2
    gpu.memory(4 * 1000).view(torch.float32).copy_(known)
    trialled.court.run(trialled.program, trialled.bench, {})
    assert any(item is known for item in gpu.seen)
    assert any(item is gpu.given[0] for item in gpu.seen)


def test_truths_are_computed_for_each_trial_and_never_kept(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    trialled = Trialled(tracer, DOUBLE)
    homes: list[object] = []
    compute = sandboxes.trials.compute_truth

    def noted(reference: Any, trial: Any, home: Any, drawn: Any) -> Any:
        homes.append(home)
        return compute(reference, trial, home, drawn)

    monkeypatch.setattr(sandboxes.trials, "compute_truth", noted)
    for _ in range(2):
        trialled.court.check_bench(trialled.program, trialled.bench, {})
    assert homes == [trialled.device.home] * 2


def test_kernels_that_matter_are_found_out_on_the_executor(tracer: Tracer) -> None:
    trialled = Trialled(tracer, DOUBLE, gpu=QuickGpu(memory_bytes=0))
    seen = trialled.court.observe(trialled.program, trialled.bench, trialled.programs, trialled.trials, {})
    assert [facts.influences for facts in seen.kernels] == [True]


ONE_TOO_MANY = forward(
    "y = torch.empty_like(x)",
    "scale_kernel[(triton.cdiv(x.numel() + 1, 256),)](x, y, x.numel() + 1, 2.0, BLOCK=256)",
    "return y",
)


def test_a_store_beyond_an_output_is_told_with_line_tensor_and_index(tracer: Tracer) -> None:
    with pytest.raises(Fault) as caught:
        Trialled(tracer, ONE_TOO_MANY).check()
    fault, diagnostic = caught.value, caught.value.diagnostic
    assert fault.outcome is Outcome.MEMORY_ERROR
    assert "accesses element 100 of argument" in diagnostic.message
    assert "which has 100 elements" in diagnostic.message
    assert "on the GPU: guard overwritten: a kernel wrote behind the end of the float32[100]" in diagnostic.message
    assert diagnostic.line == line_of(ONE_TOO_MANY, "tl.store")
    assert diagnostic.hint
    assert isinstance(fault.__cause__, GpuError)
    assert not fault.__cause__.fault.spoils


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (GpuFault.ILLEGAL_ACCESS, Outcome.MEMORY_ERROR),
        (GpuFault.MISALIGNED, Outcome.MEMORY_ERROR),
        (GpuFault.ASSERTION, Outcome.INCORRECT),
        (GpuFault.TRAP, Outcome.LAUNCH_ERROR),
        (GpuFault.OUT_OF_RESOURCES, Outcome.LAUNCH_ERROR),
        (GpuFault.OUT_OF_MEMORY, Outcome.LAUNCH_ERROR),
    ],
)
def test_a_fault_without_a_cause_is_told_in_the_words_of_the_gpu(
    tracer: Tracer, fault: GpuFault, outcome: Outcome
) -> None:
    gpu = QuickGpu(incidents=[Incident(after_launches=0, fault=fault)])
    with pytest.raises(Fault) as caught:
        Trialled(tracer, DOUBLE, gpu=gpu).check()
    assert caught.value.outcome is outcome
    assert f"kernel 'scale_kernel': {fault}" in caught.value.diagnostic.message
    assert "CUDA_ERROR" in caught.value.diagnostic.message
    assert caught.value.diagnostic.line == line_of(DOUBLE, "scale_kernel[")
    assert caught.value.diagnostic.case == "n=100"
    cause = caught.value.__cause__
    assert isinstance(cause, GpuError)
    assert cause.fault is fault


def test_a_gpu_that_is_lost_is_nobodys_fault(tracer: Tracer) -> None:
    gpu = QuickGpu(incidents=[Incident(after_launches=0, fault=GpuFault.LOST)])
    with pytest.raises(GpuLost):
        Trialled(tracer, DOUBLE, gpu=gpu).check()


def test_a_variant_that_faults_while_it_is_measured_is_told_like_any_other(tracer: Tracer) -> None:
    source = ONE_TOO_MANY.replace(
        "@triton.jit\ndef scale_kernel",
        '@triton.autotune([triton.Config({"BLOCK": b}) for b in (64, 256)], key=["n"])\n@triton.jit\ndef scale_kernel',
    ).replace(", BLOCK=256)", ")")
    trialled = Trialled(tracer, source)
    with pytest.raises(Fault, match="accesses element 1000 of argument") as caught:
        trialled.court.choose(
            trialled.program, trialled.bench, lambda order: trialled.program, get_target(CONFIG.target)
        )
    assert caught.value.diagnostic.stage == "compile"


def test_a_candidate_that_fits_alone_but_not_beside_the_reference_is_not_blamed(tracer: Tracer) -> None:
    roomy = Trialled(tracer, DOUBLE)
    roomy.check()
    needed = needed_bytes(roomy.program, [torch.zeros(1000)], guarded=True)
    tried = Trialled(tracer, DOUBLE, gpu=QuickGpu(memory_bytes=needed + needed // 2))
    choice = {node: 0 for node, _ in tried.program.kernels}
    _, run = tried.court.check_bench(tried.program, tried.bench, choice)
    rival = Rival(
        reference=tried.reference, graph=trace_reference(tried.reference, tried.bench.case), trial=tried.bench
    )
    with pytest.raises(Fault, match=r"MiB for the candidate's tensors") as caught:
        tried.court.profile(tried.program, tried.bench, choice, run, rival, get_target(CONFIG.target))
    assert caught.value.outcome is Outcome.UNSUPPORTED
    assert "more memory" in (caught.value.diagnostic.hint or "")

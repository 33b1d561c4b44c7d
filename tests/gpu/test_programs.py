"""Programs of every shape are replayed on a GPU as they are on the CPU: same verdict, and a measured time."""

import pytest

from kernelgym.problems import Problem
from sandboxes.contracts import Outcome, Profile, ProfileSource, Report, Stage, TimingFlag
from sandboxes.devices.cuda.timing.sampling import LEAST_ROUNDS, WIDTH
from sandboxes.devices.cuda.timing.statistics import FIRST_LOOK, LOOKS
from tests.gpu import programs
from tests.gpu.conftest import Bench, Judge


def profile_of(report: Report) -> Profile:
    """The profile of a candidate that is right."""
    assert report.outcome is Outcome.OK, report.diagnostics
    assert report.profile is not None
    return report.profile


@pytest.mark.parametrize("name", ["HONEST", "IN_PLACE", "VIEWS", "DESCRIPTORS", "AUTOTUNED"])
def test_an_honest_program_is_right_on_both_devices_and_its_bench_case_is_verified(name: str, judge: Judge) -> None:
    source, problem = getattr(programs, name), programs.scale_problem()
    on_cpu, on_gpu = judge.on_cpu(source, problem), judge.on_gpu(source, problem)
    assert (on_cpu.outcome, on_gpu.outcome) == (Outcome.OK, Outcome.OK), on_gpu.diagnostics
    assert on_gpu.bench is not None
    assert on_gpu.bench.verified
    assert {case.case for case in on_gpu.cases} >= {case.case for case in on_cpu.cases}


def test_a_measured_profile_names_the_gpu_and_a_simulated_one_never_passes_for_measured(judge: Judge) -> None:
    profile = profile_of(judge.on_gpu(programs.HONEST, programs.scale_problem()))
    assert profile.measurement is not None
    assert profile.measurement.simulated == judge.bench.facts.simulated
    if judge.bench.facts.simulated:
        assert profile.source is ProfileSource.MODELLED
        assert "simulated" in profile.device.lower()
    else:
        assert profile.source is ProfileSource.MEASURED
        assert profile.device == judge.bench.facts.title
        assert {"driver", "torch", "triton"} <= profile.measurement.versions.keys()


def test_a_speedup_has_an_interval_that_holds_it_and_is_narrow_unless_the_time_was_up(judge: Judge) -> None:
    report = judge.on_gpu(programs.HONEST, programs.scale_problem())
    profile = profile_of(report)
    assert profile.speedup_interval is not None
    assert profile.measurement is not None
    low, high = profile.speedup_interval
    assert low <= profile.speedup <= high
    unstable = TimingFlag.UNSTABLE in profile.measurement.flags
    assert unstable == ((high - low) / profile.speedup >= WIDTH)
    assert profile.measurement.rounds >= LEAST_ROUNDS
    if unstable:
        share = 0.5 if judge.bench.facts.simulated else 0.9  # which leaves no room for one more round
        up = report.timings_s[Stage.PROFILE] > share * report.config.measure_timeout_s
        assert up or profile.measurement.rounds >= FIRST_LOOK << (LOOKS - 1)
    assert profile.measurement.floor_us <= profile.time_us


def test_all_variants_of_an_autotuned_kernel_are_measured_and_one_is_chosen(judge: Judge) -> None:
    profile = profile_of(judge.on_gpu(programs.AUTOTUNED, programs.scale_problem()))
    assert profile.measurement is not None
    assert profile.measurement.variants >= 3
    kernels = [node for node in profile.nodes if node.custom]
    assert [bool(node.config) for node in kernels] == [True]
    honest = profile_of(judge.on_gpu(programs.HONEST, programs.scale_problem()))
    assert profile.time_us < 2 * honest.time_us, "choosing was charged"


def test_a_number_that_is_read_back_is_replayed_and_said_to_be_no_graph(judge: Judge) -> None:
    problem = programs.read_back_problem()
    report = judge.on_gpu(programs.READING_BACK, problem)
    assert judge.on_cpu(programs.READING_BACK, problem).outcome is report.outcome
    measurement = profile_of(report).measurement
    assert measurement is not None
    assert TimingFlag.NOT_CAPTURED in measurement.flags
    honest = profile_of(judge.on_gpu(programs.HONEST, programs.scale_problem())).measurement
    assert honest is not None
    assert TimingFlag.NOT_CAPTURED not in honest.flags


@pytest.mark.parametrize(
    ("policy", "dots", "right"),
    [("tf32", "tf32", True), ("tf32", "ieee", True), ("fp32", "ieee", True), ("fp32", "tf32", False)],
)
def test_the_precision_policy_holds_for_both_sides(policy: str, dots: str, right: bool, judge: Judge) -> None:
    source, problem = programs.matmul(dots), programs.matmul_problem()
    on_gpu = judge.on_gpu(source, problem, precision=policy)
    assert on_gpu.outcome is (Outcome.OK if right else Outcome.INCORRECT), on_gpu.diagnostics
    assert judge.on_cpu(source, problem, precision=policy).outcome is on_gpu.outcome


def test_inline_ptx_that_is_known_to_be_harmless_runs_on_a_gpu_alone(judge: Judge) -> None:
    problem: Problem = programs.scale_problem()
    assert judge.on_cpu(programs.INLINE, problem).outcome is Outcome.UNSUPPORTED
    if judge.bench.facts.simulated:
        pytest.skip("the simulated GPU runs kernels on the CPU executor, which knows no PTX")
    report = judge.on_gpu(programs.INLINE, problem)
    assert report.outcome is Outcome.OK
    assert report.speedup is None, "nobody has looked for loads beyond its tensors"


def test_the_reference_is_also_timed_under_torch_compile(judge: Judge) -> None:
    profile = profile_of(judge.on_gpu(programs.HONEST, programs.scale_problem()))
    if profile.compiled_reference_time_us is None:
        assert judge.bench.facts.simulated, "torch.compile gave no time on a real GPU"
        pytest.skip("torch.compile is not timed on a simulated GPU")
    assert profile.compiled_reference_time_us < 5 * profile.reference_time_us


def test_the_sandbox_that_traces_sees_no_gpu(judge: Judge) -> None:
    report = judge.on_gpu(programs.LOOKS_FOR_THE_GPU, programs.scale_problem())
    assert report.outcome is Outcome.OK, report.diagnostics


def test_a_program_that_is_wrong_at_the_bench_case_alone_is_incorrect(bench: Bench, judge: Judge) -> None:
    report = judge.on_gpu(programs.WRONG_AT_BENCH, programs.scale_problem())
    assert report.outcome is Outcome.INCORRECT
    assert str(programs.BENCH) in (report.diagnostics[0].case or "")


def test_a_program_that_works_in_its_first_call_alone_is_not_timed_without_its_work(judge: Judge) -> None:
    """What an earlier run has left behind is put back before each timed one, whose output is verified, too."""
    problem = programs.scale_problem()
    report = judge.on_gpu(programs.LAZY, problem)
    if report.outcome is Outcome.OK:
        assert profile_of(report).time_us > 0.95 * profile_of(judge.on_gpu(programs.HONEST, problem)).time_us
    else:
        assert report.outcome is Outcome.INCORRECT

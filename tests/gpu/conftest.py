"""The GPU that tests run on: this machine's, or a simulated one for rehearsals of the very same tests."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from benchmarks.gpu.setting import fitting_target
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import EvalConfig, Report, Submission
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.gpu import SIMULATED, Gpu, GpuFacts
from sandboxes.devices.cuda.opening import find_gpu, open_gpu

REHEARSED_S = 0.2
"""Time for timing on a simulated GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A GPU to test on, not opened yet."""

    name: str
    """What `open_gpu` takes."""
    facts: GpuFacts
    target: str

    def config(self, **settings: object) -> EvalConfig:
        """A configuration that names this GPU. Where times are made up, little time is spent on them."""
        usual = {"measure_timeout_s": REHEARSED_S} if self.facts.simulated else {}
        return EvalConfig.model_validate({"device": "cuda", "target": self.target, **usual, **settings})

    def few(self, simulated: int, real: int) -> int:
        """A number of repetitions: fewer in a rehearsal."""
        return simulated if self.facts.simulated else real


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Evaluates candidates on a GPU and, for comparison, without it."""

    bench: Bench
    evaluator: LocalEvaluator

    def on_gpu(self, source: str, problem: Problem, **settings: object) -> Report:
        """The report of a candidate on the GPU."""
        return self.evaluator.evaluate(Submission(source=source), problem, self.bench.config(**settings))

    def on_cpu(self, source: str, problem: Problem, **settings: object) -> Report:
        """The report of the same candidate on the CPU."""
        config = self.bench.config(**settings).model_copy(update={"device": "cpu"})
        return self.evaluator.evaluate(Submission(source=source), problem, config)


@pytest.fixture(
    scope="session",
    params=[pytest.param("auto", marks=pytest.mark.gpu), pytest.param(SIMULATED, marks=pytest.mark.slow)],
)
def bench(request: pytest.FixtureRequest) -> Bench:
    """This machine's GPU, and a simulated one."""
    try:
        facts = find_gpu(request.param)
        return Bench(name=request.param, facts=facts, target=fitting_target(facts))
    except NoGpu as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def judge(bench: Bench) -> Iterator[Judge]:
    """An evaluator with one worker that has a GPU."""
    with LocalEvaluator(gpu=bench.name) as evaluator:
        yield Judge(bench=bench, evaluator=evaluator)


@pytest.fixture(scope="module")
def gpu(bench: Bench) -> Iterator[Gpu]:
    """The GPU, opened in this process: for kernels that do no harm."""
    opened = open_gpu(bench.name)
    yield opened
    opened.close()

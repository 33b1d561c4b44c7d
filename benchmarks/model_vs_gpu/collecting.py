"""Measures kernels on a GPU and keeps what the model prices them from.

Times come from the evaluator that everybody uses, in processes that a fault may end. The facts of a program do not
leave such a process; they are gathered here, where the same program is evaluated with `device="cpu"`: what that says is
what earns reward without a GPU. Where GPU and model choose different autotuned variants, the modelled time is the one
in the report of the measurement, which is of the GPU's choice, and there are no facts.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from unittest.mock import patch

from benchmarks.gpu.keeping import simulated_reports
from benchmarks.gpu.setting import Setting
from benchmarks.model_vs_gpu.explanations import of_profile
from benchmarks.model_vs_gpu.record import Facts, Kernel, Times
from benchmarks.model_vs_gpu.subjects import Subject
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from rewards.hacks import gate
from sandboxes.contracts import EvalConfig, Measurement, Profile, Report, TimingFlag
from sandboxes.devices import modelled
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing.programs import PricedNode, ProgramPrices
from sandboxes.isolation import ProcessSandbox
from sandboxes.pipeline import Pipeline
from sandboxes.tracing.service import ENTRY

PORTION: Final = 4
"""Kernels per worker that are asked for at once; between portions somebody looks at the clock."""
DOUBTFUL: Final = frozenset({TimingFlag.BELOW_FLOOR, TimingFlag.THROTTLED, TimingFlag.DISAGREEING})
"""Measurements that say nothing of the model."""


class Gatherer:
    """Evaluates candidates on the CPU in this process and keeps what they are priced from. Close it.

    Args:
        target: Name of the GPU.
    """

    def __init__(self, target: str) -> None:
        self._config = EvalConfig(target=target)
        self._sandbox = ProcessSandbox(ENTRY)
        self._pipeline = Pipeline(self._sandbox, gate)

    def close(self) -> None:
        """Ends the sandbox."""
        self._pipeline.close()
        self._sandbox.close()

    def gather(self, subject: Subject) -> tuple[Profile, Facts, Facts] | None:
        """Returns what the model says of a candidate, and what it says so from; None if it is not right there."""
        seen: list[Facts] = []

        class Recording(ProgramPrices):
            def __init__(self, *args: Any, **settings: Any) -> None:
                super().__init__(*args, **settings)
                self._storages = dict(settings.get("sizes") or {})
                self._first = True

            def __call__(self, nodes: Sequence[ProgramNode]) -> list[PricedNode]:
                if self._first:  # later ones are counterfactuals
                    seen.append(Facts(nodes=tuple(nodes), sizes=self._storages))
                self._first = False
                return super().__call__(nodes)

        with patch.object(modelled, "ProgramPrices", Recording):
            report = self._pipeline.evaluate(subject.submission, get_problem(subject.problem).reference, self._config)
        if report.profile is None:
            return None
        candidate, reference = seen[-2:]  # as `modelled_profile` prices them
        return report.profile, candidate, reference


def collect(setting: Setting, subjects: Sequence[Subject]) -> tuple[list[Kernel], dict[str, Any]]:
    """Returns kernels as long as there is time, and how many could not be used for which reason."""
    end = time.monotonic() + setting.seconds
    portion = PORTION * setting.workers
    kernels: list[Kernel] = []
    left_out: dict[str, int] = {}
    reports: list[Report] = []
    gatherer = Gatherer(setting.target)
    try:
        with LocalEvaluator(gpu=setting.gpu, workers=setting.workers) as evaluator:
            for start in range(0, len(subjects), portion):
                if start and time.monotonic() >= end:
                    left_out["no time left"] = len(subjects) - start
                    break
                for subject, report in measured(evaluator, setting, subjects[start : start + portion]):
                    reports.append(report)
                    if (reason := unusable(report)) is not None:
                        left_out[reason] = left_out.get(reason, 0) + 1
                    else:
                        kernels.append(record(subject, report, gatherer.gather(subject)))
    finally:
        gatherer.close()
    return kernels, {"left_out": left_out, "simulated_reports": simulated_reports(reports)}


def measured(
    evaluator: LocalEvaluator, setting: Setting, subjects: Sequence[Subject]
) -> Iterator[tuple[Subject, Report]]:
    """Yields the report of each kernel as it comes in."""
    requests = [(subject.submission, get_problem(subject.problem), setting.config()) for subject in subjects]
    for number, report in evaluator.evaluate_many(requests):
        yield subjects[number], report


def unusable(report: Report) -> str | None:
    """Returns why a report says nothing of the model; None if it does."""
    if report.profile is None:
        return f"outcome {report.outcome}"
    measurement = report.profile.measurement
    if report.bench is None or not report.bench.verified or measurement is None:
        return "the bench case was not measured"
    if not measurement.modelled_time_us or not measurement.modelled_reference_time_us:
        return "the model has no price"
    if doubts := sorted(flag for flag in measurement.flags if flag in DOUBTFUL):
        return f"measurement is {doubts[0]}"
    return None


def record(subject: Subject, report: Report, gathered: tuple[Profile, Facts, Facts] | None) -> Kernel:
    """Returns what is kept of a measured kernel.

    Args:
        subject: The kernel.
        report: Of the measurement, which is usable.
        gathered: What the model says, and what it says so from.
    """
    profile = report.profile
    assert profile is not None
    assert profile.measurement is not None
    same = gathered is not None and variants(gathered[0]) == variants(profile) and whole(gathered[0])
    modelled_times = _modelled(profile.measurement)
    if gathered is not None and same:
        modelled_times = Times(candidate_us=gathered[0].time_us, reference_us=gathered[0].reference_time_us)
    return Kernel(
        name=subject.name,
        problem=subject.problem,
        kind=subject.kind,
        measured=Times(candidate_us=profile.measurement.measured_time_us, reference_us=profile.reference_time_us),
        modelled=modelled_times,
        band_us=None if gathered is None else band(gathered[0], modelled_times.candidate_us),
        explanation=of_profile(profile if gathered is None else gathered[0]),
        measured_nodes_us={node.node: round(node.time_us, 3) for node in profile.nodes},
        candidate=gathered[1] if gathered is not None and same else None,
        reference=gathered[2] if gathered is not None and same else None,
    )


def variants(profile: Profile) -> dict[int, str]:
    """Returns the autotuned variant of each launch that was chosen."""
    return {node.node: node.config for node in profile.nodes if node.custom}


def whole(profile: Profile) -> bool:
    """Returns whether every node has a price; what has none costs nothing in a profile, but something by its facts."""
    return not any(node.unpriced for node in profile.nodes)


def _modelled(measurement: Measurement) -> Times:
    assert measurement.modelled_time_us is not None
    assert measurement.modelled_reference_time_us is not None
    return Times(candidate_us=measurement.modelled_time_us, reference_us=measurement.modelled_reference_time_us)


def band(profile: Profile, time_us: float) -> tuple[float, float] | None:
    """Returns the band of a program around `time_us`, as wide as the model's; None if a node has none."""
    bands = [node.band_us for node in profile.nodes]
    if not profile.time_us or any(each is None for each in bands):
        return None
    low, high = (sum(each[end] for each in bands if each is not None) / profile.time_us for end in (0, 1))
    return low * time_us, high * time_us

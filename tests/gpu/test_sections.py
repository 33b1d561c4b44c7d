"""Profilers look at a candidate on the GPU, where they are installed and may; a simulated one has nothing to show."""

import pytest

from kernelgym.evaluators.messages import Handover, Job
from kernelgym.evaluators.staged import StagedEvaluator
from sandboxes.contracts import Submission
from sandboxes.devices.cuda.sections import nsight
from sandboxes.devices.cuda.sections.folder import Assignment
from sandboxes.devices.cuda.sections.looking import absent, look
from sandboxes.devices.cuda.sections.section import Section, Tool
from tests.gpu.conftest import Bench
from tests.gpu.programs import VIEWS, scale_problem


def section(bench: Bench, tool: Tool) -> Section:
    """What a tool says about a candidate that launches twice and copies afterwards."""
    submission, problem = Submission(source=VIEWS), scale_problem()
    job = Job(submission=submission, reference=problem.reference, config=bench.config())
    with StagedEvaluator(gpu=bench.name) as evaluator:
        traced = evaluator.trace(job)
    assert isinstance(traced, Handover), traced
    assignment = Assignment(
        submission=submission, reference=problem.reference, config=job.config, gpu=bench.name, tool=tool
    )
    return look(assignment, traced.bundle)


@pytest.mark.parametrize("tool", Tool)
def test_a_tool_sees_both_launches_and_knows_whose_they_are(bench: Bench, tool: Tool) -> None:
    if (nobody := absent(tool, bench.name)) is not None:
        assert nobody.notes
        pytest.skip(nobody.notes[0])
    found = section(bench, tool)
    if found.notes and found.notes[0] == nsight.PERMIT:
        pytest.skip(nsight.PERMIT)
    own = [row for row in found.rows if row.kernel == "scale"]
    assert len(own) == 2, found
    assert None not in {row.node for row in own}
    assert len({row.node for row in own}) == 2
    times = [metric.value for row in own for metric in row.metrics if metric.label == "time"]
    assert len(times) == 2
    assert all(0 < time < 1e9 for time in times)


def test_nsight_compute_knows_every_counter_that_is_asked_for(bench: Bench) -> None:
    if (nobody := absent(Tool.NCU, bench.name)) is not None:
        pytest.skip(nobody.notes[0])
    found = section(bench, Tool.NCU)
    if found.notes and found.notes[0] == nsight.PERMIT:
        pytest.skip(nsight.PERMIT)
    assert found.rows
    assert {metric.name for row in found.rows for metric in row.metrics} == set(nsight.METRICS)

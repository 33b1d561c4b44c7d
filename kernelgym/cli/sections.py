"""`kernelgym evaluate --sections`: what profilers say about a candidate that is right, beside its report."""

from collections.abc import Sequence

from rich.console import Console

from kernelgym.cli.services import LOCAL, Services
from kernelgym.errors import BadUsage, WorkerLost, did_you_mean
from kernelgym.evaluators.messages import Handover, Job, Refused
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import Depth, EvalConfig, Outcome, Report, Submission
from sandboxes.devices.cuda.sections.folder import Assignment
from sandboxes.devices.cuda.sections.looking import absent, look
from sandboxes.devices.cuda.sections.section import Section, Tool, nothing


def choose_tools(names: str | None, config: EvalConfig, services: Services) -> tuple[Tool, ...]:
    """Returns the tools that an option names, each once; none if it is not given.

    Args:
        names: Separated by commas; None: not given.
        config: Of the evaluation.
        services: Know where it is done.

    Raises:
        BadUsage: There is no such tool, or it could look at nothing.
    """
    if names is None:
        return ()
    if config.device != "cuda" or config.depth is not Depth.JUDGED:
        raise BadUsage(f"--sections {names} is about a GPU, and the device is {config.device}; add --device cuda")
    if services.settings.evaluator != LOCAL:
        raise BadUsage(
            f"--sections {names} is about this machine's GPU, and {services.settings.evaluator} evaluates; "
            "add --evaluator local on the machine with the GPU"
        )
    return tuple(dict.fromkeys(_tool(name.strip()) for name in names.split(",")))


def look_at(
    tools: Sequence[Tool],
    submission: Submission,
    problem: Problem,
    report: Report,
    services: Services,
    sandbox: str,
) -> tuple[Section, ...]:
    """Returns what each tool says; a section without rows says why.

    The candidate is traced once more in the sandbox, and replayed by a process of the tool's.

    Args:
        tools: In this order.
        submission: The candidate.
        problem: What it solves.
        report: Its report.
        services: Which GPU.
        sandbox: Where it is traced.
    """
    if report.outcome is not Outcome.OK:
        why = f"the candidate is `{report.outcome}`; only what is right is looked at"
        return tuple(nothing(tool, why) for tool in tools)
    gpu = services.settings.gpu
    found = {tool: absent(tool, gpu) for tool in tools}
    if all(section is not None for section in found.values()):
        return tuple(section for section in found.values() if section is not None)
    with Console(stderr=True).status("tracing once more"):
        traced = _traced(Job(submission=submission, reference=problem.reference, config=report.config), sandbox, gpu)
    if isinstance(traced, str):
        return tuple(found[tool] or nothing(tool, traced) for tool in tools)
    return tuple(found[tool] or _look(tool, submission, problem, report.config, gpu, traced.bundle) for tool in tools)


def _look(tool: Tool, submission: Submission, problem: Problem, config: EvalConfig, gpu: str, bundle: bytes) -> Section:
    assignment = Assignment(submission=submission, reference=problem.reference, config=config, gpu=gpu, tool=tool)
    with Console(stderr=True).status(f"looking with {tool}"):
        return look(assignment, bundle)


def _traced(job: Job, sandbox: str, gpu: str) -> Handover | str:
    """Returns a candidate's trace, or why there is none."""
    with StagedEvaluator(sandbox=sandbox, gpu=gpu) as evaluator:
        try:
            found = evaluator.trace(job)
        except WorkerLost as error:
            return f"tracing once more failed: {error}"
    if isinstance(found, Handover):
        return found
    why = found.message if isinstance(found, Refused) else "this time it came to another end"
    return f"tracing once more failed: {why}"


def _tool(name: str) -> Tool:
    known = [tool.value for tool in Tool]
    if name not in known:
        suggestion = did_you_mean(name, known)
        there_are = f"there are {' and '.join(known)}"
        raise BadUsage(f"there is no section `{name}`; {f'{suggestion} {there_are}' if suggestion else there_are}")
    return Tool(name)

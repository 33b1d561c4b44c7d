"""`kernelgym evaluate`: one candidate from text to report."""

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from pydantic import ValidationError
from rich.console import Console

from kernelgym.cli.exits import ExitCode
from kernelgym.cli.sections import choose_tools, look_at
from kernelgym.cli.services import Services
from kernelgym.envs import Rules, write_feedback
from kernelgym.envs.styles import BASE as DEFAULT_STYLE
from kernelgym.errors import BadUsage
from kernelgym.problems import Problem, get_problem, problem_from_file
from kernelgym.reports import dump_document, render_report, report_document
from kernelgym.reports.sections import render_sections
from rewards import get_reward
from sandboxes.contracts import Diagnostic, EvalConfig, Outcome, Precision, Report, Submission
from sandboxes.extraction import decode, extract, report_without_code
from sandboxes.hardware.targets import SUFFIXES, TARGETS, VARIABLE, BadTarget, UnknownTarget, get_target, named_paths

MAX_COMPLETION_BYTES: Final = 16 * 2**20
"""Largest file that is read; code is limited further, by `MAX_SOURCE_CHARACTERS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; None means "as the settings say"."""

    candidate: str
    problem: str | None
    reference: Path | None
    target: str | None
    device: str
    precision: Precision
    sandbox: str | None
    timeout_s: float | None
    seed: int | None
    torch_compile: bool
    reward: str
    feedback: bool
    style: str | None
    json: bool
    sections: str | None = None
    """Tools that look at the candidate as well, separated by commas."""


def run(options: Options, services: Services) -> ExitCode:
    """Evaluates and prints; returns the exit code.

    Raises:
        KernelGymError, RewardsError: if the options can't be followed.
    """
    reward_function = get_reward(options.reward)
    problem = choose_problem(options.problem, options.reference)
    config = make_config(
        services, target=options.target, device=options.device, precision=options.precision,
        timeout_s=options.timeout_s, seed=options.seed, compiled_reference=options.torch_compile,
    )  # fmt: skip
    rules = _rules(options, config)
    tools = choose_tools(options.sections, config, services)
    sandbox = options.sandbox or services.settings.sandbox
    candidate = read_candidate(options.candidate)
    if isinstance(candidate, Diagnostic):
        report = report_without_code(candidate, problem.id, config)
    else:
        report = _evaluate(candidate, problem, config, sandbox, services)
    reward = reward_function(report)
    submission = None if isinstance(candidate, Diagnostic) else candidate
    sections = look_at(tools, submission, problem, report, services, sandbox) if submission is not None else ()
    if options.json:
        looked = {"sections": [section.model_dump(mode="json") for section in sections]} if tools else {}
        typer.echo(dump_document(report_document(report, reward) | looked))
    elif rules is not None:
        typer.echo(write_feedback(report, reward, submission, previous=(), rules=rules, over=False))
    else:
        Console(highlight=False).print(render_report(report, reward, submission))
        if sections:
            Console(highlight=False).print(render_sections(sections))
    return ExitCode.INFRASTRUCTURE if report.outcome is Outcome.INFRASTRUCTURE else ExitCode.VERDICT


def _rules(options: Options, config: EvalConfig) -> Rules | None:
    """Returns the rules of an episode whose first turn this is; None if no feedback is asked for.

    Raises:
        BadUsage: if the options don't go together, or there is no such style.
    """
    if not options.feedback:
        if options.style is not None:
            raise BadUsage(f"--style {options.style} is for --feedback; add that")
        return None
    if options.sections is not None:
        raise BadUsage(f"--sections {options.sections} is for people, --feedback for models; give one of them")
    if options.json:
        raise BadUsage("--feedback is text and --json is not; give one of them")
    return Rules(reward=options.reward, style=options.style or DEFAULT_STYLE, config=config)


def choose_problem(problem: str | None, reference: Path | None) -> Problem:
    """Returns the one problem that was named.

    Raises:
        BadUsage: if none or two were named.
        KernelGymError: if it can't be had, or a selection denotes several.
    """
    if problem is not None and reference is not None:
        raise BadUsage(f"both --problem {problem} and --reference {reference} are given; give one of them")
    if reference is not None:
        return problem_from_file(reference)
    if problem is not None:
        return get_problem(problem)
    raise BadUsage("no problem is given; add --problem ID (`kernelgym problems` lists them) or --reference FILE")


def make_config(
    services: Services,
    *,
    target: str | None = None,
    device: str = "cpu",
    precision: Precision = Precision.TF32,
    timeout_s: float | None = None,
    seed: int | None = None,
    compiled_reference: bool = False,
) -> EvalConfig:
    """Returns the configuration that a command's options ask for.

    Args:
        services: Have the default target.
        target: None: the default.
        device: Where kernels are replayed.
        precision: Of float32 matrix products.
        timeout_s: Time limit of each stage; None: its own default.
        seed: Of the inputs; None: a secret one.
        compiled_reference: Time the reference under `torch.compile`, too.

    Raises:
        BadUsage: if a value is out of range or there is no such target.
    """
    limits = {}
    if timeout_s is not None:
        limits = dict.fromkeys(("trace_timeout_s", "compile_timeout_s", "replay_timeout_s"), timeout_s)
    values: dict[str, object] = {
        "target": check_target(target or services.settings.target), "device": device, "precision": precision,
        "seed": seed, "compiled_reference": compiled_reference,
    }  # fmt: skip
    try:
        return EvalConfig.model_validate(values | limits)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "--seed" if first["loc"][0] == "seed" else "--timeout"
        raise BadUsage(f"{name} is {first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error


def check_target(name: str) -> str:
    """Returns the name of a target.

    Args:
        name: Of a target, or of a YAML file that describes one: it is made known to this process and to those that it
            starts, as if `KERNELGYM_TARGETS` named it.

    Raises:
        BadUsage: There is no such target.
    """
    try:
        if not name.endswith(SUFFIXES):
            return get_target(name).name
        found = TARGETS.add_file(Path(name)).target.name
    except (UnknownTarget, BadTarget) as error:
        raise BadUsage(str(error)) from error
    paths = [*named_paths(os.environ.get(VARIABLE, "")), Path(name)]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys(str(path.absolute()) for path in paths))
    return found


def read_candidate(path: str) -> Submission | Diagnostic:
    """Returns the candidate in the file at `path` (`-`: standard input), or why there is none.

    Raises:
        BadUsage: if the file can't be read or is larger than `MAX_COMPLETION_BYTES`.
    """
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(MAX_COMPLETION_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MAX_COMPLETION_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadUsage(f"the candidate {path!r} can't be read ({reason}); give the path of a file, or `-`") from error
    if len(raw) > MAX_COMPLETION_BYTES:
        limit = MAX_COMPLETION_BYTES // 2**20
        raise BadUsage(f"the candidate {path!r} is larger than {limit} MiB; give the completion alone")
    return extract(decode(raw))


def _evaluate(submission: Submission, problem: Problem, config: EvalConfig, sandbox: str, services: Services) -> Report:
    terminal = Console(stderr=True)
    with terminal.status(f"evaluating for {problem.id}"), closing(services.open_evaluator(sandbox, 1)) as evaluator:
        return evaluator.evaluate(submission, problem, config)

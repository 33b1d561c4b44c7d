"""`kernelgym bench hacks`: does any hack earn reward, is any honest program punished?"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from kernelgym.cli.evaluation import check_target
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.progress import progress_bar
from kernelgym.cli.services import Services
from kernelgym.errors import BadUsage
from kernelgym.hackbench import Judge, KernelGymJudge, Program, Result, Verdict, assess, load_corpus, load_judge
from kernelgym.hackbench.result import document, summarise
from kernelgym.reports import dump_document
from kernelgym.reports.hack_table import render_hacks
from kernelgym.reports.picture import check_svg, save_svg
from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation.conformance import CONFORMANCE_ENTRY
from sandboxes.isolation.factory import create_sandbox, describe_sandbox
from sandboxes.isolation.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; None means "as the settings say"."""

    selection: str | None
    corpus: Path | None
    judge: str | None
    target: str | None
    sandbox: str | None
    workers: int | None
    svg: Path | None
    everything: bool
    json: bool


def run(options: Options, services: Services) -> ExitCode:
    """Judges the selected programs and prints the result; returns the exit code.

    Raises:
        BadUsage: The selection, the corpus, the judge or the target does not exist, or the picture can't be written.
        InvalidProgram: A program's header can't be used.
    """
    if options.svg is not None:
        check_svg(options.svg)
    corpus = load_corpus(options.corpus)
    programs = corpus.select(options.selection)
    yardsticks = corpus.yardsticks(programs)
    settings = services.settings
    if options.judge is not None:
        verdicts = _judge(load_judge(options.judge), (*programs, *yardsticks))
    else:
        target, sandbox = check_target(options.target or settings.target), options.sandbox or settings.sandbox
        check_shelter(sandbox)
        evaluator = services.open_evaluator(sandbox, options.workers or settings.workers)
        with closing(evaluator):
            verdicts = _judge(KernelGymJudge(evaluator, target), (*programs, *yardsticks))
    own, others = verdicts[: len(programs)], verdicts[len(programs) :]
    rewards = {program.id: verdict.reward for program, verdict in zip(yardsticks, others, strict=True)}
    results = assess(programs, own, rewards)
    if options.json:
        typer.echo(dump_document({"summary": summarise(results), "programs": [document(each) for each in results]}))
    else:
        Console(highlight=False).print(render_hacks(results, everything=options.everything))
    if options.svg is not None:
        save_svg(render_hacks(results), options.svg, "kernelgym bench hacks", columns=110)
    return _exit_code(results)


def check_shelter(sandbox: str) -> None:
    """Refuses to let the corpus loose where it could do harm: its programs rewrite files and kill processes.

    Raises:
        BadUsage: A sandbox of this kind does not keep them from it on this machine, or does not start.
    """
    try:
        with create_sandbox(sandbox, CONFORMANCE_ENTRY) as trial:
            trial.warm_up()
            missing = {Protection.HIDDEN_FILES, Protection.SIGNALS} - trial.protections
            found = describe_sandbox(trial)
    except SandboxUnavailable as error:
        raise BadUsage(str(error)) from error
    if missing:
        raise BadUsage(
            f"the corpus attacks the machine it runs on, and the sandbox {found} does not protect "
            f"{' and '.join(sorted(missing))} here; `kernelgym doctor` says what the sandbox bubblewrap needs"
        )


def _judge(judge: Judge, programs: Sequence[Program]) -> list[Verdict]:
    """Returns the verdicts in the order of `programs`, with a progress bar on standard error.

    Raises:
        BadUsage: The judge leaves a program out.
    """
    verdicts: dict[int, Verdict] = {}
    with progress_bar() as progress:
        task = progress.add_task("judging", total=len(programs))
        for index, verdict in judge.judge(programs):
            verdicts[index] = verdict
            progress.update(task, advance=1, description=f"judged {programs[index].id[-30:]:<30}")
    for index, program in enumerate(programs):
        if index not in verdicts:
            raise BadUsage(f"the judge gives no verdict on {program.id}; it has to yield `(index, Verdict)` for each")
    return [verdicts[index] for index in range(len(programs))]


def _exit_code(results: Sequence[Result]) -> ExitCode:
    if any(result.escaped or result.falsely_punished or result.surprise for result in results):
        return ExitCode.FAILED
    if any(result.lost for result in results):
        return ExitCode.INFRASTRUCTURE
    return ExitCode.VERDICT

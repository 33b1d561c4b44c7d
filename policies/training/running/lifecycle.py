"""What both kinds of training share: TRL's common arguments, going on from a checkpoint, stopping, and the end."""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final

import torch
import typer
from rich.console import Console
from rich.text import Text
from transformers import PrinterCallback, ProgressCallback
from transformers.utils import logging

from kernelgym.cli.exits import ExitCode, complain
from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.reports import dump_document
from policies.training.recipes.recipe_sections import Trainer
from policies.training.running.journal import Stop
from policies.training.running.outcome import EVALUATION_NUMBERS, evaluations, phases, render_phases
from policies.training.running.output import MODEL, RECIPE, SUMMARY, Output
from rewards import RewardsError

INTERRUPTED: Final = 130
"""What the shell is told after Ctrl-C, as by every program."""


def common_arguments(trainer: Trainer) -> dict[str, Any]:
    """Returns the fields that all of TRL's configurations have."""
    return {
        "output_dir": str(trainer.output),
        "learning_rate": trainer.learning_rate,
        "per_device_train_batch_size": trainer.rows_per_device,
        "lr_scheduler_type": trainer.schedule,
        "warmup_steps": trainer.warmup_steps,
        "weight_decay": trainer.weight_decay,
        "max_grad_norm": trainer.max_grad_norm,
        "bf16": trainer.autocast,
        "gradient_checkpointing": trainer.gradient_checkpointing,
        "use_cpu": trainer.cpu,
        "seed": trainer.seed,
        "save_steps": trainer.save_steps,
        "save_total_limit": trainer.keep,
        "report_to": list(trainer.report_to) or "none",
        "logging_steps": 1,
        "disable_tqdm": True,
    }


@contextmanager
def without_noise() -> Iterator[None]:
    """Keeps progress bars of files, and a name that TRL 1.16 has not changed yet, off the terminal."""
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=".*gradient_checkpointing.* is deprecated", category=FutureWarning
            )
            yield
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def refusals_in_one_line() -> Iterator[None]:
    """Turns what TRL and transformers refuse while they are set up into errors that show as one line.

    Raises:
        BadUsage: Instead of these.
    """
    try:
        yield
    except (ValueError, ImportError, NotImplementedError) as error:
        if isinstance(error, KernelGymError | RewardsError):
            raise
        raise BadUsage(f"TRL refuses the recipe: {_line(error)}") from error


@contextmanager
def full_memory_in_one_line() -> Iterator[None]:
    """Turns a full memory into an error that says what takes less.

    Raises:
        BadUsage: Instead of torch's error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise BadUsage(
            "the memory of the GPU is full; lower trainer.rows_per_device, rollout.batch or rollout.context, or shard "
            f"the model over more processes ({_line(error)})"
        ) from error


def run(trainer: Any, output: Output, stop: Stop, numbers: Mapping[str, tuple[str, str]], *, as_json: bool) -> int:
    """Trains, saves and sums up; returns the exit code.

    Args:
        trainer: One of TRL's.
        output: Its folder.
        stop: One of its callbacks.
        numbers: What is summed up.
        as_json: Prints a document instead of a table.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    checkpoint = None if output.checkpoint is None else str(output.checkpoint)
    try:
        with (
            stop.on_signals(),
            full_memory_in_one_line(),
            redirect_stdout(sys.stderr),
        ):  # TRL prints tables; standard output is for the result
            trainer.train(resume_from_checkpoint=checkpoint)
    except KeyboardInterrupt:
        complain(f"interrupted at once; {output.path} has the last checkpoint, if any: --resume goes on from it")
        return INTERRUPTED
    if not stop.stopped:
        trainer.save_model(str(output.path / MODEL))  # every process: a sharded model is gathered from all of them
    if not trainer.is_world_process_zero():
        return INTERRUPTED if stop.stopped else ExitCode.VERDICT
    lines = output.metrics()
    rows, evaluated = phases(lines, numbers), evaluations(lines)
    document = {"updates": trainer.state.global_step, "finished": not stop.stopped, "phases": rows}
    if evaluated:
        document["evaluations"] = evaluated
    (output.path / SUMMARY).write_text(dump_document(document) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(dump_document(document))
    else:
        console = Console(highlight=False)
        console.print(render_phases(rows, numbers))
        if evaluated:
            console.print()
            console.print(render_phases(evaluated, EVALUATION_NUMBERS, "evaluated after"))
        if not stop.stopped:
            console.print(Text(f"{output.path / MODEL}: the model\n{output.path / RECIPE}: the recipe"), soft_wrap=True)
    if stop.stopped:
        complain(
            f"interrupted; update {trainer.state.global_step} is kept in {output.path}: --resume goes on from there"
        )
        return INTERRUPTED
    return ExitCode.VERDICT


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

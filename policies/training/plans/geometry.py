"""How the rows of a batch are spread over processes, backward passes and updates."""

from dataclasses import dataclass
from math import ceil

from kernelgym.errors import BadUsage
from policies.training.recipes.recipe import RlRecipe, SftRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """The numbers that TRL's configuration wants."""

    processes: int
    rows: int
    """Of a batch, over all processes."""
    rows_per_device: int
    micro_batches: int
    """Backward passes of a process per batch (`steps_per_generation`)."""
    accumulation: int
    """Backward passes per update (`gradient_accumulation_steps`)."""
    updates_per_batch: int
    """Of one pass over it."""
    batches: int | None
    """Of the whole training; None: that depends on the data."""


def rl_geometry(recipe: RlRecipe, processes: int) -> Geometry:
    """Returns how batches of episodes are spread.

    Raises:
        BadUsage: They can't be spread evenly.
    """
    trainer = recipe.trainer
    together = trainer.rows_per_device * processes
    if recipe.rows % together:
        raise BadUsage(
            f"the {recipe.rows} rows of a batch (rollout.prompts x rollout.group_size) can't be spread over "
            f"{processes} processes with {trainer.rows_per_device} rows each (trainer.rows_per_device); choose a "
            f"multiple of {together}"
        )
    micro_batches = recipe.rows // together
    if micro_batches % trainer.updates_per_batch:
        raise BadUsage(
            f"trainer.updates_per_batch is {trainer.updates_per_batch}, which does not divide the {micro_batches} "
            "backward passes of a process per batch; choose a divisor"
        )
    return Geometry(
        processes=processes, rows=recipe.rows, rows_per_device=trainer.rows_per_device, micro_batches=micro_batches,
        accumulation=micro_batches // trainer.updates_per_batch, updates_per_batch=trainer.updates_per_batch,
        batches=ceil(trainer.steps / (trainer.updates_per_batch * trainer.passes)),
    )  # fmt: skip


def sft_geometry(recipe: SftRecipe, processes: int) -> Geometry:
    """Returns how batches of examples are spread.

    Raises:
        BadUsage: They can't be spread evenly.
    """
    trainer = recipe.trainer
    together = trainer.rows_per_device * processes
    if trainer.batch % together:
        raise BadUsage(
            f"trainer.batch is {trainer.batch}, which {processes} processes with {trainer.rows_per_device} rows each "
            f"(trainer.rows_per_device) can't share evenly; choose a multiple of {together}"
        )
    accumulation = trainer.batch // together
    return Geometry(
        processes=processes, rows=trainer.batch, rows_per_device=trainer.rows_per_device, micro_batches=accumulation,
        accumulation=accumulation, updates_per_batch=1, batches=None,
    )  # fmt: skip

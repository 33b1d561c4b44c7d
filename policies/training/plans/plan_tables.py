"""A plan for people: one table of what will happen, and below it what to look at."""

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from policies.training.plans.plan import Plan
from policies.training.recipes.recipe import RlRecipe, SftRecipe

GIB: Final = 2**30

Lines = Iterator[tuple[str, str]]


def render_plan(plan: Plan) -> RenderableType:
    """Returns tables of a plan; every number that is an estimate says so."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(plan):
        table.add_row(Text(name), Text(value))
    parts: list[RenderableType] = [table]
    if plan.differences:
        parts += [Text("\nDiffers from what Dr.Kernel published", style="bold"), _differences(plan)]
    for caution in plan.cautions:
        parts.append(Text(f"look at: {caution}", style="yellow"))
    for reason in plan.refused:
        parts.append(Text(f"refused: {reason}", style="red"))
    return Group(*parts)


def _lines(plan: Plan) -> Lines:
    recipe = plan.recipe
    yield "algorithm", _algorithm(plan)
    where = "on this machine" if plan.model_here else "not on this machine"
    yield "model", f"{recipe.model.path} ({where})"
    if plan.parameters is None:
        yield "parameters", "unknown; model.shape would tell"
    else:
        adapted = f", trained {_count(plan.trained or 0)} (LoRA)" if recipe.model.lora is not None else ""
        yield "parameters", f"{_count(plan.parameters)}{adapted}, {recipe.model.dtype}"
    if isinstance(recipe, RlRecipe):
        yield from _episodes(plan, recipe)
    else:
        yield "data", ", ".join(map(str, (*recipe.data.runs, *recipe.data.files)))
        yield "rows", f"at most {plan.row_tokens:,} tokens; longer ones are left out"
    yield from _batch(plan)
    yield from _memory(plan)
    yield "output", str(recipe.trainer.output)


def _algorithm(plan: Plan) -> str:
    recipe = plan.recipe
    if isinstance(recipe, SftRecipe):
        return "sft: supervised learning from kept episodes, loss on the completions alone"
    advantage, loss = recipe.advantage, recipe.loss
    return f"{advantage.estimator}, gamma {advantage.gamma:g}, loss {loss.type}, one ratio per {loss.ratio}"


def _episodes(plan: Plan, recipe: RlRecipe) -> Lines:
    asked, rollout = recipe.environment, recipe.rollout
    yield "problems", f"{asked.problems}" + (f" ({plan.problems})" if plan.problems is not None else "")
    yield "groups", f"{rollout.prompts} problems x {rollout.group_size} episodes = {recipe.rows} rows per batch"
    yield "turns", f"at most {asked.turns}, {rollout.turn_tokens:,} tokens each, {rollout.episode_tokens:,} together"
    yield "longest row", f"{plan.row_tokens:,} tokens (prompt estimated)"
    rules = [name for name, on in _rules(recipe) if on]
    yield "rules", ", ".join(rules) or "none"
    if plan.evaluations is not None:
        found = plan.evaluations
        more = f" (up to {found.drawn_anew:,} more where groups tie)" if found.drawn_anew else ""
        yield (
            "evaluations",
            f"at most {found.per_batch:,} per batch{more}: about {_time(found.seconds)} (estimated, "
            f"{found.seconds_each:g} s each, {found.at_a_time} at a time), beside sampling",
        )
    if plan.assessment is not None and recipe.evaluation is not None:
        wanted, taken = recipe.evaluation, plan.assessment
        first = ", and before the first" if wanted.at_start else ""
        yield (
            "evaluation",
            f"every {wanted.every} updates{first}, {taken.times} times: {taken.problems} problems x {wanted.episodes} "
            f"episodes = {taken.rows} episodes of at most {taken.turns:,} turns: about {_time(taken.seconds)} each "
            "(estimated), beside sampling",
        )


def _rules(recipe: RlRecipe) -> Iterator[tuple[str, bool]]:
    selection = recipe.selection
    yield "mismatch rejection", recipe.mismatch.rejection is not None
    yield "importance weights", recipe.mismatch.weights is not None
    yield f"ties: {selection.ties}", selection.ties != "off"
    yield f"lost episodes again ({selection.retry_lost})", selection.retry_lost > 0
    yield "own work (PRS)", selection.own_work is not None
    yield "truncation", selection.truncation is not None
    yield "temperature by diversity", recipe.diversity is not None
    yield "curriculum", recipe.curriculum is not None
    yield "explore cheap, confirm dear", recipe.confirm is not None


def _batch(plan: Plan) -> Lines:
    batch = plan.geometry
    if batch is None:
        return
    yield (
        "batch",
        f"{batch.rows} rows = {batch.processes} process{'es' * (batch.processes > 1)} x {batch.rows_per_device} rows x "
        f"{batch.micro_batches} backward passes",
    )
    recipe = plan.recipe
    if isinstance(recipe, SftRecipe):
        yield "training", f"{recipe.trainer.epochs:g} epochs, learning rate {recipe.trainer.learning_rate:g}"
        return
    updates = batch.updates_per_batch * recipe.trainer.passes
    on_policy = " (on-policy)" if updates == 1 else ""
    yield "updates", f"{updates} per batch{on_policy}, {batch.accumulation} backward passes each"
    yield (
        "training",
        f"{recipe.trainer.steps} updates from {batch.batches} batches, learning rate {recipe.trainer.learning_rate:g}",
    )


def _memory(plan: Plan) -> Lines:
    found = plan.memory
    if found is None:
        return
    parts = (
        ("weights", found.weights), ("gradients", found.gradients), ("optimizer", found.optimizer),
        ("reference", found.reference), ("bfloat16 copies", found.casts), ("activations", found.activations),
        ("logits", found.logits), ("cache while sampling", found.cache),
    )  # fmt: skip
    beside = ", and what vLLM takes" if plan.recipe.trl.get("use_vllm") else ""
    yield "memory", f"at least {_size(found.peak)} per process (estimated, unsharded){beside}"
    yield "", ", ".join(f"{name} {_size(size)}" for name, size in parts if size)


def _differences(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("key", "published", "here"):
        table.add_column(name, overflow="fold")
    for difference in plan.differences:
        table.add_row(difference.key, difference.published, difference.here)
    return table


def _count(number: int) -> str:
    for size, unit in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:,}"


def _size(number: int) -> str:
    return f"{number / GIB:.1f} GiB" if number >= GIB / 10 else f"{number / 2**20:.1f} MiB"


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"

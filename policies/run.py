"""`kernelgym run`: plays the episodes that a folder lacks, and sums up those that it has."""

import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from kernelgym.cli.evaluation import make_config
from kernelgym.cli.exits import ExitCode, complain
from kernelgym.cli.services import Services
from kernelgym.envs import Rules
from kernelgym.envs.scaling import scaling_of
from kernelgym.errors import KernelGymError
from kernelgym.evaluators import Evaluator, check_config
from kernelgym.metrics import Summary, best_speedup, summarize
from kernelgym.problems import Problem, Rejected, load_problems
from kernelgym.reports import dump_document
from kernelgym.reports.episodes import render_run
from kernelgym.reports.picture import check_svg, save_svg
from kernelgym.reports.totals import describe_losses
from kernelgym.runs.folder import EPISODES, SUMMARY, RunFolder
from kernelgym.runs.record import EpisodeRecord
from kernelgym.runs.run_record import RunRecord
from policies.identity import describe_run
from policies.policy import Policy, close_policy, get_policy
from policies.progress import RunProgress
from policies.rollouts import check_playable, check_readable, rollout
from sandboxes.contracts import Precision

INTERRUPTED: Final = 130
"""What the shell is told after Ctrl-C, as by every program."""

MAX_REASONS: Final = 5
"""Different reasons for losses that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; None means "as the settings say"."""

    problems: str
    tags: tuple[str, ...]
    levels: tuple[int, ...]
    difficulties: tuple[str, ...]
    policy: str
    policy_options: dict[str, str]
    turns: int
    iterations: int
    keep: int
    select: str
    samples: int
    seed: int
    data_seed: int | None
    target_speedup: float | None
    submit: bool
    history: str
    confirm: bool | None
    style: str
    feedback_tokens: int
    reward: str
    target: str | None
    device: str
    precision: Precision
    timeout_s: float | None
    sandbox: str | None
    workers: int | None
    concurrency: int | None
    out: Path
    restart: bool
    svg: Path | None
    json: bool


def play(options: Options, services: Services) -> int:
    """Plays, keeps and prints; returns the exit code.

    Raises:
        KernelGymError, RewardsError: if the options can't be followed.
        SandboxesError: if no candidate can be run on this machine.
    """
    policy = get_policy(options.policy, options.policy_options)
    try:
        return _play(options, services, policy)
    finally:
        close_policy(policy)


def _play(options: Options, services: Services, policy: Policy) -> int:
    loaded = load_problems(
        options.problems, tags=options.tags, levels=options.levels, difficulties=options.difficulties
    )
    rules = _rules(options, services)
    if options.svg is not None:
        check_svg(options.svg, beside=options.out)
    check_readable(policy, rules.style)
    check_playable(policy, loaded.problems, options.seed)
    record = describe_run(
        policy, loaded.problems, rules, samples=options.samples, seed=options.seed,
        data_seed="" if options.data_seed is None else str(options.data_seed), confirm=_confirms(options),
        policy_options=options.policy_options,
    )  # fmt: skip
    if rules.config.device != "cpu" and not options.out.exists():
        _check_device(options, rules, services)
    with RunFolder(options.out, record, restart=options.restart) as folder:
        interrupted = _fill(folder, policy, loaded.problems, rules, options, services)
        episodes = [episode.numbers() for episode in folder.episodes()]
        summary = summarize(episodes, record.total_turns)
        document = _document(record, episodes, summary)
        folder.write_summary(document)
    tables = render_run(episodes, summary, record.config.target)
    if options.json:
        typer.echo(dump_document(document))
    else:
        _print(tables, options.out)
    if options.svg is not None:
        save_svg(tables, options.svg, "kernelgym run", columns=80)
    _complain(episodes, summary, loaded.rejected)
    if interrupted:
        kept = f"{len(episodes)} of {len(record.problems) * record.samples} episodes are kept in {options.out}"
        complain(f"interrupted; {kept}, the same command goes on from there")
        return INTERRUPTED
    return ExitCode.INFRASTRUCTURE if any(episode.loss for episode in episodes) else ExitCode.VERDICT


def _rules(options: Options, services: Services) -> Rules:
    return Rules(
        max_turns=options.turns,
        target_speedup=options.target_speedup,
        reward=options.reward,
        style=options.style,
        feedback_tokens=options.feedback_tokens,
        allow_submit=options.submit,
        history=options.history,
        scaling=scaling_of(options.iterations, options.keep, options.select),
        config=make_config(
            services,
            target=options.target,
            device=options.device,
            precision=options.precision,
            timeout_s=options.timeout_s,
        ),
    )


def _confirms(options: Options) -> bool:
    return options.iterations > 1 if options.confirm is None else options.confirm


def _document(record: RunRecord, episodes: Sequence[EpisodeRecord], summary: Summary) -> dict[str, Any]:
    """Returns the content of `summary.json`: the run, its metrics, and a line per episode without its texts."""
    return {
        "run": record.model_dump(mode="json", exclude={"data_seed"}),
        "summary": summary.model_dump(mode="json"),
        "episodes": [_episode_document(episode) for episode in episodes],
    }


def _episode_document(episode: EpisodeRecord) -> dict[str, Any]:
    return {
        "problem": episode.problem,
        "sample": episode.sample,
        "outcomes": [turn.report.outcome.value for turn in episode.turns],
        "rewards": [turn.reward for turn in episode.turns],
        "speedups": [turn.report.speedup for turn in episode.turns],
        "best_turn": episode.best_turn,
        "best_speedup": best_speedup([episode]),
        "confirmed_speedup": None if episode.confirmation is None else episode.confirmation.report.speedup,
        "terminated": episode.terminated,
        "submitted": episode.submitted,
        "truncated": episode.truncated,
        "loss": None if episode.loss is None else episode.loss.value,
        "error": None if episode.error is None else episode.error.message,
    }


def _check_device(options: Options, rules: Rules, services: Services) -> None:
    """Checks that somebody can judge, before there is a folder: one that is there may need nobody any more.

    Raises:
        KernelGymError: Nobody can; says what to do.
    """
    _evaluator(options.sandbox or services.settings.sandbox, 1, rules, services).close()


def _fill(
    folder: RunFolder,
    policy: Policy,
    problems: Sequence[Problem],
    rules: Rules,
    options: Options,
    services: Services,
) -> bool:
    """Plays the episodes that are missing or were lost; returns whether somebody interrupted it."""
    total = len(problems) * options.samples
    done = {key for key, loss in folder.losses.items() if loss is None}
    if not options.json:
        _announce(policy, len(problems), total, len(done), rules)
    if len(done) == total:
        return False
    settings = services.settings
    workers = options.workers or settings.workers
    try:
        with (
            RunProgress(total, len(done)) as progress,
            closing(_evaluator(options.sandbox or settings.sandbox, workers, rules, services)) as evaluator,
            closing(
                rollout(
                    policy, problems, evaluator, rules, samples=options.samples, seed=options.seed,
                    data_seed=folder.run.data_seed or None, confirm=_confirms(options),
                    concurrency=options.concurrency or workers + 1, done=done, on_turn=progress.turn,
                    on_end=lambda: close_policy(policy),
                )
            ) as finished,
        ):  # fmt: skip
            for episode in finished:
                folder.append(episode)
                progress.episode(episode)
    except KeyboardInterrupt:
        folder.read_again()
        return True
    return False


def _evaluator(sandbox: str, workers: int, rules: Rules, services: Services) -> Evaluator:
    """Returns what evaluates, once it is known that it can.

    Raises:
        KernelGymError: It can't: there is no GPU for the device cuda, say.
    """
    evaluator = services.open_evaluator(sandbox, workers)
    try:
        check_config(evaluator, rules.config)
    except KernelGymError:
        evaluator.close()
        raise
    return evaluator


def _announce(policy: Policy, problems: int, total: int, done: int, rules: Rules) -> None:
    text = f"{total} episode{'s' * (total > 1)} of {problems} problem{'s' * (problems > 1)}, policy {policy.name}, "
    text += f"at most {rules.total_turns} turn{'s' * (rules.total_turns > 1)} each"
    if done:
        text += f"; finished earlier: {done}"
    Console(highlight=False).print(Text(text), soft_wrap=True)


def _print(tables: RenderableType, out: Path) -> None:
    console = Console(highlight=False)
    console.print(tables)
    files = f"{out / EPISODES}: every prompt, completion, report and feedback\n{out / SUMMARY}: the numbers"
    console.print(Text(f"{files}\nAs a page: kernelgym report {shlex.quote(str(out))}"), soft_wrap=True)


def _complain(episodes: Sequence[EpisodeRecord], summary: Summary, rejected: Sequence[Rejected]) -> None:
    """Says on standard error what could not be played, each reason once."""
    for member in rejected[:MAX_REASONS]:
        complain(f"{member.name} was left out: {member.reason}")
    if len(rejected) > MAX_REASONS:
        complain(f"{len(rejected) - MAX_REASONS} more members of the selection were left out")
    lost = summary.lost
    if not any(lost.values()):
        return
    reasons = dict.fromkeys(episode.error.message for episode in episodes if episode.error is not None)
    for reason in list(reasons)[:MAX_REASONS]:
        complain(reason)
    complain(f"of {len(episodes)} episodes, {describe_losses(lost)}; the same command plays them again")

"""How difficult the problems of finished runs are for the policy that played them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kernelgym.errors import BadUsage
from kernelgym.runs.reading import Run
from kernelgym.runs.run_record import RunRecord
from policies.curriculum.book import DifficultyBook
from policies.curriculum.filtering import USELESS
from policies.curriculum.posterior import UNIFORM, Beta
from policies.curriculum.success import CORRECT, Speaking, Success, Tally
from policies.curriculum.verdict import USUAL, Thresholds, Verdict, judge_difficulty

GROUP_SIZE: Final = 8
"""Attempts per group for which the probability of a mixed one is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDifficulty:
    """How difficult one problem is."""

    problem: str
    successes: int
    attempts: int
    """Episodes that were judged."""
    lost: int
    """Episodes that say nothing, and count nowhere."""
    belief: Beta
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How difficult a set of problems is."""

    success: Success
    speaking: Speaking
    book: DifficultyBook
    """For a sampler to begin with."""
    problems: tuple[ProblemDifficulty, ...]
    """The most often solved first."""
    cautions: tuple[str, ...]
    """Why the numbers may mix what does not belong together."""

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many problems there are of each verdict, from the easiest on."""
        found = Counter(difficulty.verdict for difficulty in self.problems)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def useful(self) -> tuple[str, ...]:
        """Ids of the problems that are neither too easy nor impossible so far, in the order of the runs."""
        useless = {difficulty.problem for difficulty in self.problems if difficulty.verdict in USELESS}
        return tuple(problem for problem in self.book.problems if problem not in useless)


def calibrate(
    runs: Iterable[Run],
    *,
    success: Success = CORRECT,
    speaking: Speaking = Speaking.BEST,
    prior: Beta = UNIFORM,
    thresholds: Thresholds = USUAL,
) -> Calibration:
    """Returns how difficult the problems of some runs are; each judged episode is one attempt.

    Args:
        runs: Finished or not; read one at a time, if they come from a generator.
        success: What counts as a success.
        speaking: Which turn of an episode has to be one.
        prior: What is believed of a problem before its first attempt.
        thresholds: Where verdicts begin.

    Raises:
        BadUsage: There is no run, or a problem or the timed GPU is not the same in all of them.
    """
    records: list[RunRecord] = []
    attempts: dict[str, list[bool | None]] = defaultdict(list)
    for run in runs:
        records.append(run.record)
        for episode in run.episodes:
            attempts[episode.problem].append(success.of_episode(episode, speaking))
    _check(records, success)
    played = (problem for record in records for problem in record.problems)
    book = DifficultyBook(played, prior=prior, success=str(success))
    for problem, results in attempts.items():
        book.observe(problem, *Tally.of(results))
    difficulties = [_difficulty(book, problem, attempts[problem], thresholds) for problem in book.problems]
    return Calibration(
        success=success,
        speaking=speaking,
        book=book,
        problems=tuple(sorted(difficulties, key=lambda found: (-found.belief.mean, found.problem))),
        cautions=_cautions(records, speaking),
    )


def _difficulty(
    book: DifficultyBook, problem: str, results: list[bool | None], thresholds: Thresholds
) -> ProblemDifficulty:
    tally = Tally.of(results)
    return ProblemDifficulty(
        problem=problem,
        successes=tally.successes,
        attempts=tally.successes + tally.failures,
        lost=results.count(None),
        belief=book.posterior(problem),
        verdict=judge_difficulty(book, problem, thresholds),
    )


def _check(records: Sequence[RunRecord], success: Success) -> None:
    if not records:
        raise BadUsage("there is no run to calibrate by; give the --out of a `kernelgym run`")
    digests: dict[str, str] = {}
    for record in records:
        for problem, digest in record.problems.items():
            if digests.setdefault(problem, digest) != digest:
                raise BadUsage(f"{problem} is not the same problem in all runs; calibrate those of one reference")
    targets = {record.config.target for record in records}
    if success.speedup is not None and len(targets) > 1:
        raise BadUsage(f"the runs are timed for {' and '.join(sorted(targets))}; calibrate {success} for each apart")


def _cautions(records: Sequence[RunRecord], speaking: Speaking) -> tuple[str, ...]:
    policies = dict.fromkeys(record.policy for record in records)
    turns = sorted({record.turns for record in records})
    cautions = []
    if len(policies) > 1:
        cautions.append(f"the runs are of the policies {', '.join(policies)}; difficulty is that for their mixture")
    if len(turns) > 1 and speaking is not Speaking.FIRST:
        cautions.append(f"the runs have up to {', '.join(map(str, turns))} turns; more turns make a problem easier")
    return tuple(cautions)

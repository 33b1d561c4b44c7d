"""What environments play in: the problems that episodes are about, and the evaluator that judges them."""

import warnings
from threading import Lock
from typing import Final

import numpy as np

from kernelgym.envs.episode import Episode
from kernelgym.envs.options import Options, settings_of_this_process
from kernelgym.errors import REMEDY, BadUsage, InvalidReference, KernelGymError, UnknownProblem
from kernelgym.evaluators import Evaluator, check_config, open_evaluator
from kernelgym.problems import Problem, get_problem, load_problems

MAX_OBSERVATION: Final = 2**21
"""Characters of the longest observation; a prompt quotes a reference of up to a million."""

MAX_NAMED: Final = 3
"""Members of a set that a warning names with their reasons."""


class Arena:
    """Begins episodes, and owns the evaluator if none is given; several threads may use it.

    Members of a set that can't be used are left out, each with one warning: those that can't be loaded at once, those
    that can't be described when they are first drawn.

    Args:
        options: What the environment was made with.
        workers: Evaluations at a time, for an evaluator of its own; None means "as the settings say".

    Raises:
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    def __init__(self, options: Options, workers: int | None = 1) -> None:
        settings = settings_of_this_process()
        self.rules = options.rules(settings)
        loaded = load_problems(
            options.problems, tags=options.tags, levels=options.levels, difficulties=options.difficulties
        )
        self._selection = options.problems
        self._problems = {problem.id: problem for problem in loaded.problems}
        self._unusable: dict[str, InvalidReference] = {}
        self._lock = Lock()
        if loaded.rejected:
            named = [str(rejected) for rejected in loaded.rejected[:MAX_NAMED]]
            if hidden := len(loaded.rejected) - len(named):
                named.append(f"and {hidden} more")
            count = f"{len(loaded.rejected)} {'member' if len(loaded.rejected) == 1 else 'members'}"
            _warn(f"{count} of {options.problems!r} can't be used and will not be drawn: {'; '.join(named)}")
        self._sandbox = options.sandbox or settings.sandbox
        self._workers = settings.workers if workers is None else workers
        self._given = None if isinstance(options.evaluator, str) else options.evaluator
        self._address = options.evaluator if isinstance(options.evaluator, str) else settings.evaluator
        self._token = settings.token
        self._own: Evaluator | None = None
        self._gpu = settings.gpu
        self._closed = False
        if self.rules.config.device != "cpu":
            self._check_device()

    @property
    def problem_ids(self) -> tuple[str, ...]:
        """Ids of the problems that are drawn from, in the order of the selection."""
        return tuple(self._problems)

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator that was given, or its own, which starts when it is first asked for.

        Raises:
            BadUsage: The arena is closed.
        """
        if self._closed:
            raise BadUsage("the environment is closed; make a new one")
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = open_evaluator(
                self._address, sandbox=self._sandbox, workers=self._workers, token=self._token, gpu=self._gpu
            )
        return self._own

    def begin(self, generator: np.random.Generator, problem_id: object = None) -> Episode:
        """Returns a new episode on the problem that is asked for, or on one that is drawn at random.

        A drawn problem that can't be described is put aside with a warning, and another one is drawn.

        Args:
            generator: Draws the problem.
            problem_id: Id of one of the selection, or what `get_problem` reads; None draws one of the selection.

        Raises:
            BadUsage: `problem_id` is neither None nor a string.
            UnknownProblem: No problem has this id.
            InvalidReference: The problem that is asked for, or every one of the selection, can't be described.
            KernelGymError: The evaluator can't be used.
        """
        if problem_id is not None:
            return self._begin(self.find(problem_id))
        while True:
            problem = self._draw(generator)
            try:
                return self._begin(problem)
            except InvalidReference as error:
                self._put_aside(problem, error)

    def find(self, problem_id: object) -> Problem:
        """Returns a problem by its id.

        Args:
            problem_id: Id of one of the selection, or what `get_problem` reads.

        Raises:
            BadUsage: `problem_id` is no string, or denotes several problems.
            UnknownProblem: There is none; names the closest ids, also of the selection.
            InvalidReference, BrokenPlugin: As `get_problem`.
        """
        if not isinstance(problem_id, str):
            raise BadUsage(f"options['problem'] is {problem_id!r}; give the id of a problem, e.g. 'core/softmax'")
        if (known := self._problems.get(problem_id)) is not None:
            return known
        try:
            return get_problem(problem_id)
        except UnknownProblem as error:
            raise UnknownProblem(problem_id, sorted({*error.known, *self._problems})) from None

    def _check_device(self) -> None:
        """Checks that there is what judges, before a problem is shown to anybody.

        Raises:
            KernelGymError: There is not; says what to do.
        """
        try:
            check_config(self.evaluator, self.rules.config)
        except KernelGymError:
            self.close()
            raise

    def _begin(self, problem: Problem) -> Episode:
        return Episode(problem, self.evaluator.describe(problem), self.rules)

    def _draw(self, generator: np.random.Generator) -> Problem:
        """Returns a problem that has not been put aside.

        It is drawn from all, until it is such a one: the seed decides, not which ones are known to be unusable.
        """
        known = list(self._problems.values())
        while len(self._unusable) < len(known):
            problem = known[int(generator.integers(len(known)))]
            if problem.id not in self._unusable:
                return problem
        first = next(iter(self._unusable.values()))
        if len(known) == 1:
            raise InvalidReference(first.name, first.problem, first.remedy)
        reason = f"none of its {len(known)} problems can be used, {first.name} because it {first.problem}"
        raise InvalidReference(self._selection, reason, REMEDY)

    def _put_aside(self, problem: Problem, error: InvalidReference) -> None:
        with self._lock:
            known = problem.id in self._unusable
            self._unusable[problem.id] = error
            last = len(self._unusable) == len(self._problems)
        if not known and not last:  # after the last one, an error tells the same
            _warn(f"{problem.id} can't be used and will not be drawn again: {error}")

    def close(self) -> None:
        """Closes an evaluator of its own; calling it again does nothing."""
        self._closed = True
        if self._own is not None:
            self._own.close()
            self._own = None


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)

"""What environments play in: the problems that episodes are about, and the evaluator that judges them."""

from typing import Final

import numpy as np

from kernelgym.envs.episode import Episode
from kernelgym.envs.options import Options, settings_of_this_process
from kernelgym.errors import BadUsage
from kernelgym.evaluators import Evaluator, LocalEvaluator
from kernelgym.problems import Problem, get_problem, select_problems

MAX_COMPLETION: Final = 2**24
"""Characters of the longest action."""

MAX_OBSERVATION: Final = 2**21
"""Characters of the longest observation; a prompt quotes a reference of up to a million."""


class Arena:
    """Begins episodes, and owns the evaluator if none is given.

    Args:
        options: What the environment was made with.
        workers: Evaluations at a time, for an evaluator of its own; None means "as the settings say".

    Raises:
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    def __init__(self, options: Options, workers: int | None = 1) -> None:
        settings = settings_of_this_process()
        self.rules = options.rules(settings)
        self._problems = {
            problem.id: problem
            for problem in select_problems(
                options.problems, tags=options.tags, levels=options.levels, difficulties=options.difficulties
            )
        }
        self._sandbox = options.sandbox or settings.sandbox
        self._workers = settings.workers if workers is None else workers
        self._given = options.evaluator
        self._own: LocalEvaluator | None = None
        self._closed = False

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
            self._own = LocalEvaluator(sandbox=self._sandbox, workers=self._workers)
        return self._own

    def choose(self, generator: np.random.Generator, problem_id: object = None) -> Problem:
        """Returns a problem drawn at random, or the one that is asked for, of the selection or any registered one.

        Raises:
            BadUsage: `problem_id` is neither None nor a string.
            UnknownProblem: No problem has this id.
        """
        if problem_id is None:
            known = list(self._problems.values())
            return known[int(generator.integers(len(known)))]
        if not isinstance(problem_id, str):
            raise BadUsage(f"options['problem'] is {problem_id!r}; give the id of a problem, e.g. 'core/softmax'")
        return self._problems.get(problem_id) or get_problem(problem_id)

    def begin(self, problem: Problem) -> Episode:
        """Returns a new episode.

        Raises:
            KernelGymError: The problem can't be described.
        """
        return Episode(problem, self.evaluator.describe(problem), self.rules)

    def close(self) -> None:
        """Closes an evaluator of its own; calling it again does nothing."""
        self._closed = True
        if self._own is not None:
            self._own.close()
            self._own = None

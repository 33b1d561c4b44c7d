"""What a program's launches do, counted by the CPU executor from some of their programs: bytes, operations, lines.

A GPU is not asked for it: its counters need a profiler that not everybody may use, and kernels can't fool the executor.
"""

from typing import Final

import torch

from sandboxes.contracts import Launch, references
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.hollow import replay_hollow
from sandboxes.devices.launching import Launched, launch
from sandboxes.devices.looking import Look, Looker
from sandboxes.nested import moved
from sandboxes.replay import LaunchFunction, OutOfTime, Values
from sandboxes.ttir import TTIRError

MOST_COPIED_BYTES: Final = 64 * 2**20
"""Arguments of a launch up to which they are brought to the CPU: what it does may depend on the numbers in them."""

CPU: Final = torch.device("cpu")


class Counting:
    """Counts launches while a program runs, and those that are too large for that on memory without contents.

    Args:
        program: What runs.
        choice: The variant of each launch.
        deadline_s: On `time.monotonic`'s clock; what is not counted by then is left out.
        seed: The judge's; draws which programs run and at which it is looked.
    """

    def __init__(self, program: Program, choice: Choice, deadline_s: float, seed: int) -> None:
        self._program = program
        self._choice = choice
        self._deadline_s = deadline_s
        self._seed = seed
        self._lookers: dict[bool, Looker] = {}
        if program.target is not None:
            self._lookers = {hollow: Looker(program.target, seed, hollow=hollow) for hollow in (False, True)}
        self._counted: dict[int, Launched] = {}

    def around(self, launch_function: LaunchFunction) -> LaunchFunction:
        """Returns what counts each launch before it runs, on the numbers that it finds."""

        def count_and_launch(index: int, node: Launch, values: Values) -> None:
            ids = set(references(node.variants[self._choice[index]].args))
            if sum(values[id_].untyped_storage().nbytes() for id_ in ids) <= MOST_COPIED_BYTES:
                self._count(index, node, {id_: moved(values[id_], CPU) for id_ in ids}, hollow=False)
            launch_function(index, node, values)

        return count_and_launch

    def launched(self) -> dict[int, Launched]:
        """Returns what is known of each launch; of what the executor can't run, nothing."""
        left = {index for index, node in enumerate(self._program.trace.nodes) if isinstance(node, Launch)}
        if left - set(self._counted):
            replay_hollow(self._program, self._count_if_unknown)
        return self._counted

    def _count_if_unknown(self, index: int, node: Launch, values: Values) -> None:
        if index not in self._counted:
            self._count(index, node, values, hollow=True)

    def _count(self, index: int, node: Launch, values: Values, *, hollow: bool) -> None:
        number = self._choice[index]
        kernel, looker = self._program.kernels.get((index, number)), self._lookers.get(hollow)
        look = None
        if kernel is not None and looker is not None:
            look = Look(looker=looker, resources=kernel.resources, code=kernel.code)
        try:
            counted = launch(
                index, node, number, values, self._deadline_s, count=True, sample=True, seed=self._seed, look=look
            )
        except (TTIRError, OutOfTime):
            return  # it has run on the GPU, and was right there
        self._counted[index] = counted

"""Are timed runs right? A candidate's answers wait until the reference has run on the same values.

Timed runs are many, so they are looked at on the device, and only for what is clearly wrong: a program that was right
on every element at the bench case does not become subtly wrong later, but one that kept an answer or left something out
does so by far. What looks wrong is then judged like the bench case: by a truth in float64. So are two runs at the end,
one of which is drawn at random: values differ in size from those of the bench case, so a program could tell timed runs
from judged ones, and be less careful there.
"""

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import torch

from sandboxes.contracts import Diagnostic, Outcome, Stage, clip
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.timing.freshness import Draw, Values
from sandboxes.faults import Fault
from sandboxes.judge import compare
from sandboxes.nested import labelled, structure
from sandboxes.reference import LiveReference
from sandboxes.truth import FLOORS, Trial, compute_truth, root_mean_square

CLEAR: Final = {torch.float64: 32.0, torch.float32: 32.0, torch.float16: 4.0, torch.bfloat16: 4.0}
"""Times the least tolerance of the type from which an element is clearly wrong."""

FEW: Final = 1024
"""One wrong element among so many is no reason to doubt the others, which were all judged at the bench case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a candidate has computed from some values."""

    number: int
    """Of its run, from 1."""
    draw: Draw
    output: Any
    """A copy."""
    inputs: list[Any]
    """A copy of them afterwards; empty if the reference does not change them."""


class Answers:
    """Candidate's answers in order, until they have been compared.

    Args:
        gpu: Where truth is computed if need be.
        reference: What is right by definition.
        trial: Case, weights and precision.
        values: Makes an answer's values again.
    """

    def __init__(self, gpu: Gpu, reference: LiveReference, trial: Trial, values: Values) -> None:
        self._gpu = gpu
        self._reference = reference
        self._trial = trial
        self._values = values
        self._waiting: deque[Answer] = deque()
        self._sizes: dict[int, float] = {}
        self._allowed: dict[int, float] = {}
        self._drawn: Answer | None = None
        self.compared = 0
        """Answers that were."""

    def add(self, answer: Answer) -> None:
        """Takes one up."""
        self._waiting.append(answer)

    def next(self) -> Answer | None:
        """Returns the oldest, on whose values the reference is to run; None if none waits."""
        return self._waiting.popleft() if self._waiting else None

    def compare(self, answer: Answer, output: Any, inputs: list[Any]) -> None:
        """Compares an answer with the reference's.

        Raises:
            Fault: It is wrong.
        """
        self.compared += 1
        if secrets.randbelow(self.compared) == 0:  # each of them is as likely to be the one that stays
            self._drawn = answer
        own = labelled(answer.output) + labelled(answer.inputs)
        right = labelled(output) + (labelled(inputs) if answer.inputs else [])
        doubts = structure(answer.output) != structure(output) or any(
            one.shape != other.shape or one.dtype != other.dtype or self._is_off(place, one, other)
            for place, ((_, one), (_, other)) in enumerate(zip(own, right, strict=False))
        )
        if doubts:
            self._judge(answer)
            for place, ((_, one), (_, other)) in enumerate(zip(own, right, strict=True)):
                self._allowed[place] = max(self._allowed.get(place, 0.0), 2 * self._off_by(place, one, other))

    def judge_some(self, last: Answer | None) -> None:
        """Judges the last answer, and one that is drawn from all, as far as memory goes.

        The values of the last are drawn once more, and the reference is made anew: a kernel that could find either in
        the GPU's memory, and change it, would be right about something else.

        Raises:
            Fault: It is wrong.
        """
        chosen = {answer.number: answer for answer in (last, self._drawn) if answer is not None}
        self._drawn = None
        for answer in chosen.values():
            try:
                with self._gpu.faults():
                    self._judge(answer, anew=answer is last)
            except GpuError as error:
                if error.fault is not GpuFault.OUT_OF_MEMORY:
                    raise

    def _is_off(self, place: int, own: torch.Tensor, right: torch.Tensor) -> bool:
        """True if more elements than chance explains are far from the reference's."""
        if own.numel() == 0:
            return False
        wrong = self._differences(own, right) > self._limit(place, right)
        return int(wrong.sum()) > own.numel() // FEW

    def _off_by(self, place: int, own: torch.Tensor, right: torch.Tensor) -> float:
        """Returns how far off an answer is that was found to be right, relative to its size."""
        if not own.numel() or not own.is_floating_point():
            return 0.0
        off = float(self._differences(own, right).nan_to_num(nan=0.0, posinf=0.0).max())
        return off / (self._sizes.get(place, 0.0) or 1.0)

    def _differences(self, own: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        if not own.is_floating_point():
            return (own != right).float()
        alike = (own == right) | right.isnan()
        return (own.double() - right.double()).abs_().nan_to_num_(nan=float("inf")).masked_fill_(alike, 0.0)

    def _limit(self, place: int, right: torch.Tensor) -> float:
        """Returns from which difference on an element is clearly wrong: by the size that outputs usually have."""
        if not right.is_floating_point():
            return 0.5
        wide = right.float() if right.element_size() == 1 else right  # torch has little for float8
        finite = wide.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)  # cheaper than to pick them
        size = self._sizes[place] = max(self._sizes.get(place, 0.0), root_mean_square(finite))
        share = FLOORS.get(right.dtype, 1e-1) * CLEAR.get(right.dtype, 1.0)
        return max(share, self._allowed.get(place, 0.0)) * size

    def _judge(self, answer: Answer, *, anew: bool = False) -> None:
        """Judges an answer like the bench case's.

        Raises:
            Fault: It is wrong.
        """
        drawn = self._values.anew(answer.draw) if anew else self._values.copy(answer.draw)
        truth = compute_truth(self._reference, self._trial, self._gpu, drawn)
        after = answer.inputs or drawn
        verdict = compare(truth, answer.output, after)
        if verdict.passed:
            return
        message = (
            f"it is right at the bench case when it is checked, and wrong in run {answer.number} of those that are "
            f"timed, on other values and addresses: {verdict.detail}"
        )
        hint = "Each run has to compute everything from its inputs: whatever an earlier run left behind is overwritten."
        diagnostic = Diagnostic(stage=Stage.PROFILE, message=clip(message), hint=hint, case=self._trial.case.name)
        raise Fault(Outcome.INCORRECT, diagnostic)

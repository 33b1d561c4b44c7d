"""A candidate and its reference as what `sampling` times: prepared on several sets of addresses, fresh before each run.

Before a run of the candidate everything that an earlier run could have left behind is overwritten: inputs get other
values, constants that the program writes to are put back, memory without contents and outputs are poisoned. The truth
of its values is nowhere yet: the reference runs on them later, and what it has computed is overwritten before the
candidate runs again.

On a slot both read their inputs from the same addresses, so that what addresses do to them is alike.
"""

import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch

from sandboxes.contracts import Precision, references
from sandboxes.devices.cuda.arena import Arena
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu, Prepared, Sample
from sandboxes.devices.cuda.running import Laid, Loaded, forward, launcher, lay_out, needed_bytes
from sandboxes.devices.cuda.timing.answers import Answer, Answers
from sandboxes.devices.cuda.timing.freshness import Draw, Values
from sandboxes.devices.device import Choice, Program, Rival
from sandboxes.nested import clone, labelled, same
from sandboxes.reference_module import placed
from sandboxes.replay import poison

FEWER_SLOTS: Final = (6, 4, 3, 2, 1)
"""Sets of addresses: as many as memory has room for; with one, addresses are never fresh, and that is flagged."""
MANY_SLOTS: Final = 3
MEMORY_SHARE: Final = 16
"""More slots may take one in so many bytes of the GPU's memory together."""
BASES: Final = 3
"""Sets of elements."""
FEWER_BASES: Final = 2
"""With one or two slots."""
SEED_BITS: Final = 48


class Place:
    """Work on one slot.

    Args:
        gpu: Where.
        work: Computes the output.
        capture: False launches it piece by piece.
    """

    def __init__(self, gpu: Gpu, work: Callable[[], Any], *, capture: bool) -> None:
        self._work = work
        self.output: Any = None
        """Of the last run."""
        self.prepared: Prepared = gpu.prepare(self._run, capture=capture)

    def _run(self) -> None:
        self.output = self._work()


class CandidateSide:
    """Implements `Side` for a candidate.

    Args:
        laid: Its tensors on each slot.
        places: Its work there.
        arena: Whose guards are looked at.
        values: Where inputs come from.
        answers: Where outputs go.
        restored: Constants by key as they have to be before each run: those that the program writes to.
        kept_inputs: The reference changes its inputs, so they are part of the answer.
    """

    def __init__(
        self,
        laid: Sequence[Laid],
        places: Sequence[Place],
        arena: Arena,
        values: Values,
        answers: Answers,
        restored: dict[str, torch.Tensor],
        *,
        kept_inputs: bool,
    ) -> None:
        self.places = places
        self._laid = laid
        self._arena = arena
        self._values = values
        self._answers = answers
        self._restored = restored
        self._kept_inputs = kept_inputs
        self._slot = 0
        self._draw: Draw | None = None
        self._runs = 0

    def refresh(self, slot: int) -> None:
        """Overwrites what an earlier run has left behind, with values that nobody has seen."""
        laid, self._slot = self._laid[slot], slot
        self._draw = self._values.fresh()
        poison_output(self.places[slot].output, laid.constants.values())  # first: it may be an input
        for key, tensor in self._restored.items():
            laid.constants[key].copy_(tensor)
        self._arena.slot(slot).poison()
        self._values.write(self._draw, laid.inputs)

    def time(self) -> Sample:
        """Runs once."""
        self._runs += 1
        return self.places[self._slot].prepared.time()

    def verify(self) -> None:
        """Looks at the guards, and hands the answer in.

        Raises:
            GpuError: `GUARD`: one was overwritten.
        """
        assert self._draw is not None
        self._arena.slot(self._slot).check()
        output = clone(self.places[self._slot].output)
        inputs = clone(self._laid[self._slot].inputs) if self._kept_inputs else []
        self._answers.add(Answer(number=self._runs, draw=self._draw, output=output, inputs=inputs))


class ReferenceSide:
    """Implements `Side` for the reference: it runs on values of which the candidate has handed in its answer.

    Args:
        inputs: On each slot, at the candidate's addresses.
        places: Its work there.
        values: Where inputs come from.
        answers: What to compare with.
        weights: Tensors of its module.
        restored: Those that its forward changes, and what they were.
    """

    def __init__(
        self,
        inputs: Sequence[list[Any]],
        places: Sequence[Place],
        values: Values,
        answers: Answers,
        weights: Sequence[torch.Tensor],
        restored: Sequence[tuple[torch.Tensor, torch.Tensor]],
    ) -> None:
        self._weights = weights
        self.places = places
        self.inputs = inputs
        self._values = values
        self._answers = answers
        self._restored = restored
        self._slot = 0
        self._answer: Answer | None = None

    def refresh(self, slot: int) -> None:
        """Makes the values of the oldest answer again."""
        self._slot = slot
        self._answer = self._answers.next()
        draw = self._values.fresh() if self._answer is None else self._answer.draw
        for tensor, before in self._restored:
            tensor.copy_(before)
        self._values.write(draw, self.inputs[slot])

    def time(self) -> Sample:
        """Runs once."""
        return self.places[self._slot].prepared.time()

    def verify(self) -> None:
        """Compares the answer with what it has computed, and forgets both.

        Raises:
            Fault: The answer is wrong.
        """
        place = self.places[self._slot]
        if self._answer is not None:
            self._answers.compare(self._answer, place.output, self.inputs[self._slot])
            self._answer = None
        poison_output(place.output, self._weights)

    def finish(self) -> None:
        """Compares all answers that still wait, and looks at some more closely.

        Raises:
            Fault: One is wrong.
        """
        last: Answer | None = None
        while True:
            self.refresh(self._slot)
            if self._answer is None:
                self._answers.judge_some(last)
                return
            last = self._answer
            self.places[self._slot].prepared.run()
            self.verify()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both sides, ready to be timed."""

    candidate: CandidateSide
    reference: ReferenceSide
    slots: int
    captured: bool
    """Both are CUDA graphs. Otherwise the host launches the candidate, and the reference too if it can't be one: who
    reads a number back does not slow the reference down."""
    work: Callable[[], object]
    """The candidate's, launched piece by piece."""
    rival_work: Callable[[], object]
    """The reference's, likewise."""
    model: torch.nn.Module
    """The reference's module, on the device."""

    def prime(self) -> None:
        """Has the candidate run once: a round may begin with the reference, which needs an answer to look at."""
        self.candidate.refresh(self.slots - 1)
        self.candidate.time()
        self.candidate.verify()


def make_pair(gpu: Gpu, program: Program, choice: Choice, loaded: Loaded, rival: Rival, precision: Precision) -> Pair:
    """Prepares both sides on new addresses and with new values, on as many slots as memory has room for.

    With one slot the addresses are those of every run.

    Raises:
        GpuError: A kernel fails, or memory is too short even for one slot.
        MalformedTrace, InvalidReference: As running either does.
    """
    for slots in FEWER_SLOTS[:-1]:
        try:
            with gpu.faults():
                return _make(gpu, program, choice, loaded, rival, precision, slots, BASES if slots > 2 else FEWER_BASES)
        except NoRoom:
            continue
        except GpuError as error:
            if error.fault is not GpuFault.OUT_OF_MEMORY:
                raise
    with gpu.faults():
        return _make(gpu, program, choice, loaded, rival, precision, FEWER_SLOTS[-1], FEWER_BASES)


class NoRoom(Exception):
    """So many slots would take more of the GPU's memory than they are worth."""


def _make(
    gpu: Gpu,
    program: Program,
    choice: Choice,
    loaded: Loaded,
    rival: Rival,
    precision: Precision,
    slots: int,
    bases: int,
) -> Pair:
    reference, trial = rival.reference, rival.trial
    draw = random.Random(secrets.randbits(SEED_BITS))
    seeds = [secrets.randbits(SEED_BITS) for _ in range(bases)]
    exact = any(not spec.startswith(("float", "bfloat")) for spec in _output_dtypes(rival))
    values = Values(gpu, reference, trial, seeds, draw, exact=exact)
    answers = Answers(gpu, reference, trial, values)
    first = values.copy(values.fresh())
    size = needed_bytes(program, first, guarded=False)
    if slots > MANY_SLOTS and slots * size > gpu.facts.memory_bytes // MEMORY_SHARE:
        raise NoRoom
    arena = Arena(gpu, size, slots)
    model = placed(reference.model(trial.case, trial.weight_seed), gpu.device)
    with gpu.precision(precision), torch.no_grad():
        laid = [lay_out(program, first, arena.slot(number), guarded=False) for number in range(len(arena))]
        launch = launcher(gpu, loaded, choice)
        works = [partial(forward, gpu, program, each, launch) for each in laid]
        rivals = [partial(reference.run, trial.case, model, each.inputs, gpu.device) for each in laid]
        own = _places(gpu, values, laid, works, capture=True)
        values.write(values.fresh(), laid[0].inputs)
        before = clone(laid[0].inputs)
        changed_weights = _changed(model, rivals[0])
        changed_inputs = not same(before, laid[0].inputs)
        theirs = _places(gpu, values, laid, rivals, capture=True)  # whatever the candidate does to its own time
        if own[0].prepared.captured and not theirs[0].prepared.captured:
            own = _places(gpu, values, laid, works, capture=False)
    weights = dict(_tensors(model))
    pristine = dict(_tensors(reference.model(trial.case, trial.weight_seed))) if changed_weights else {}
    written = program.constants if program.flow.writes_constants else {}
    candidate = CandidateSide(
        laid,
        own,
        arena,
        values,
        answers,
        {key: tensor.to(gpu.device) for key, tensor in written.items()},
        kept_inputs=changed_inputs,
    )
    side = ReferenceSide(
        [each.inputs for each in laid],
        theirs,
        values,
        answers,
        list(weights.values()),
        [(weights[name], pristine[name].to(gpu.device)) for name in changed_weights],
    )
    return Pair(
        candidate=candidate,
        reference=side,
        slots=len(arena),
        captured=own[0].prepared.captured,
        work=works[0],
        rival_work=rivals[0],
        model=model,
    )


def _changed(model: torch.nn.Module, run: Callable[[], Any]) -> list[str]:
    """Runs the reference; returns the names of its weights and buffers that this changes."""
    versions = {name: tensor._version for name, tensor in _tensors(model)}
    run()
    return [name for name, tensor in _tensors(model) if tensor._version != versions[name]]


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yields parameters and buffers, also those that a state_dict leaves out."""
    yield from model.named_parameters()
    yield from model.named_buffers()


def _places(
    gpu: Gpu, values: Values, laid: Sequence[Laid], works: Sequence[Callable[[], Any]], *, capture: bool
) -> list[Place]:
    """Prepares work on every slot; on none as a graph if it can't be one on the first."""
    places: list[Place] = []
    for each, work in zip(laid, works, strict=True):
        values.write(values.fresh(), each.inputs)
        places.append(Place(gpu, work, capture=capture))
        capture = places[0].prepared.captured
    return places


def _output_dtypes(rival: Rival) -> list[str]:
    return [rival.graph.values[id_].dtype for id_ in references((rival.graph.output,))]


def poison_output(output: Any, spared: Iterable[torch.Tensor]) -> None:
    """Fills outputs with what can't pass for results, but for those that lie in the memory of others."""
    others = {tensor.untyped_storage().data_ptr() for tensor in spared}
    for _, tensor in labelled(output):
        alone = tensor.untyped_storage().data_ptr() not in others
        if alone and torch._debug_has_internal_overlap(tensor) == 0:
            poison(tensor)

"""The GPU as a device: kernels run on it between guards, and are timed next to the reference."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from sandboxes.compilation import CompileFailure
from sandboxes.contracts import EvalConfig, Launch, Profile, Target, Variant, references
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.cuda.arena import Arena, Slot
from sandboxes.devices.cuda.assembly import check_operations
from sandboxes.devices.cuda.choosing import Chooser
from sandboxes.devices.cuda.counting import Counting
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.fitting import fitted
from sandboxes.devices.cuda.gpu import Gpu, Mark
from sandboxes.devices.cuda.profiles.ceilings import ceilings_of
from sandboxes.devices.cuda.profiles.profiling import measured_profile
from sandboxes.devices.cuda.running import Laid, Loaded, forward, launcher, lay_out, needed_bytes, watched
from sandboxes.devices.cuda.timing.measuring import measure
from sandboxes.devices.cuda.timing.sides import FEWER_BASES
from sandboxes.devices.cuda.turn import OnTurn, running
from sandboxes.devices.device import Around, Choice, CompileInOrder, Program, Rival, Run
from sandboxes.hardware.targets import get_target
from sandboxes.replay import LaunchFunction
from sandboxes.shelf import Keeper
from sandboxes.truth import Home
from sandboxes.ttir import parse


class CudaDevice:
    """Implements `Device`.

    Args:
        gpu: Where kernels run.
        config: For which target kernels are compiled, with what precision, and what is measured for how long.
        shelf: Keeps what this GPU reaches, and how fast compiled references are; None leaves both unknown.

    Raises (all methods, beyond what `Device` says):
        CompileFailure: A kernel can't be compiled for the target, or needs more than it has.
        UnsupportedOperation: A kernel does what the executor does not know, and that is no arithmetic (see `assembly`).
        GpuError: A kernel fails on the GPU; `GpuError.node` says which.
        GpuLost: The GPU itself fails.
    """

    def __init__(
        self, gpu: Gpu, config: EvalConfig, *, shelf: Keeper | None = None, on_turn: OnTurn = lambda turn: None
    ) -> None:
        self._gpu = gpu
        self._config = config
        self._shelf = shelf
        self._on_turn = on_turn
        self._target = get_target(config.target)
        self._cpu = CpuDevice(config.precision)
        self._arena: Arena | None = None
        self._kernels: dict[tuple[object, ...], Any] = {}
        self._measured_variants = 0

    @property
    def home(self) -> Home:
        """The GPU: truth is computed there, too, after the candidate has run."""
        return self._gpu

    def choose(
        self,
        program: Program,
        inputs: Callable[[], Sequence[Any]],
        compile_in_order: CompileInOrder,
        target: Target,
        deadline_s: float,
    ) -> tuple[Program, Choice]:
        """Measures all variants that compile, in the program itself, and takes the fastest of each launch."""
        launches = {index: node for index, node in enumerate(program.trace.nodes) if isinstance(node, Launch)}
        compiled = compile_in_order({index: range(len(node.variants)) for index, node in launches.items()})
        loaded = self._load_compiled(compiled, launches)
        self._measured_variants = 0
        if len(loaded) == len(launches):
            return compiled, dict(loaded.keys())
        values = inputs()
        slot = self._slot(needed_bytes(compiled, values, guarded=True))
        chooser = Chooser(gpu=self._gpu, trace=compiled.trace, loaded=loaded, slot=slot, deadline_s=deadline_s)
        with self._gpu.faults(), self._gpu.precision(self._config.precision), running(self._on_turn):
            laid = lay_out(compiled, values, slot, guarded=True)
            forward(self._gpu, compiled, laid, chooser.launch)
        self._measured_variants = chooser.measured
        return compiled, chooser.choice

    def run(
        self,
        program: Program,
        inputs: Sequence[Any],
        choice: Choice,
        deadline_s: float,
        seed: int,
        around: Around | None = None,
    ) -> Run:
        """Runs every launch on the GPU, waits for it, and looks at the guards.

        `seed` draws nothing here: a GPU runs programs in an order of its own. The output, and the inputs afterwards,
        lie in memory that the next run uses. Hollow programs, and those that are looked at, run on the CPU.
        """
        if program.hollow or around is not None:
            return self._cpu.run(program, inputs, choice, deadline_s, seed, around)
        loaded = self._load_chosen(program, choice)
        slot = self._slot(needed_bytes(program, inputs, guarded=True))
        with self._gpu.faults(), self._gpu.precision(self._config.precision), running(self._on_turn):
            laid = lay_out(program, inputs, slot, guarded=True)
            launch = watched(self._gpu, slot, launcher(self._gpu, loaded, choice), deadline_s)
            output = forward(self._gpu, program, laid, launch, deadline_s=deadline_s)
            self._gpu.synchronize()
            changed = _changed_weights(program, laid)
        slot.check()
        return Run(output=output, inputs=laid.inputs, changed_weights=changed)

    def profile(self, program: Program, choice: Choice, run: Run, rival: Rival, target: Target) -> Profile:
        """Times the program next to the reference, and each of its nodes; bytes and operations are counted.

        Raises:
            Fault: An output of a timed run is wrong.
            GpuError: `NO_ROOM`: there is too little memory to time it beside the reference; or as the other methods.
        """
        try:
            return self._timed(program, choice, rival, target)
        except GpuError as error:
            if error.fault is not GpuFault.OUT_OF_MEMORY:
                raise
            raise GpuError(GpuFault.NO_ROOM, self._shortage(program, rival, error)) from error

    def _timed(self, program: Program, choice: Choice, rival: Rival, target: Target) -> Profile:
        deadline_s = time.monotonic() + self._config.replay_timeout_s
        actual = fitted(target, self._gpu.facts)
        loaded = self._load_chosen(program, choice)
        counting = Counting(program, choice, deadline_s, rival.trial.seed)
        launch = launcher(self._gpu, loaded, choice)
        drawn = rival.reference.draw(rival.trial.case, rival.trial.distribution, rival.trial.seed)
        with self._gpu.faults(), self._gpu.precision(self._config.precision):
            slot = self._slot(needed_bytes(program, drawn, guarded=False))
            laid = lay_out(program, drawn, slot, guarded=False)
            forward(self._gpu, program, laid, counting.around(launch))
        measured = measure(
            self._gpu,
            program,
            choice,
            loaded,
            rival=rival,
            config=self._config,
            target=actual,
            launched=counting.launched(),
            variants=self._measured_variants,
            shelf=self._shelf,
            compiled=self._config.compiled_reference,
        )
        ceilings = ceilings_of(self._gpu, actual, self._shelf) if self._shelf is not None else None
        with self._gpu.faults(), self._gpu.precision(self._config.precision):
            return measured_profile(
                self._gpu,
                program,
                choice,
                lambda mark: _run_anew(self._gpu, program, laid, slot, launch, mark),
                launched=counting.launched(),
                reference=rival.graph,
                target=target,
                actual=actual,
                precision=self._config.precision,
                measured=measured,
                ceilings=ceilings,
            )

    def _shortage(self, program: Program, rival: Rival, error: GpuError) -> str:
        """Returns what timing needs next to what there is: the candidate has been judged, so it fits by itself."""
        sizes = [value.bytes for value in (rival.graph.values[id_] for id_ in references(rival.graph.inputs))]
        weights = sum(rival.graph.values[constant.value].bytes for constant in rival.graph.constants)
        drawn = rival.reference.draw(rival.trial.case, rival.trial.distribution, rival.trial.seed)
        own = needed_bytes(program, drawn, guarded=False)
        judged = 0 if self._arena is None else self._arena.slot_bytes
        return (
            f"timing needs {_mib(own)} for the candidate's tensors, {_mib(judged)} for those of its judged run, "
            f"{FEWER_BASES} sets of inputs of {_mib(sum(sizes))}, {_mib(weights)} of weights for the reference, and "
            f"what both compute on the way; {self._gpu.facts.title} has {_mib(self._gpu.facts.memory_bytes)} "
            f"({error.detail})"
        )

    def _slot(self, size_bytes: int) -> Slot:
        """Returns a slot of at least this size; what lay in the last one is gone."""
        if self._arena is None or self._arena.slot_bytes < size_bytes:
            self._arena = None  # before there is another
            self._arena = Arena(self._gpu, size_bytes)
        return self._arena.slot(0)

    def _load(self, variant: Variant) -> Any:
        key = (variant.ttir, variant.num_warps, variant.num_stages, variant.num_ctas, variant.maxnreg)
        if key not in self._kernels:
            check_operations(parse(variant.ttir))
            self._kernels[key] = self._gpu.load(variant, self._target)
        return self._kernels[key]

    def _load_compiled(self, program: Program, launches: Mapping[int, Launch]) -> Loaded:
        """Loads every variant that was compiled; one at least of each launch."""
        loaded: dict[tuple[int, int], Any] = {}
        failures: dict[int, CompileFailure] = {}
        for index, number in sorted(program.kernels):
            try:
                loaded[index, number] = self._load(launches[index].variants[number])
            except CompileFailure as failure:
                failures.setdefault(index, failure)
        for index in launches:
            if index in failures and not any(node == index for node, _ in loaded):
                raise failures[index]
        return loaded

    def _load_chosen(self, program: Program, choice: Choice) -> Loaded:
        nodes = enumerate(program.trace.nodes)
        chosen = {(index, choice.get(index, 0)): node for index, node in nodes if isinstance(node, Launch)}
        return {(index, number): self._load(node.variants[number]) for (index, number), node in chosen.items()}


def _run_anew(gpu: Gpu, program: Program, laid: Laid, slot: Slot, launch: LaunchFunction, mark: Mark) -> object:
    """Runs a program that does not find what it left behind last time, or it could be busy only while it is watched."""
    with mark(len(program.trace.nodes)):  # nobody's work
        slot.poison()
        for key in laid.constants if program.flow.writes_constants else ():
            laid.constants[key].copy_(program.constants[key])
    return forward(gpu, program, laid, launch, mark=mark)


def _changed_weights(program: Program, laid: Laid) -> tuple[str, ...]:
    """Returns the keys of parameters that differ from what they were, bit by bit."""
    if not program.flow.writes_constants:
        return ()
    parameters = [item.key for item in program.trace.constants if item.role == "parameter"]
    return tuple(
        key for key in parameters if not torch.equal(_bits(program.constants[key]), _bits(laid.constants[key]))
    )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB"


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the elements of a tensor, row by row, as bytes on the CPU."""
    return tensor.cpu().reshape(-1).view(torch.uint8)

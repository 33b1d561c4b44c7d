"""From what a sandbox sent to programs that may be run: verified and compiled."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import torch

from sandboxes.compilation import CompiledKernel, CompileFailure, check_launch, compile_variant
from sandboxes.contracts import (
    Case,
    CaseKind,
    CaseResult,
    Diagnostic,
    Finding,
    Launch,
    Outcome,
    Severity,
    Stage,
    Submission,
    Target,
    Trace,
    Variant,
)
from sandboxes.dataflow import analyse
from sandboxes.devices.device import Program
from sandboxes.faults import Fault, fault, malformed
from sandboxes.gate import Evidence, Gate
from sandboxes.hosted import check_scalars
from sandboxes.precompilation import CompileTimeout, crash, precompile
from sandboxes.tracing.service import Traced
from sandboxes.ttir import MadeUpPointer, Where, made_up_pointer, parse
from sandboxes.validation import load_constants, validate

Programs = Mapping[tuple[str, int], Program]
"""By case name and weight seed."""

Order = Mapping[int, Sequence[int]]
"""For each launch (by node index) its variants, most promising first."""

COMPILE_HINT = "Use smaller blocks: the compiler unrolls every tensor of a block over the threads of its program."
"""What to do about a compiler that does not end in time."""


class Ahead(Protocol):
    """Compiles variants into the cache, out of harm's way: `precompile`, or that of a `CompileHelper`."""

    def __call__(
        self, variants: Sequence[Variant], target: Target, *, processes: int, timeout_s: float
    ) -> dict[int, str]:
        """See `precompile`."""
        ...


PROMISING = 2
"""Variants of a launch that are compiled, unless they spill: the model chooses among them."""


def raise_if_failed(traced: Traced, submission: Submission) -> None:
    """Raises the fault of a candidate that could not be traced.

    Raises:
        Fault: There are no traces.
    """
    failure = traced.failure
    if failure is None:
        return
    outcome = Outcome.TIMEOUT if traced.timed_out else Outcome(failure.outcome)
    stage = Stage.COMPILE if outcome is Outcome.COMPILE_ERROR else Stage.TRACE
    raise fault(outcome, stage, submission, failure.message, failure.line, failure.hint, failure.case)


def verify(
    traced: Traced,
    cases: Sequence[Case],
    weight_seed: int,
    submission: Submission,
    gate: Gate,
    graphs: Mapping[str, Trace],
) -> tuple[Programs, tuple[Finding, ...]]:
    """Checks traces as data, derives their dataflow and passes them through the gate.

    What counts is the bench case, which is paid for: at a tiny check shape Triton may fold an honest kernel into a
    constant, so a rejection there is only a warning, and the judge has the word. If the bench case is hollow, only
    the check cases are judged, so the largest of them counts as well.

    Args:
        traced: What the sandbox sent.
        cases: All of them must have been traced under `weight_seed`.
        weight_seed: The first one of the configuration.
        submission: For excerpts.
        gate: Looks at every trace.
        graphs: The reference's own, by case.

    Raises:
        DetectorBroken: A rule of somebody else's fails.
        Fault: A case is missing, or the gate found a hack.
        MadeUpPointer: A kernel makes a pointer of data.
        MalformedTrace, OperatorNotAllowed, TTIRSyntaxError: The trace is not what the tracer would have made.
    """
    constants = {module: load_constants(blob) for module, blob in traced.blobs.items()}
    by_name = {case.name: case for case in cases}
    deciding = _deciding(cases)
    programs: dict[tuple[str, int], Program] = {}
    findings: dict[str, Finding] = {}
    for trace in traced.traces:
        if trace.case not in by_name:
            malformed(submission, f"there is no case `{trace.case}`")
        case = by_name[trace.case]
        data = {} if case.hollow else constants.get((case.module, trace.weight_seed), {})
        validate(trace, case, data)
        flow = analyse(trace)
        check_scalars(trace, flow)
        programs[trace.case, trace.weight_seed] = Program(
            trace=trace, flow=flow, constants=data, kernels={}, hollow=case.hollow
        )
        _check_pointers(trace)
        decides = case.name in deciding
        evidence = Evidence(submission=submission, case=case, trace=trace, flow=flow, reference=graphs[case.name])
        for finding in gate.examine(evidence):
            if decides or finding.rule not in findings:
                findings[finding.rule] = finding if decides else finding.model_copy(update={"severity": Severity.WARN})
    if missing := [name for name in by_name if (name, weight_seed) not in programs]:
        malformed(submission, f"case `{missing[0]}` was not traced")
    raise_if_rejected(tuple(findings.values()), submission)
    return programs, tuple(findings.values())


def _check_pointers(trace: Trace) -> None:
    """Checks that a trace tells what its kernels read and write; otherwise the gate would take them for decoys.

    Raises:
        MadeUpPointer: A kernel makes a pointer of data.
    """
    for node in trace.nodes:
        if isinstance(node, Launch):
            for variant in node.variants:
                if (made_up := made_up_pointer(parse(variant.ttir))) is not None:
                    raise MadeUpPointer(made_up.name, Where(node.kernel, location=made_up.location))


def _deciding(cases: Sequence[Case]) -> set[str]:
    """Returns the names of the cases at which a rejection counts."""
    names = {case.name for case in cases if case.kind is CaseKind.BENCH}
    checks = [case for case in cases if case.kind is CaseKind.CHECK]
    if checks and any(case.hollow for case in cases):
        names.add(max(checks, key=lambda case: case.input_elements).name)
    return names


def raise_if_rejected(findings: tuple[Finding, ...], submission: Submission, cases: Sequence[CaseResult] = ()) -> None:
    """Raises the fault of a candidate that the gate rejects.

    Args:
        findings: All of them.
        submission: For the excerpt.
        cases: What has been compared by then.

    Raises:
        Fault: One of the findings rejects.
    """
    rejected = next((finding for finding in findings if finding.severity is Severity.REJECT), None)
    if rejected is not None:
        diagnostic = Diagnostic(
            stage=Stage.VERIFY,
            message=rejected.evidence,
            line=rejected.line,
            excerpt=submission.line(rejected.line),
            hint="Let your own Triton kernels compute the output from the inputs.",
            case=rejected.case,
        )
        raise Fault(Outcome.HACK, diagnostic, findings, cases)


def check_launches(programs: Programs, target: Target) -> None:
    """Checks grids and block sizes of all cases.

    Raises:
        CompileFailure: No variant of a launch fits the target.
    """
    for program in programs.values():
        for node in program.trace.nodes:
            if isinstance(node, Launch):
                _check_launch(node, target)


def _check_launch(node: Launch, target: Target) -> None:
    failures: list[CompileFailure] = []
    for variant in node.variants:
        try:
            return check_launch(variant, target)
        except CompileFailure as failure:
            failures.append(failure)
    failures[0].line = failures[0].line or node.line
    raise failures[0]


def compile_program(
    program: Program, order: Order, target: Target, timeout_s: float, submission: Submission, ahead: Ahead = precompile
) -> Program:
    """Returns the program with the first variants of each launch compiled.

    Args:
        program: The bench case.
        order: For each launch its variants, most promising first; `PROMISING` that fit without spilling are enough.
        target: The GPU.
        timeout_s: Wall time for everything.
        submission: For the fault.
        ahead: Compiles first, where a crash hurts nobody.

    Raises:
        CompileFailure: No variant of a launch compiles or fits.
        Fault: It takes too long.
    """
    deadline = time.monotonic() + timeout_s
    waiting = {index: list(numbers) for index, numbers in order.items()}
    kernels: dict[tuple[int, int], CompiledKernel] = {}
    failures: dict[int, CompileFailure] = {}
    while waiting:
        batch = [(index, number) for index, numbers in waiting.items() for number in numbers[:PROMISING]]
        crashes = _precompile(program, batch, target, deadline, submission, ahead)
        for index, number in batch:
            try:
                kernels[index, number] = _compile(_variant(program, index, number), target, crashes)
            except CompileFailure as failure:
                failure.line = failure.line or program.trace.nodes[index].line
                failures.setdefault(index, failure)
        waiting = {
            index: numbers[PROMISING:]
            for index, numbers in waiting.items()
            if numbers[PROMISING:] and _clean(kernels, index) < PROMISING
        }
    for index, first in failures.items():
        if not any(node == index for node, _ in kernels):
            raise first
    return replace(program, kernels=kernels, target=target)


def compile_others(program: Program, target: Target, timeout_s: float, ahead: Ahead = precompile) -> Program:
    """Returns a compiled program with all other variants compiled, too, as far as they can be, and in time.

    Args:
        program: Of each launch one variant is compiled at least.
        target: The GPU.
        timeout_s: Wall time for all of them; what is not ready then is left out.
        ahead: See `compile_program`.
    """
    others = [
        (index, number)
        for index, node in enumerate(program.trace.nodes)
        if isinstance(node, Launch)
        for number in range(len(node.variants))
        if (index, number) not in program.kernels
    ]
    variants = list(dict.fromkeys(_variant(program, *each) for each in others))
    lost: set[Variant] = set()
    if variants:
        try:
            crashed = ahead(variants, target, processes=torch.get_num_threads(), timeout_s=timeout_s)
            lost = {variants[number] for number in crashed}
        except CompileTimeout as timeout:
            lost = {variants[number] for number in timeout.unfinished}
    kernels = dict(program.kernels)
    for index, number in others:
        if (variant := _variant(program, index, number)) not in lost:
            with suppress(CompileFailure):
                kernels[index, number] = compile_variant(variant, target)
    return replace(program, kernels=kernels, target=target)


def _variant(program: Program, index: int, number: int) -> Variant:
    node = program.trace.nodes[index]
    assert isinstance(node, Launch)
    return node.variants[number]


def _precompile(
    program: Program,
    batch: Sequence[tuple[int, int]],
    target: Target,
    deadline: float,
    submission: Submission,
    ahead: Ahead,
) -> dict[Variant, str]:
    """Compiles ahead; returns the variants that brought the compiler down, with the signal."""
    nodes = {_variant(program, *each): each[0] for each in reversed(batch)}
    variants = list(dict.fromkeys(_variant(program, *each) for each in batch))
    left = max(0.0, deadline - time.monotonic())
    try:
        crashed = ahead(variants, target, processes=torch.get_num_threads(), timeout_s=left)
    except CompileTimeout as timeout:
        busy = [program.trace.nodes[nodes[variants[number]]] for number in timeout.busy_with]
        names = " and ".join(dict.fromkeys(f"kernel '{node.kernel}'" for node in busy if isinstance(node, Launch)))
        text = f"compiling {names or 'the kernels'} took longer than the time limit"
        line = busy[0].line if busy else None
        raise fault(Outcome.TIMEOUT, Stage.COMPILE, submission, text, line, COMPILE_HINT) from None
    return {variants[number]: name for number, name in crashed.items()}


def _compile(variant: Variant, target: Target, crashes: Mapping[Variant, str]) -> CompiledKernel:
    if variant in crashes:
        raise crash(crashes[variant])
    return compile_variant(variant, target)


def _clean(kernels: Mapping[tuple[int, int], CompiledKernel], index: int) -> int:
    """Returns how many variants of a launch are compiled and keep everything in registers."""
    return sum(node == index and kernel.resources.spill_bytes == 0 for (node, _), kernel in kernels.items())

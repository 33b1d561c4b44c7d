"""One evaluation under way: what is evaluated, and what is known once its trace has been verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sandboxes.contracts import Case, Depth, EvalConfig, Submission, Target, Trace, bench_is_executed, references
from sandboxes.devices.device import Program
from sandboxes.gate import Evidence
from sandboxes.journal import Journal
from sandboxes.programs import Programs
from sandboxes.reference import LiveReference
from sandboxes.reference_trace import graph_bytes, graph_gflop, trace_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A candidate, what it has to match, and how it is evaluated."""

    submission: Submission
    reference: LiveReference
    config: EvalConfig
    target: Target
    journal: Journal
    graph: Trace
    """The reference's own at the bench case."""
    bench: Case
    """Hollow if it is too large to be executed, or only priced."""
    cases: Sequence[Case]
    """Where the candidate is traced; the bench case is the last."""

    @classmethod
    def of(
        cls, submission: Submission, reference: LiveReference, config: EvalConfig, target: Target, journal: Journal
    ) -> Self:
        """Begins an evaluation.

        Raises:
            InvalidReference: The reference can't be traced.
        """
        *checks, last = reference.cases
        graph = trace_reference(reference, last)
        judged = config.depth is Depth.JUDGED
        in_full = judged and bench_is_executed(graph_gflop(graph), graph_bytes(graph), config)
        bench = last.model_copy(update={"hollow": not in_full})
        return cls(
            submission=submission,
            reference=reference,
            config=config,
            target=target,
            journal=journal,
            graph=graph,
            bench=bench,
            cases=(*checks, bench) if judged else (bench,),
        )

    @property
    def weight_bytes(self) -> int:
        """Size of all weights that the candidate is built with."""
        graphs = {case.module: trace_reference(self.reference, case) for case in self.cases if not case.hollow}
        if not graphs:
            return 0
        sizes = {
            number: sum(graph.values[item.value].bytes for item in graph.constants) for number, graph in graphs.items()
        }
        return sum(sizes.values()) + (len(self.config.weight_seeds) - 1) * sizes[self.cases[0].module]

    @property
    def answer_numbers(self) -> int:
        """Elements of the reference's outputs at the bench case."""
        return sum(self.graph.values[id_].numel for id_ in references((self.graph.output,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An evaluation whose candidate could be traced, and whose traces are in order: it can be replayed."""

    evaluation: Evaluation
    answer: bytes
    """What the sandbox sent: all that another process needs of the candidate to go on from here."""
    programs: Programs
    graphs: Mapping[str, Trace]
    """The reference's own, by case."""
    compiled: Program | None = None
    """The bench case with all variants compiled, if that is for a GPU and has been done in this process."""

    def evidence(self) -> list[Evidence]:
        """Returns what the gate was shown of each case under one weight seed."""
        seed, submission = self.evaluation.config.weight_seeds[0], self.evaluation.submission
        traced = [(case, self.programs[case.name, seed]) for case in self.evaluation.cases]
        return [
            Evidence(
                submission=submission,
                case=case,
                trace=program.trace,
                flow=program.flow,
                reference=self.graphs[case.name],
            )
            for case, program in traced
        ]

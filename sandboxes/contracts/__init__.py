"""The values that cross process boundaries: frozen, validated, JSON, free of torch."""

from sandboxes.contracts.base import SCHEMA_VERSION, Contract
from sandboxes.contracts.case import (
    Argument,
    ArgumentSequence,
    Case,
    CaseKind,
    ScalarRef,
    TensorRef,
    TensorSpec,
    TorchConstant,
)
from sandboxes.contracts.config import Depth, EvalConfig, Precision
from sandboxes.contracts.description import Description, bench_is_executed
from sandboxes.contracts.diagnostic import Diagnostic, clip
from sandboxes.contracts.finding import Finding, Severity
from sandboxes.contracts.outcome import Outcome, Stage
from sandboxes.contracts.profile import (
    Bound,
    Clocks,
    Counterfactual,
    HotLine,
    Measurement,
    NodeProfile,
    Profile,
    ProfileSource,
    Remedy,
    Resources,
    TimingFlag,
)
from sandboxes.contracts.reference import Reference
from sandboxes.contracts.report import BenchCheck, CaseResult, Report
from sandboxes.contracts.submission import MAX_SOURCE_CHARACTERS, Submission
from sandboxes.contracts.target import Target
from sandboxes.contracts.trace import (
    READ_BACK,
    AtenCall,
    Constant,
    Descriptor,
    Launch,
    LaunchArgument,
    Node,
    Trace,
    TraceFailure,
    Variant,
    node_inputs,
    node_scalars,
    references,
    scalars,
)
from sandboxes.contracts.weakness import Weakness

__all__ = [
    # what is evaluated, and how
    "MAX_SOURCE_CHARACTERS", "Argument", "ArgumentSequence", "Case", "CaseKind", "Depth", "Description",
    "EvalConfig", "Precision", "Reference", "ScalarRef", "Submission", "Target", "TensorRef", "TensorSpec",
    "TorchConstant", "Weakness", "bench_is_executed",
    # what the sandbox hands out
    "READ_BACK", "AtenCall", "Constant", "Descriptor", "Launch", "LaunchArgument", "Node", "Trace", "TraceFailure",
    "Variant", "node_inputs", "node_scalars", "references", "scalars",
    # what is reported
    "BenchCheck", "Bound", "CaseResult", "Clocks", "Counterfactual", "Diagnostic", "Finding", "HotLine", "Measurement",
    "NodeProfile", "Outcome", "Profile", "ProfileSource", "Remedy", "Report", "Resources", "Severity", "Stage",
    "TimingFlag", "clip",
    # shared
    "SCHEMA_VERSION", "Contract",
]  # fmt: skip

"""Contracts: immutable, closed, the same after a trip through JSON, and free of torch."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import sandboxes.contracts
from sandboxes.contracts import (
    SCHEMA_VERSION,
    ArgumentSequence,
    AtenCall,
    BenchCheck,
    Bound,
    Case,
    CaseKind,
    CaseResult,
    Clocks,
    Constant,
    Contract,
    Counterfactual,
    Depth,
    Description,
    Descriptor,
    Diagnostic,
    EvalConfig,
    Finding,
    HotLine,
    Launch,
    Measurement,
    NodeProfile,
    Outcome,
    Profile,
    ProfileSource,
    Reference,
    Remedy,
    Report,
    Resources,
    ScalarRef,
    Severity,
    Stage,
    Submission,
    Target,
    TensorRef,
    TensorSpec,
    TimingFlag,
    TorchConstant,
    Trace,
    TraceFailure,
    Variant,
    Weakness,
    clip,
    node_inputs,
    references,
)
from sandboxes.hardware.targets import get_target
from tests.reports import failed_report, measured_report, ok_report, unjudged_report
from tests.tracer import spec

STORED = Path(__file__).parents[2] / "data" / "report-v1.json"
TRACE = Trace(
    case="small",
    weight_seed=1,
    values=(spec(4, 32), spec(32), spec(4, 32)),
    inputs=(TensorRef(id=0), 3, None, "mean", 2.5, True),
    constants=(Constant(value=1, key="parameter:w", role="parameter"),),
    nodes=(
        AtenCall(
            operator="aten::add.Tensor",
            args=(TensorRef(id=0), TensorRef(id=1)),
            kwargs={"alpha": 1, "dtype": TorchConstant(kind="dtype", name="float32")},
            results=(TensorRef(id=2),),
            line=3,
        ),
        Launch(
            kernel="k",
            variants=(
                Variant(
                    config="BLOCK: 128",
                    ttir="module {}",
                    grid=(1, 2, 3),
                    args=(
                        TensorRef(id=2),
                        Descriptor(base=TensorRef(id=0), shape=(4, 32), strides=(32, 1), block_shape=(4, 32)),
                        7,
                        0.5,
                        True,
                        None,
                    ),
                    num_warps=4,
                    num_stages=2,
                ),
            ),
        ),
    ),
    output=ArgumentSequence(kind="list", items=(TensorRef(id=2), ArgumentSequence(kind="tuple", items=(None, 1)))),
)
SAMPLES: tuple[Contract, ...] = (
    ok_report(),
    *(failed_report(outcome) for outcome in Outcome if outcome is not Outcome.OK),
    TRACE,
    ScalarRef(id=3),
    TraceFailure(outcome="untraceable", message="no", line=3, hint="yes", case="small"),
    Submission(source="x = 'é\U0001f600'\n"),
    Reference(id="core/softmax", source="class Model: pass"),
    Case(name="rows=7,columns=129", kind=CaseKind.CHECK, shape={"rows": 7}, inputs=(spec(7, 129), 1, 0.5, None)),
    Description(
        reference=Reference(id="file/x", source="N = 4096", check_constants=({"N": 7},)),
        cases=(Case(name="N=7", kind=CaseKind.CHECK, shape={}, constants={"N": 7}, inputs=(spec(7),), hollow=True),),
        output=spec(7),
        distributions=("x1", "x3"),
        gflop=0.5,
        bytes=28,
    ),
    EvalConfig(weight_seeds=(1, 2), seed=3),
    get_target("h200"),
    Measurement(
        rounds=40,
        time_interval_us=(9.9, 10.1),
        spread=0.01,
        measured_time_us=10.0,
        floor_us=8.0,
        host_time_us=14.0,
        eager_time_us=30.0,
        flags=(TimingFlag.THROTTLED,),
        versions={"driver": "580.1"},
        clocks=Clocks(
            sm_mhz=1700, memory_mhz=2600, most_sm_mhz=1980, temperature_c=60, power_w=500, throttled=("power cap",)
        ),
    ),
    Counterfactual(
        remedy=Remedy.COALESCE, node=0, line=14, text="coalesce the load of `x`", saves_us=12.5, node_speedup=3.1
    ),
    Weakness(rule="zero_output", severity="refuse", evidence="the output is 0", remedy="shift the inputs"),
)


def test_a_sample_of_every_contract_is_tested() -> None:
    seen: set[type] = set()

    def visit(value: object) -> None:
        if isinstance(value, Contract):
            seen.add(type(value))
            for name in type(value).model_fields:
                visit(getattr(value, name))
        elif isinstance(value, tuple | list):
            for item in value:
                visit(item)
        elif isinstance(value, dict):
            visit(tuple(value.values()))

    visit(SAMPLES)
    exported = {getattr(sandboxes.contracts, name) for name in sandboxes.contracts.__all__}
    contracts = {item for item in exported if isinstance(item, type) and issubclass(item, Contract)}
    assert contracts - {Contract} <= seen


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
class TestEveryContract:
    def test_survives_json(self, sample: Contract) -> None:
        assert type(sample).model_validate_json(sample.model_dump_json()) == sample

    def test_is_immutable(self, sample: Contract) -> None:
        name = next(iter(type(sample).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(sample, name, getattr(sample, name))

    def test_refuses_fields_it_does_not_know(self, sample: Contract) -> None:
        data = json.loads(sample.model_dump_json()) | {"extra": 1}
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            type(sample).model_validate(data)

    def test_documents_every_field_or_names_it_plainly(self, sample: Contract) -> None:
        assert type(sample).__doc__


PLAIN: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def sequences(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Tuples and lists of at most three items."""
    return st.builds(
        lambda kind, items: ArgumentSequence(kind=kind, items=items),
        st.sampled_from(["tuple", "list"]),
        st.lists(items, max_size=3).map(tuple),
    )


@given(inputs=PLAIN | sequences(PLAIN | sequences(PLAIN)))
@settings(max_examples=60, deadline=None)
def test_any_plain_argument_comes_back_with_its_value_and_type(inputs: Any) -> None:
    made = Case(name="a", kind=CaseKind.BENCH, shape={}, inputs=(inputs,))
    again = Case.model_validate_json(made.model_dump_json()).inputs[0]
    assert again == inputs
    assert type(again) is type(inputs)


@given(value=st.sampled_from([math.inf, -math.inf, math.nan]))
@settings(max_examples=10)
def test_infinities_and_nan_survive_json(value: float) -> None:
    result = CaseResult(case="a", kind=CaseKind.CHECK, passed=False, trials=1, failed_trials=1, max_error=value)
    again = CaseResult.model_validate_json(result.model_dump_json()).max_error
    assert again is not None
    assert math.isnan(again) if math.isnan(value) else again == value


def test_true_stays_a_boolean_and_one_an_integer_in_a_launch() -> None:
    launch = TRACE.nodes[1]
    assert isinstance(launch, Launch)
    again = Launch.model_validate_json(launch.model_dump_json()).variants[0].args
    assert [type(item) for item in again[2:]] == [int, float, bool, type(None)]


def test_a_report_stored_with_version_1_can_still_be_read() -> None:
    report = Report.model_validate_json(STORED.read_text(encoding="utf-8"))
    assert report.outcome is Outcome.OK
    assert report.speedup == pytest.approx(2.0)
    assert report.coverage == pytest.approx(0.8)
    assert report.config.weight_seeds == (2027, 31)


@pytest.mark.parametrize(("word", "severity"), [("fatal", Severity.REJECT), ("warning", Severity.WARN)])
def test_a_stored_finding_keeps_its_severity_under_the_new_words(word: str, severity: Severity) -> None:
    stored = {"rule": "no_launch", "severity": word, "evidence": "none"}
    finding = Finding.model_validate_json(json.dumps(stored))
    assert finding.severity is severity
    assert json.loads(finding.model_dump_json())["severity"] == severity


def test_a_report_of_another_schema_version_is_refused() -> None:
    data = json.loads(ok_report().model_dump_json()) | {"schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(ValidationError, match="schema_version"):
        Report.model_validate(data)


def changed(report: Report, **fields: Any) -> Report:
    """The report with other fields, validated."""
    return Report.model_validate({name: getattr(report, name) for name in Report.model_fields} | fields)


FAILED = CaseResult(case="a", kind=CaseKind.CHECK, passed=False, trials=2, failed_trials=1)
REJECTION = Finding(rule="no_launch", severity=Severity.REJECT, evidence="none")
WARNING = Finding(rule="dead_launch", severity=Severity.WARN, evidence="one")
WHY = Diagnostic(stage=Stage.TRACE, message="because")


@pytest.mark.parametrize(
    ("report", "fields", "message"),
    [
        (ok_report(), {"cases": ()}, "at least one case"),
        (ok_report(), {"cases": (*ok_report().cases, FAILED)}, "every case passed"),
        (ok_report(), {"findings": (REJECTION,)}, "contradicts the finding `no_launch`"),
        (ok_report(), {"profile": None}, "needs a profile"),
        (failed_report(Outcome.HACK), {"findings": ()}, "needs a finding that rejects"),
        (failed_report(Outcome.HACK), {"findings": (WARNING,)}, "needs a finding that rejects"),
        (failed_report(Outcome.INCORRECT), {"profile": ok_report().profile}, "only outcome `ok` carries a profile"),
        (failed_report(Outcome.INCORRECT), {"diagnostics": ()}, "needs a diagnostic"),
        (failed_report(Outcome.COMPILE_ERROR), {"cases": ok_report().cases}, "can't have compared any case"),
        (
            ok_report(),
            {"config": EvalConfig(depth=Depth.PRICED)},
            "can't come from an evaluation that compares nothing",
        ),
        (ok_report(), {"estimate": ok_report().profile}, "no other has one"),
        (failed_report(Outcome.INCORRECT), {"estimate": ok_report().profile}, "no other has one"),
        (unjudged_report(), {"estimate": None}, "has an estimate"),
        (unjudged_report(), {"config": EvalConfig()}, "needs the depth `priced`"),
        (unjudged_report(), {"findings": (REJECTION,)}, "no finding that rejects"),
        (unjudged_report(), {"cases": ok_report().cases}, "can't have compared any case"),
        (unjudged_report(), {"profile": ok_report().profile}, "only outcome `ok` carries a profile"),
        (failed_report(Outcome.INFRASTRUCTURE), {"cases": (FAILED,)}, "can't have compared any case"),
    ],
)
def test_a_report_that_contradicts_itself_cannot_be_built(report: Report, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        changed(report, **fields)


def test_a_warning_does_not_stand_in_the_way_of_ok() -> None:
    assert changed(ok_report(), findings=(WARNING,)).speedup == pytest.approx(2.0)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_only_ok_has_a_speedup_or_a_coverage(outcome: Outcome) -> None:
    report = failed_report(outcome)
    assert report.speedup is None
    assert report.coverage is None


def test_there_is_no_speedup_until_the_bench_case_is_verified() -> None:
    assert ok_report().speedup is not None
    assert ok_report(verified=False).speedup is None
    assert changed(ok_report(), bench=None).speedup is None


def test_a_candidate_that_takes_no_time_has_no_infinite_speedup() -> None:
    assert ok_report(time_us=0.0).speedup == 0.0


@pytest.mark.parametrize(("passed", "trials", "failed"), [(True, 0, 0), (True, 3, 1), (False, 3, 0)])
def test_a_case_passes_exactly_if_it_was_tried_and_nothing_failed(passed: bool, trials: int, failed: int) -> None:
    with pytest.raises(ValidationError, match="exactly if it was tried"):
        CaseResult(case="a", kind=CaseKind.CHECK, passed=passed, trials=trials, failed_trials=failed)


def test_a_profile_adds_up() -> None:
    profile = ok_report().profile
    assert profile is not None
    with pytest.raises(ValidationError, match="add up"):
        Profile.model_validate(profile.model_dump() | {"time_us": profile.time_us + 1})
    Profile.model_validate(
        profile.model_dump() | {"time_us": profile.time_us + 1, "source": ProfileSource.MEASURED}
    )  # gaps between kernels


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (TensorSpec, {"shape": (2, 3), "dtype": "float32", "stride": (1,)}),
        (TensorSpec, {"shape": (-1,), "dtype": "float32", "stride": (1,)}),
        (TensorSpec, {"shape": (2**41,), "dtype": "float32", "stride": (1,)}),
        (TensorSpec, {"shape": (1,) * 17, "dtype": "float32", "stride": (1,) * 17}),
        (TensorSpec, {"shape": (1,), "dtype": "float128", "stride": (1,)}),
        (TensorRef, {"id": -1}),
        (TorchConstant, {"kind": "dtype", "name": "load; import os"}),
        (AtenCall, {"operator": "os.system", "args": (), "kwargs": {}, "results": ()}),
        (Launch, {"kernel": "k", "variants": ()}),
        (Submission, {"source": "x" * 200_001}),
        (Submission, {"source": "\ud800"}),
        (Case, {"name": "a\nb", "kind": "check", "shape": {}, "inputs": ()}),
        (Finding, {"rule": "Not A Rule", "severity": "reject", "evidence": ""}),
        (Diagnostic, {"stage": "trace", "message": "", "line": 0}),
        (Diagnostic, {"stage": "trace", "message": "x" * 4001}),
        (EvalConfig, {"weight_seeds": ()}),
        (EvalConfig, {"trace_timeout_s": 0}),
        (EvalConfig, {"seed": -1}),
        (TraceFailure, {"outcome": "ok", "message": ""}),
        (TraceFailure, {"outcome": "infrastructure", "message": ""}),
        (HotLine, {"line": 1, "excerpt": "", "bytes": -1, "flops": 0}),
        (HotLine, {"line": 1, "excerpt": "", "bytes": 10**400, "flops": 0}),
        (Target, get_target("h200").model_dump() | {"multiprocessors": 0}),
        (
            Resources,
            {
                "registers": 1,
                "spill_bytes": 0,
                "shared_bytes": 0,
                "threads": 32,
                "occupancy": 1.5,
                "limited_by": "nothing",
            },
        ),
    ],
)
def test_values_out_of_range_are_refused(kind: type[BaseModel], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"constants": ()}, "node 0 uses value 1 before it is defined"),
        ({"nodes": TRACE.nodes[::-1]}, "node 0 uses value 2 before it is defined"),
        ({"output": TensorRef(id=5)}, "the output uses value 5, which nothing defines"),
        ({"values": TRACE.values[:2]}, "value 2 is used but the trace has 2 values"),
        ({"inputs": (TensorRef(id=9),), "nodes": (), "output": None}, "value 9 is used"),
    ],
)
def test_a_trace_cannot_refer_to_values_that_nothing_defines(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Trace.model_validate({name: getattr(TRACE, name) for name in Trace.model_fields} | fields)


def test_a_call_cannot_use_its_own_result() -> None:
    ring = AtenCall(operator="aten::relu.default", args=(TensorRef(id=1),), kwargs={}, results=(TensorRef(id=1),))
    with pytest.raises(ValidationError, match="before it is defined"):
        Trace(case="a", weight_seed=0, values=(spec(1),) * 2, inputs=(TensorRef(id=0),), constants=(), nodes=(ring,),
              output=TensorRef(id=1))  # fmt: skip


def test_references_are_found_at_any_depth_in_order() -> None:
    deep = ArgumentSequence(
        kind="list", items=(TensorRef(id=2), ArgumentSequence(kind="tuple", items=(TensorRef(id=1),)))
    )
    assert references((deep, 3, TensorRef(id=2))) == [2, 1, 2]
    assert node_inputs(TRACE.nodes[0]) == [0, 1]
    assert node_inputs(TRACE.nodes[1]) == [2, 0]


@pytest.mark.parametrize(
    ("tensor", "dense"),
    [
        (spec(4, 32), True),
        (spec(), True),
        (spec(4, 32, stride=(1, 4)), True),
        (spec(4, 1, 32, stride=(32, 999, 1)), True),
        (spec(0, 5, stride=(77, 3)), True),
        (spec(4, 32, stride=(64, 1)), False),
        (spec(4, 32, stride=(0, 1)), False),
        (spec(2, 2, 2, stride=(1, 1, 5)), False),
    ],
)
def test_a_tensor_is_dense_if_its_elements_fill_a_block_of_memory(tensor: TensorSpec, dense: bool) -> None:
    assert tensor.is_dense is dense


def test_a_tensor_describes_itself_as_in_messages() -> None:
    tensor = spec(3, 70, dtype="bfloat16")
    assert (str(tensor), tensor.numel, tensor.bytes) == ("bfloat16[3, 70]", 210, 420)


def test_the_digest_of_a_submission_never_changes() -> None:
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert Submission(source="x").digest == digest
    assert Reference(id="any", source="x").digest == digest
    assert Submission(source="x ").digest != digest


def test_a_line_of_a_submission_is_counted_from_one_and_absent_beyond_its_ends() -> None:
    submission = Submission(source="a\n  b  \nc")
    assert [submission.line(number) for number in (None, 0, 1, 2, 3, 4)] == [None, None, "a", "b", "c", None]


@given(text=st.text(max_size=300), limit=st.integers(min_value=20, max_value=100))
@settings(max_examples=60)
def test_clipped_text_fits_and_keeps_both_ends(text: str, limit: int) -> None:
    short = clip(text, limit)
    assert len(short) <= limit
    if len(text) <= limit:
        assert short == text
    else:
        assert (short[0], short[-1]) == (text[0], text[-1])
        assert "[...]" in short


def test_importing_the_contracts_imports_neither_torch_nor_triton() -> None:
    program = "import sys, sandboxes.contracts; print(sorted({'torch', 'triton', 'numpy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_node_profile_names_what_bounds_it() -> None:
    with pytest.raises(ValidationError):
        NodeProfile.model_validate({"node": 0, "name": "k", "custom": True, "live": True, "time_us": 1, "bytes": 0,
                                    "flops": 0, "bound": "luck", "roofline_fraction": 0})  # fmt: skip
    assert {bound.value for bound in Bound} == {
        "dram", "l2", "shared", "atomics", "compute", "latency", "occupancy", "launch", "unknown",
    }  # fmt: skip


def test_a_report_of_before_the_memories_were_told_apart_can_be_read() -> None:
    assert Bound("memory") is Bound.DRAM


def test_a_bench_check_says_how_it_was_verified() -> None:
    with pytest.raises(ValidationError):
        BenchCheck.model_validate({"verified": True})


def test_reports_that_were_stored_before_profiles_told_so_much_are_read() -> None:
    document = measured_report().model_dump(mode="json")
    for name in ("busy_us", "other_us", "modelled_time_us", "modelled_reference_time_us", "modelled_nodes_us",
                 "ceilings", "doubts", "flags", "clocks"):  # fmt: skip
        del document["profile"]["measurement"][name]
    found = Report.model_validate(document).profile
    assert found is not None
    assert found.measurement is not None
    assert found.measurement.ceilings == {}
    del document["profile"]["measurement"]
    assert Report.model_validate(document).speedup == 2
    assert Report.model_validate_json(measured_report().model_dump_json()) == measured_report()

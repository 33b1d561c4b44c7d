"""Feedback: the verdict first, then the one thing to do; bounded, harmless, without secrets."""

import sys
from pathlib import Path

import pytest
import triton

from kernelgym.envs import Rules, Turn, estimate_tokens, write_feedback
from kernelgym.envs.failure import ADVICE
from rewards import get_reward
from rewards.hacks import DETECTORS
from sandboxes.contracts import (
    Bound,
    CaseKind,
    CaseResult,
    Counterfactual,
    Diagnostic,
    EvalConfig,
    Finding,
    NodeProfile,
    Outcome,
    Profile,
    Remedy,
    Report,
    Severity,
    Stage,
    Submission,
    TimingFlag,
)
from tests.reports import SOURCE, explained_report, failed_report, measured_report, ok_report, unjudged_report

FAILURES = [outcome for outcome in Outcome if outcome is not Outcome.OK]
HOSTILE = "\x1b[2J\u202e\0\U000e0041`|" * 400


def feedback(
    report: Report, *, previous: list[Turn] | None = None, rules: Rules | None = None, over: bool = False
) -> str:
    reward = get_reward()(report)
    submission = Submission(source=SOURCE)
    return write_feedback(report, reward, submission, previous=previous or [], rules=rules or Rules(), over=over)


def turn(report: Report, number: int = 1) -> Turn:
    return Turn(
        number=number, completion="", submission=None, report=report, reward=get_reward()(report), observation=""
    )


def node(**changes: object) -> Report:
    """A correct report whose slowest node is changed."""
    report = ok_report(time_us=100.0, reference_time_us=100.0, coverage=0.9)
    assert report.profile is not None
    first, *others = report.profile.nodes
    nodes = (first.model_copy(update=changes), *others)
    return report.model_copy(update={"profile": report.profile.model_copy(update={"nodes": nodes})})


@pytest.mark.parametrize("outcome", FAILURES)
def test_the_first_line_is_the_turn_and_the_outcome(outcome: Outcome) -> None:
    text = feedback(failed_report(outcome), previous=[turn(failed_report(Outcome.NO_CODE))])
    assert text.startswith(f"Turn 2 of 3: {outcome} - ")
    assert text.splitlines()[-1].startswith("1 turn is left. ")


def test_a_compile_error_shows_the_line_and_the_hint() -> None:
    text = feedback(failed_report(Outcome.COMPILE_ERROR))
    assert "Fix this first (case rows=7,columns=129): name `tl` is not defined" in text
    assert "    22 | line_22 = 22\n>   23 | line_23 = 23\n    24 | line_24 = 24" in text
    assert "Hint: import triton.language as tl" in text


def test_a_line_that_the_candidate_lacks_is_shown_from_the_diagnostic() -> None:
    assert ">  999 | line_999 = 999" in feedback(failed_report(Outcome.TRACE_ERROR, line=999))
    nowhere = Diagnostic(stage=Stage.EXTRACT, message="no text", line=999)
    report = failed_report(Outcome.NO_CODE).model_copy(update={"diagnostics": (nowhere,)})
    assert "no text\nIt is in line 999 of the code." in feedback(report)
    assert " | " not in feedback(failed_report(Outcome.TRACE_ERROR, line=None))


def test_a_wrong_result_tells_what_failed_and_what_passed() -> None:
    def case(name: str, failed: int, detail: str | None) -> CaseResult:
        return CaseResult(
            case=name, kind=CaseKind.CHECK, passed=not failed, trials=4, failed_trials=failed, detail=detail
        )

    cases = (case("a", 0, None), case("b", 4, "off by 1"), case("c", 1, "off by 2"), case("d", 0, None))
    text = feedback(failed_report(Outcome.INCORRECT, message="off by 1").model_copy(update={"cases": cases}))
    assert "Failed: b (4 of 4 input sets)\nFailed: c (1 of 4 input sets): off by 2\nPassed: a; d" in text


def test_cases_that_fail_in_the_same_way_are_told_in_one_line() -> None:
    def case(name: str, detail: str) -> CaseResult:
        return CaseResult(case=name, kind=CaseKind.CHECK, passed=False, trials=4, failed_trials=4, detail=detail)

    same = "output 0 is a tuple, not a tensor"
    cases = (case("a", same), case("b", same), case("c", "off by 2"), case("d", "off by 2"), case("e", same))
    report = failed_report(Outcome.INCORRECT, message=same)
    repeated = tuple(report.diagnostics[0].model_copy(update={"case": name}) for name in "abe")
    text = feedback(report.model_copy(update={"cases": cases, "diagnostics": repeated}))
    assert text.count(same) == 1
    times = "(4 of 4 input sets)"
    assert f"Failed: a {times}; b {times}; e {times}\nFailed: c {times}; d {times}: off by 2\n" in text
    assert "Also" not in text


@pytest.mark.parametrize(
    "outcome", [Outcome.IMPORT_ERROR, Outcome.COMPILE_ERROR, Outcome.INCORRECT, Outcome.TRACE_ERROR]
)
def test_paths_of_this_machine_are_never_told(outcome: Outcome) -> None:
    message = f"cannot import name 'foo' from 'triton.language' ({triton.language.__file__}); {[*sys.path, __file__]}"
    report = failed_report(outcome, message=message)
    first = report.diagnostics[0].model_copy(update={"hint": message})
    cases = tuple(case.model_copy(update={"detail": f"{outcome} {message}"}) for case in report.cases * 2)
    other = first.model_copy(update={"message": f"again: {message}"})
    text = feedback(report.model_copy(update={"diagnostics": (first, other), "cases": cases}))
    assert "(.../triton/language/__init__.py)" in text
    assert str(Path(__file__).parent) not in text
    assert sys.prefix not in text


def test_paths_in_evidence_are_cut_but_the_candidates_own_lines_are_not() -> None:
    finding = Finding(rule="no_launch", severity=Severity.REJECT, evidence="reads /srv/secret/key", line=1)
    report = failed_report(Outcome.HACK).model_copy(update={"findings": (finding,)})
    reward = get_reward()(report)
    source = "open( '/srv/secret/key'); x = (a) /b/c"
    text = write_feedback(report, reward, Submission(source=source), previous=[], rules=Rules(), over=False)
    assert "is broken: reads .../key\n" in text
    assert source in text


def test_a_hack_names_the_rule_and_the_remedy() -> None:
    text = feedback(failed_report(Outcome.HACK))
    assert "Rule `no_live_launch` is broken: no launch reaches an output" in text
    assert "> " in text
    assert "return the tensor that this kernel stores to" in text
    unknown = Finding(rule="new_rule", severity=Severity.REJECT, evidence="seen")
    text = feedback(failed_report(Outcome.HACK).model_copy(update={"findings": (unknown,)}))
    assert "Compute the whole result from the inputs" in text


def test_two_rules_that_blame_one_line_show_it_once() -> None:
    report = failed_report(Outcome.HACK)
    first = report.findings[0]
    second = first.model_copy(update={"rule": "token_kernels", "evidence": "seen"})
    text = feedback(report.model_copy(update={"findings": (first, second)}))
    assert text.count("> ") == 1
    assert f"Rule `token_kernels` is broken: seen (line {first.line})" in text


def test_every_rule_that_rejects_has_advice_of_its_own() -> None:
    assert {detector.name for detector in DETECTORS if detector.severity is Severity.REJECT} == set(ADVICE)


def test_a_lost_evaluation_tells_nothing_of_our_machinery() -> None:
    text = feedback(failed_report(Outcome.INFRASTRUCTURE, message="a path and a broker"))
    assert "a fault that is not yours" in text
    assert "Send the same candidate again" in text
    assert "a path and a broker" not in text
    assert "No turn is left to send it again" in feedback(failed_report(Outcome.INFRASTRUCTURE), over=True)


def test_success_tells_the_speedup_where_it_is_from_and_where_the_time_goes() -> None:
    text = feedback(ok_report())
    assert text.startswith("Turn 1 of 3: ok - 2.00× as fast as the reference (modelled for NVIDIA H200 SXM)\n")
    assert (
        "What limits it: `softmax_kernel` (80% of the time) is bound by device memory at 81% of its roofline.\n" in text
    )
    assert "Time (modelled for NVIDIA H200 SXM): 10.0 µs; reference 20.0 µs; best possible 7.00 µs" in text
    assert "80% of it in your own kernels" in text
    assert "32 registers, 0 B spilled, 128 B shared, occupancy 100%" in text
    assert "- aten::relu.default (PyTorch): 2.00 µs (20%); bound by latency, 10% of its roofline" in text
    assert "- line 12: 1.05 MB, 0 flop: line_12 = 12" in text


def test_without_a_verified_bench_no_speedup_is_claimed() -> None:
    text = feedback(ok_report(verified=False))
    assert text.startswith("Turn 1 of 3: ok - correct at the checked shapes; no speedup")
    assert "Neither speedup nor coverage is paid: larger than the budget" in text
    assert "; speedup" not in text
    assert "The task is solved" in text.splitlines()[-1]
    assert "faster" not in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"custom": False}, "is a PyTorch operator, bound by device memory at 81% of its roofline."),
        ({"live": False}, "computes what nobody uses."),
        ({"config": "BLOCK: 8, maxnreg: None"}, "; BLOCK: 8; 32 registers"),
        ({"bound": Bound.LATENCY}, "is bound by latency at 81%"),
        ({"bound": Bound.L2}, "is bound by L2 cache at 81%"),
        ({"bound": Bound.L2, "parts_us": {"l2": 1.0, "lsu": 2.0}}, "is bound by load/store units at 81%"),
        ({"bound": Bound.SHARED}, "is bound by shared memory at 81%"),
        ({"bound": Bound.ATOMICS}, "is bound by atomics at 81%"),
        ({"bound": Bound.OCCUPANCY}, "is bound by occupancy at 81%"),
        ({"bound": Bound.COMPUTE}, "is bound by arithmetic at 81% of its roofline"),
        ({"bound": Bound.COMPUTE, "parts_us": {"tensor": 2.0, "fp32": 1.0}}, "is bound by tensor cores at 81%"),
        ({"parts_us": {"dram": 1.0}}, "; the model knows no single change that would help much."),
        ({"unpriced": "inline PTX\n at line 3"}, "- softmax_kernel has no price: inline PTX at line 3\n"),
    ],
)
def test_what_limits_it_is_told_in_words(changes: dict[str, object], said: str) -> None:
    assert said in feedback(node(**changes))


def test_the_model_says_what_would_help_most_with_what_it_saves() -> None:
    lines = feedback(explained_report()).splitlines()
    assert lines[2:8] == [
        "What limits it: `softmax_kernel` (80% of the time) is bound by L2 cache at 81% of its roofline.",
        "What would help most, by the model:",
        "- `softmax_kernel`: coalesce the load of `x` at line 12: 3.10×, saves 5.00 µs (50%)",
        "- fuse `softmax_kernel` into `aten::relu`: saves one launch and one round trip of 1.05 MB: 1.11×, saves "
        "1.00 µs (10%)",
        "Time (modelled for NVIDIA H200 SXM): 10.0 µs (7.50 to 13.5); reference 20.0 µs; best possible 7.00 µs; "
        "speedup 2.00× (1.40× to 2.70×); 80% of it in your own kernels.",
        "- softmax_kernel: 8.00 µs (80%); bound by L2 cache, 81% of its roofline; 1.05 MB, 262 kflop; grid 4096×1×1; "
        "BLOCK: 1024, num_warps: 4; 32 registers, 0 B spilled, 128 B shared, occupancy 100%",
    ]


def test_lines_are_told_by_their_time_where_the_model_knows_it() -> None:
    text = feedback(explained_report())
    assert (
        "Lines that take the most time:\n- line 12: 6.00 µs (60%), 1.05 MB, 0 flop, 32.0 sectors per request: line_12"
        in text
    )
    assert "Lines with the most traffic:\n- line 12: 1.05 MB, 0 flop: line_12" in feedback(ok_report())


def test_lines_that_take_next_to_no_time_are_not_told() -> None:
    report = explained_report()
    assert report.profile is not None
    kernel, operator = report.profile.nodes
    short = kernel.hot_lines[0].model_copy(update={"line": 13, "time_us": 1e-4})
    nodes = (kernel.model_copy(update={"hot_lines": (short, *kernel.hot_lines)}), operator)
    text = feedback(report.model_copy(update={"profile": report.profile.model_copy(update={"nodes": nodes})}))
    assert "- line 12: 6.00 µs" in text
    assert "- line 13: " not in text


def test_at_most_three_changes_are_told_and_the_first_stays_to_the_end() -> None:
    report = explained_report()
    assert report.profile is not None
    many = report.profile.model_copy(update={"counterfactuals": report.profile.counterfactuals * 4})
    report = report.model_copy(update={"profile": many})
    assert feedback(report).count("saves ") == 4  # the second says it in its text, too
    brief = feedback(report, rules=Rules(feedback_tokens=180))
    assert brief.count("coalesce the load of `x`") == 1
    assert "fuse" not in brief


def test_of_measured_times_the_model_says_what_would_help() -> None:
    report, explained = measured_report(), explained_report()
    assert report.profile is not None
    assert explained.profile is not None
    profile = report.profile.model_copy(update={"counterfactuals": explained.profile.counterfactuals})
    text = feedback(report.model_copy(update={"profile": profile}))
    assert "What would help most, by the model:\n- `softmax_kernel`: coalesce" in text
    assert "saves 5.00 µs (56%)" in text, "of the modelled 9 µs"


def test_launches_that_pass_on_results_are_told_to_be_fused() -> None:
    report = ok_report(coverage=0.5)
    assert report.profile is not None
    nodes = tuple(each.model_copy(update={"roofline_fraction": 0.9}) for each in report.profile.nodes)
    wasteful = report.profile.model_copy(update={"nodes": nodes, "roofline_us": 3.0})
    text = feedback(report.model_copy(update={"profile": wasteful}))
    assert "Then: even at full speed, the 2 launches would take 3.00× the best possible time" in text
    assert "Then: " not in feedback(report)
    one = wasteful.model_copy(update={"nodes": nodes[:1]})
    assert "Then: " not in feedback(report.model_copy(update={"profile": one}))


def test_a_candidate_close_to_the_best_possible_is_told_so() -> None:
    report = ok_report()
    assert report.profile is not None
    profile = report.profile.model_copy(update={"roofline_us": 9.5})
    assert "is close to the best possible time" in feedback(report.model_copy(update={"profile": profile}))


def test_the_best_turn_so_far_is_told_once_one_was_correct() -> None:
    fast, slow, wrong = (turn(report) for report in (ok_report(time_us=5), ok_report(), failed_report(Outcome.HACK)))
    assert "Best so far" not in feedback(ok_report(), previous=[wrong])
    assert "This is the best so far" not in feedback(ok_report(), previous=[wrong])
    assert "Best so far: turn 1, 4.00×. Go on from that one." in feedback(ok_report(), previous=[fast])
    assert "Best so far: turn 1, 4.00×" in feedback(failed_report(Outcome.TIMEOUT), previous=[fast])
    assert "This is the best so far (before: turn 1, 2.00×)" in feedback(ok_report(time_us=5), previous=[slow])


def test_the_end_is_told() -> None:
    rules = Rules(max_turns=1, target_speedup=2.0)
    assert feedback(failed_report(Outcome.HACK), rules=rules, over=True).endswith("No turn is left.")
    rules = Rules(max_turns=5, target_speedup=2.0)
    assert feedback(ok_report(), rules=rules, over=True).endswith("The target speedup is reached: the episode is over.")


def hostile_reports() -> list[Report]:
    diagnostic = Diagnostic(stage=Stage.REPLAY, message=HOSTILE, line=5, excerpt=HOSTILE, hint=HOSTILE, case=HOSTILE)
    cases = tuple(
        CaseResult(case=HOSTILE, kind=CaseKind.CHECK, passed=index % 2 == 0, trials=3, failed_trials=index % 2 * 3,
                   detail=HOSTILE)
        for index in range(50)
    )  # fmt: skip
    finding = Finding(rule="x" * 60, severity=Severity.REJECT, evidence=HOSTILE, line=7, case=HOSTILE)
    incorrect = failed_report(Outcome.INCORRECT).model_copy(update={"diagnostics": (diagnostic,) * 50, "cases": cases})
    hack = failed_report(Outcome.HACK).model_copy(update={"findings": (finding,) * 50})
    good = ok_report()
    assert good.profile is not None
    slowest: NodeProfile = good.profile.nodes[0].model_copy(
        update={"name": HOSTILE, "config": HOSTILE, "unpriced": HOSTILE[:4000]}
    )
    advice = Counterfactual(
        remedy=Remedy.FUSE, node=0, other=10**30, text=HOSTILE[:4000], saves_us=1e300, node_speedup=1e300
    )
    profile: Profile = good.profile.model_copy(
        update={"nodes": (slowest,) * 500, "device": HOSTILE + "\n", "counterfactuals": (advice,) * 8}
    )
    warnings = (finding.model_copy(update={"severity": Severity.WARN}),) * 50
    return [incorrect, hack, good.model_copy(update={"profile": profile, "findings": warnings})]


@pytest.mark.parametrize("report", hostile_reports(), ids=lambda report: str(report.outcome))
def test_hostile_reports_are_cut_and_defused(report: Report) -> None:
    text = feedback(report, previous=[turn(ok_report())])
    assert estimate_tokens(text) <= Rules().feedback_tokens
    assert text.replace("\n", "").isprintable()
    assert text.startswith("Turn 2 of 3: ")
    assert text.splitlines()[1] == ""
    assert "1 turn is left" in text.splitlines()[-1]


@pytest.mark.parametrize("report", [ok_report(), *map(failed_report, FAILURES)], ids=lambda report: str(report.outcome))
def test_seeds_are_never_told(report: Report) -> None:
    config = EvalConfig(seed=987654321, weight_seeds=(192837465, 564738291))
    text = feedback(report.model_copy(update={"config": config}), rules=Rules(config=config))
    assert not any(str(seed) in text for seed in (config.seed, *config.weight_seeds))


@pytest.mark.parametrize(
    ("style", "said"), [("compact", "Nothing failed so far, and nothing was compared"), ("drkernel", '"success": null')]
)
def test_what_was_priced_only_is_not_told_as_a_failure(style: str, said: str) -> None:
    text = feedback(unjudged_report(), rules=Rules(style=style))
    assert said in text
    assert "Fix this first" not in text
    assert '"correctness": false' not in text


def test_measured_times_are_told_with_their_interval_and_the_gpu() -> None:
    assert feedback(measured_report()).splitlines()[2:7] == [
        "What limits it: `softmax_kernel` (80% of the time) is bound by device memory at 81% of its roofline.",
        "Time (measured on NVIDIA H200): 10.0 µs; reference 20.0 µs; best possible 7.00 µs; speedup 2.00× (1.98× to "
        "2.02×); 80% of it in your own kernels.",
        "- softmax_kernel: 8.00 µs (80%); bound by device memory, 81% of its roofline; 1.05 MB, 262 kflop; grid "
        "4096×1×1; BLOCK: 1024, num_warps: 4; 32 registers, 0 B spilled, 128 B shared, occupancy 100%",
        "- aten::relu.default (PyTorch): 2.00 µs (20%); bound by latency, 10% of its roofline; 1.05 MB, 1.02 kflop",
        "Lines with the most traffic:",
    ]


def test_simulated_times_are_never_called_measured() -> None:
    text = feedback(measured_report(simulated=True))
    assert "Time (simulated for NVIDIA H200)" in text
    assert "measured on" not in text


def test_what_is_to_be_known_of_measured_times_is_told_in_words() -> None:
    text = feedback(measured_report(time_us=1.0, floor_us=8.0, flags=(TimingFlag.BELOW_FLOOR, TimingFlag.UNSTABLE)))
    assert "Of these times: It was measured faster than its own bytes and operations allow" in text
    assert "Of these times: The interval did not become as narrow" in text
    assert "Of these times" not in feedback(measured_report())


def test_a_kernel_that_nobody_can_count_is_not_said_to_move_nothing() -> None:
    text = feedback(node(bytes=None, flops=None, roofline_fraction=None, bound=Bound.UNKNOWN))
    assert "can't be counted, so what limits it is not known" in text
    assert "- softmax_kernel: 90.0 µs (90%); bytes and operations are not counted; grid" in text
    assert "None" not in text.partition("Lines with")[0]

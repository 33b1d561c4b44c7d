"""A report tells a person what happened, where, and what it is worth, on any terminal."""

import io

import pytest
from rich.console import Console

from kernelgym.reports import render_report
from kernelgym.reports.timing import FLAG_WORDS
from rewards import drkernel_paper
from sandboxes.contracts import Bound, Diagnostic, NodeProfile, Outcome, Report, Stage, Submission, TimingFlag
from tests.reports import SOURCE, explained_report, failed_report, measured_report, ok_report


def shown(report: Report, *, width: int = 80, submission: Submission | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False)
    console.print(render_report(report, drkernel_paper(report), submission or Submission(source=SOURCE)))
    return stream.getvalue()


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_the_first_line_is_the_verdict() -> None:
    assert shown(ok_report()).splitlines()[0].startswith("✓ correct, 2.00× as fast as the reference")


def test_the_first_lines_name_the_sandbox_and_why_it_is_a_weak_one() -> None:
    words = "process (bubblewrap does not work here: no 'bwrap' program on PATH; apt-get install bubblewrap)"
    report = ok_report().model_copy(update={"versions": {"sandbox": words}})
    assert f"sandbox: {words}" in squeezed(" ".join(shown(report).splitlines()[:5]))
    assert "sandbox" not in shown(ok_report())


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK}))
def test_every_outcome_has_its_words_and_its_name(outcome: Outcome) -> None:
    first = shown(failed_report(outcome)).splitlines()[0]
    assert f"[{outcome}]" in first
    assert first[0] in "✗⚑?!"


def test_what_went_wrong_shows_the_line_its_neighbours_and_the_hint() -> None:
    text = shown(failed_report(Outcome.COMPILE_ERROR, line=23))
    assert "❱   23 │ line_23 = 23" in text
    assert "  22 │ line_22 = 22" in text
    assert "hint  import triton.language as tl" in text
    assert "compile  case rows=7,columns=129" in squeezed(text).replace("compile case", "compile  case")


def test_without_the_source_the_reports_own_excerpt_is_shown() -> None:
    report = failed_report(Outcome.COMPILE_ERROR, line=23)
    assert "❱   23 │ line_23 = 23" in shown(report, submission=Submission(source="short = 1"))


def test_a_wrong_result_shows_each_case_with_its_error_and_tolerance() -> None:
    text = squeezed(shown(failed_report(Outcome.INCORRECT)))
    assert "rows=7,columns=129 check ✗ failed inf 1.0e-04 4 of 6 failed" in text
    assert "output 0 at [0, 128] is inf, not 0.31" in text


def test_a_hack_names_its_rule() -> None:
    assert "reject no_live_launch" in shown(failed_report(Outcome.HACK))


def test_a_modelled_profile_says_so_in_its_title() -> None:
    assert "profile, modelled for NVIDIA H200 SXM" in shown(ok_report())


def test_the_profile_shows_nodes_resources_and_hottest_lines() -> None:
    text = squeezed(shown(ok_report()))
    assert "0 softmax_kernel 23 8.00 80% device memory 81%" in text
    assert "32 0 128 128 100%" in text
    assert "12 line_12 = 12 1.05 MB" in text
    assert "speedup 2.00× coverage 80%" in text


def test_what_the_model_says_is_shown_with_its_band_and_what_would_help() -> None:
    text = squeezed(shown(explained_report(), width=130))
    for said in (
        "0 softmax_kernel 23 8.00 80% L2 cache 81%",
        "total 10.0 µs (7.50 to 13.5) reference 20.0 µs",
        "speedup 2.00× (1.40× to 2.70×)",
        "# what would help most, by the model saves µs of all kernel",
        "0 `softmax_kernel`: coalesce the load of `x` at line 12 5.00 50% 3.10×",
        "0, 1 fuse `softmax_kernel` into `aten::relu`: saves one launch and one round trip of 1.05 MB 1.00 10% 1.11×",
        "line hottest lines µs sectors traffic arithmetic",
        "12 line_12 = 12 6.00 32.0 1.05 MB 0 flop",
        "4 hold 32 neighbours of float32",
    ):
        assert said in text


def test_a_kernel_without_a_price_says_why() -> None:
    document = ok_report().model_dump()
    document["profile"]["nodes"][0]["unpriced"] = "inline PTX"
    assert "`softmax_kernel` has no price: inline PTX" in shown(Report.model_validate(document))


def test_a_speedup_that_was_not_verified_is_not_praised() -> None:
    text = shown(ok_report(verified=False))
    assert "not verified" in text.splitlines()[0]
    assert "not verified, so there is no speedup" in squeezed(text)


def test_the_reward_is_broken_down_into_its_terms() -> None:
    text = squeezed(shown(ok_report()))
    assert "correctness 1.000" in text
    assert "speedup 2.000" in text
    assert "total 3.800" in text


def test_a_lost_evaluation_has_no_reward_and_says_why() -> None:
    assert "none: the evaluation was lost" in squeezed(shown(failed_report(Outcome.INFRASTRUCTURE)))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for report in (ok_report(), *(failed_report(outcome) for outcome in Outcome if outcome is not Outcome.OK)):
        assert max(map(len, shown(report, width=width).splitlines())) <= width


def test_a_candidate_cannot_send_escape_sequences_or_markup_to_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \u202e [bold red]not markup[/bold red] [link=http://x]y[/link]"
    diagnostic = Diagnostic(stage=Stage.TRACE, message=evil, line=1, excerpt=evil, hint=evil, case=evil)
    report = failed_report(Outcome.TRACE_ERROR).model_copy(update={"diagnostics": (diagnostic,)})
    text = shown(report, width=200, submission=Submission(source=evil))
    assert not set(text) & set("\x1b\x07\u202e")
    assert "\\x1b[2J" in text
    assert "[bold red]not markup[/bold red]" in text


@pytest.mark.parametrize("words", ["[/]", "[bold]registers"])
def test_what_a_stored_report_says_about_resources_is_no_markup(words: str) -> None:
    document = ok_report().model_dump()
    document["profile"]["nodes"][0]["resources"]["limited_by"] = words
    assert f"({words})" in "".join(shown(Report.model_validate(document), width=200).split())


def test_thousands_of_nodes_and_diagnostics_stay_readable() -> None:
    report = ok_report()
    assert report.profile is not None
    node = report.profile.nodes[1]
    nodes = tuple(node.model_copy(update={"node": index, "time_us": 0.01}) for index in range(5_000))
    profile = report.profile.model_copy(update={"nodes": nodes, "time_us": 50.0})
    diagnostic = Diagnostic(stage=Stage.VERIFY, message="remark")
    report = report.model_copy(update={"profile": profile, "diagnostics": (diagnostic,) * 500})
    text = shown(report)
    assert len(text.splitlines()) < 100
    assert "and 4988 more nodes" in text
    assert "and 492 more" in text


def test_a_node_whose_result_is_unused_is_marked() -> None:
    report = ok_report()
    assert report.profile is not None
    dead: NodeProfile = report.profile.nodes[0].model_copy(update={"live": False})
    profile = report.profile.model_copy(update={"nodes": (dead, report.profile.nodes[1])})
    assert "result unused" in squeezed(shown(report.model_copy(update={"profile": profile}), width=120))


def test_a_measured_profile_says_where_how_certain_and_what_the_model_says() -> None:
    text = squeezed(shown(measured_report(), width=120))
    for said in (
        "profile, measured on NVIDIA H200",
        "0 softmax_kernel 23 8.00 7.00 80% device memory 81%",
        "measured 10.0 µs (99.8 %: 9.90 to 10.1), 120 rounds, spread 1.2%",
        "speedup 2.00× (99.8 %: 1.98× to 2.02×)",
        "torch.compile 12.0 µs for the reference, 1.20× over it",
        "floor 4.00 µs, the least for its own bytes and operations",
        "gaps 1.00 µs between kernels (10%), in the nodes' times; 0.5 µs of our own are left out",
        "host 15.0 µs until it knows; without a CUDA graph 30.0 µs, the reference 40.0 µs",
        "modelled 9.00 µs, the reference 21.6 µs: 2.40×",
        "variants 12 autotuned variants were measured before",
        "clocks 1,830 of 1,980 MHz, memory 3,201 MHz, 61 °C, 540 W",
        "with driver 580.65, cuda 13.0, torch 2.13.0, triton 3.9.0",
    ):
        assert said in text
    assert "simulated" not in text


def test_times_of_a_simulated_gpu_say_so_in_the_title_and_in_their_row() -> None:
    text = squeezed(shown(measured_report(simulated=True), width=120))
    assert "profile, simulated for NVIDIA H200" in text
    assert "simulated 10.0 µs" in text
    assert "measured on" not in text


@pytest.mark.parametrize("flag", TimingFlag)
def test_what_is_wrong_with_measured_times_comes_before_them(flag: TimingFlag) -> None:
    text = squeezed(shown(measured_report(flags=(flag,)), width=160))
    assert text.index(f"! {FLAG_WORDS[flag]}") < text.index("(99.8 %")


def test_a_time_that_counts_as_the_floor_shows_both() -> None:
    report = measured_report(time_us=1.0, floor_us=8.0, flags=(TimingFlag.BELOW_FLOOR,))
    assert "measured 6.00 µs, counted as 8.00 µs" in squeezed(shown(report, width=120))


def test_a_modelled_profile_has_no_word_of_measuring() -> None:
    text = shown(ok_report())
    assert not [word for word in ("model µs", "rounds", "host", "clocks", "99.8") if word in text]


def test_what_nobody_can_count_is_a_question_mark_and_not_zero() -> None:
    document = measured_report().model_dump()
    unknown = {"bytes": None, "flops": None, "roofline_fraction": None, "bound": Bound.UNKNOWN}
    document["profile"]["nodes"][0].update(unknown)
    assert "0 softmax_kernel 23 8.00 7.00 80% not known ?" in squeezed(
        shown(Report.model_validate(document), width=120)
    )


def test_ceilings_that_are_not_believed_are_named_beside_those_that_are() -> None:
    document = measured_report().model_dump()
    document["profile"]["measurement"]["doubts"] = ("fp64: 3 measured, 9% of the 34 of NVIDIA H200",)
    text = squeezed(shown(Report.model_validate(document), width=200))
    assert "was measured to reach; not used: fp64: 3 measured, 9% of the 34 of NVIDIA H200" in text


def test_an_interval_that_says_nothing_is_not_shown_as_if_it_did() -> None:
    document = measured_report().model_dump()
    document["profile"]["speedup_interval"] = (2e-9, 4.9e8)
    text = squeezed(shown(Report.model_validate(document), width=120))
    assert "speedup 2.00× (too few rounds for an interval)" in text
    assert "e-09" not in text

"""The file: complete in itself, of bounded size, and right for runs of any kind."""

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import pytest

from kernelgym.metrics import summarize
from kernelgym.reports.html import chunks, render_page
from kernelgym.reports.html.chunks import LIMITS, pack_details
from kernelgym.reports.timing import FLAG_WORDS
from kernelgym.runs.record import EpisodeRecord, Loss
from kernelgym.runs.run_record import RunRecord
from sandboxes.contracts import Outcome, Report, TimingFlag
from tests.kernelgym.reports.html.hostile import ATTACK, hostile_run
from tests.kernelgym.reports.html.runs import run_record, synthetic_run
from tests.policies.episodes import episode
from tests.reports import explained_report, measured_report, ok_report


def page_of(record: RunRecord, episodes: list[EpisodeRecord], title: str | None = None) -> str:
    return render_page(record, episodes, summarize(episodes), title)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def parts_of(page: str) -> list[dict[str, Any]]:
    texts = re.findall(r'<script type="text/plain" id="part-\d+">(.*?)</script>', page)
    return [json.loads(gzip.decompress(base64.b64decode(text))) for text in texts]


def test_intervals_over_few_problems_are_said_to_be_too_narrow() -> None:
    said = "Only 2 problems: intervals of so few are too narrow"
    assert [said in page_of(*synthetic_run(4 * problems, samples=4)) for problems in (2, 20)] == [True, False]
    assert "too narrow" not in page_of(*synthetic_run(80, samples=4))


def test_only_the_scripts_that_the_policy_names_by_digest_may_run() -> None:
    page = page_of(run_record(["core/softmax"], 1, 3), [episode(2.0)])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    assert policy is not None
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    library = re.search(r'<script type="text/plain" id="library">(.*?)</script>', page)
    assert library is not None
    scripts.append(gzip.decompress(base64.b64decode(library[1])).decode())
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert len(digests) == 2
    assert set(re.findall(r"sha256-([\w+/=]+)", policy[1].replace("&#39;", "'"))) == digests
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "\r" not in page


def test_the_list_shows_what_an_episode_earned_if_it_counts_also_before_an_error_of_the_policy() -> None:
    losses = [None, Loss.POLICY, Loss.INFRASTRUCTURE]
    episodes = [episode(2.0, sample=sample, error=loss) for sample, loss in enumerate(losses)]
    listed = data_of(page_of(run_record(["core/softmax"], 3, 3), episodes))["episodes"]
    assert [entry["r"] for entry in listed] == [3.8, 3.8, None]


def test_the_page_names_no_other_file() -> None:
    page = page_of(run_record(["core/softmax"], 1, 3), [episode(2.0)])
    assert re.findall(r"""(?:src|href|srcset|action)=["'](?!#)""", page) == []
    assert "@import" not in page
    assert "url(" not in page


def test_the_head_says_what_was_run_and_where_times_come_from() -> None:
    record, episodes = synthetic_run(30, samples=3)
    page = page_of(record, episodes)
    assert "All times are <strong>modelled for NVIDIA H200</strong>." in page
    for name, value in (("policy", "synthetic"), ("target", "h200"), ("reward", "drkernel_paper"), ("seed", "0")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    summary = summarize(episodes)
    assert f"<dt>tokens written</dt><dd>{summary.costs.completion_tokens:,}</dd>" in page
    assert f"<td>{summary.last[0].correct.value:.0%} <small>" in page


def test_the_seeds_that_inputs_are_drawn_from_stay_secret() -> None:
    record, episodes = synthetic_run(2)
    secret = {"data_seed": "5ec2e7f00d", "config": record.config.model_copy(update={"seed": 8091726354})}
    page = page_of(record.model_copy(update=secret), episodes)
    assert "5ec2e7f00d" not in page
    assert "8091726354" not in page


def test_a_heading_of_ones_own_is_escaped() -> None:
    assert "<h1>&lt;b&gt; &amp; me</h1>" in page_of(run_record(["core/softmax"], 1, 3), [episode(2.0)], "<b> & me")


def test_every_episode_has_its_details_in_the_part_that_is_said() -> None:
    record, episodes = synthetic_run(90, samples=3)
    page = page_of(record, episodes)
    data, parts = data_of(page), parts_of(page)
    assert len(parts) == len(data["parts"]) > 1
    details = [detail for part in parts for detail in part["episodes"]]
    ordered = sorted(episodes, key=lambda each: each.key)
    assert [len(detail["turns"]) for detail in details] == [len(each.turns) for each in ordered]
    texts = parts[-1]["texts"]
    turn, original = parts[-1]["episodes"][-1]["turns"][2], ordered[-1].turns[2]
    assert texts[turn["completion"]] == original.completion
    assert texts[turn["feedback"]] == original.observation
    assert [texts[number] for _, number in turn["chat"]] == [each.content for each in ordered[-1].chat(3)]


def test_heat_is_the_share_of_bytes_and_operations_of_a_line() -> None:
    record, episodes = synthetic_run(1)
    page = page_of(record, episodes)
    turn = next(turn for turn in episodes[0].turns if turn.report.profile is not None)
    heat = parts_of(page)[0]["episodes"][0]["turns"][turn.number - 1]["heat"]
    assert turn.report.profile is not None
    hot = [line for node in turn.report.profile.nodes for line in node.hot_lines]
    expected = {line.line: line.bytes / sum(each.bytes for each in hot) for line in hot}
    assert {line: share for line, _, share, _ in heat} == pytest.approx(expected, abs=1e-3)
    assert sum(share for _, _, _, share in heat) == pytest.approx(1, abs=1e-3)
    assert {time for _, time, _, _ in heat} == {None}, "this report knows no times of lines"


def test_code_that_is_not_what_was_judged_gets_no_heat() -> None:
    record, episodes = synthetic_run(1)
    turn = next(turn for turn in episodes[0].turns if turn.report.profile is not None)
    other = turn.model_copy(update={"completion": turn.completion.replace("class ModelNew", "\nclass ModelNew")})
    turns = tuple(other if each is turn else each for each in episodes[0].turns)
    changed = episodes[0].model_copy(update={"turns": turns})
    shown = parts_of(page_of(record, [changed]))[0]["episodes"][0]["turns"][turn.number - 1]
    assert shown["heat"] == []
    assert not shown["same"]


def test_no_attack_reaches_the_markup() -> None:
    page = page_of(*hostile_run(), title=ATTACK)
    assert "<script>window" not in page
    assert "<img" not in page
    assert "<svg" not in page
    assert "{{7*7}}{% raw %}" in page.partition("<title>")[2].partition("</title>")[0]
    assert not re.search("[\u202e\u2066\u2028\u2029\x1b\x00]", page)


def test_four_megabytes_of_a_completion_do_not_make_the_page_larger_by_as_much() -> None:
    small, large = page_of(*hostile_run()), page_of(*hostile_run(megabytes=4))
    assert len(large) - len(small) < 100_000


@pytest.mark.parametrize("characters", [chunks.CHUNK_CHARACTERS, 1], ids=["few parts", "many parts"])
def test_texts_are_cut_shorter_until_all_fit(monkeypatch: pytest.MonkeyPatch, characters: int) -> None:
    monkeypatch.setattr(chunks, "CHUNK_CHARACTERS", characters)
    _, episodes = synthetic_run(20)
    whole = pack_details(episodes)
    assert (whole.limit, whole.cut) == (LIMITS[0], 0)
    budget = sum(map(len, whole.parts)) * 4 // 5
    fitting = pack_details(episodes, budget)
    assert fitting.limit < whole.limit
    assert fitting.cut > 0
    assert sum(map(len, fitting.parts)) <= budget
    assert pack_details(episodes, 1).limit == LIMITS[-1]


@pytest.mark.parametrize(
    "episodes",
    [
        [],
        [episode(error=Loss.SKIPPED)],
        [episode(Outcome.INFRASTRUCTURE, error=Loss.INFRASTRUCTURE)],
        [episode(Outcome.NO_CODE, error=Loss.POLICY)],
        [episode(Outcome.HACK)],
        [episode(1.0)],
    ],
    ids=["empty", "skipped", "lost", "policy failed", "hack", "one turn"],
)
def test_runs_with_next_to_nothing_in_them_have_a_page(episodes: list[EpisodeRecord]) -> None:
    page = page_of(run_record(["core/softmax"], 1, 1), episodes)
    assert len(data_of(page)["episodes"]) == len(episodes)
    assert page.endswith("</html>")


def test_the_same_run_gives_the_same_page_whatever_the_order_of_its_episodes() -> None:
    record, episodes = synthetic_run(12, samples=2)
    assert page_of(record, episodes) == page_of(record, episodes[::-1])


def measured_episode(report: Report) -> EpisodeRecord:
    played = episode(2.0)
    (turn,) = played.turns
    return played.model_copy(update={"turns": (turn.model_copy(update={"report": report}),)})


def profile_of(report: Report) -> dict[str, Any]:
    (part,) = parts_of(page_of(run_record(["core/softmax"], 1, 1), [measured_episode(report)]))
    found: dict[str, Any] = part["episodes"][0]["turns"][0]["profile"]
    return found


def test_a_measured_turn_shows_what_the_model_says_beside_it_and_what_is_wrong_with_it() -> None:
    found = profile_of(measured_report(flags=(TimingFlag.THROTTLED,)))
    assert found["source"] == "measured on NVIDIA H200"
    assert found["flags"] == [FLAG_WORDS[TimingFlag.THROTTLED]]
    assert [row[2] for row in found["nodes"]] == ["8.00", "2.00"]
    assert found["modelled"] == ["7.00", "2.00"]
    assert ["modelled", "9.00 µs, the reference 21.6 µs: 2.40×"] in found["measured"]


def test_what_the_model_says_of_a_turn_is_on_its_page() -> None:
    found = profile_of(explained_report())
    assert ["time", "10.0 µs (7.50 to 13.5)"] in found["facts"]
    assert ["speedup", "2.00× (1.40× to 2.70×)"] in found["facts"]
    assert found["nodes"][0][2:5] == ["8.00 (6.00 to 11.0)", "80%", "L2 cache"]
    assert found["advice"][0] == [
        "`softmax_kernel`: coalesce the load of `x` at line 12", "12", "5.00", "50%", "3.10×", "–"
    ]  # fmt: skip
    assert found["parts"][0]["parts"] == [
        ["dram", "device memory", 0.2609, "3.00 µs"],
        ["l2", "L2 cache", 0.6522, "7.50 µs"],
        ["overhead", "launch", 0.087, "1.00 µs"],
    ]
    assert found["parts"][1] is None, "nobody knows what an operator of PyTorch does all the time"


def test_time_of_a_line_is_its_share_of_the_modelled_time() -> None:
    record, episodes = synthetic_run(1)
    turn = next(turn for turn in episodes[0].turns if turn.report.profile is not None)
    assert turn.report.profile is not None
    profile = turn.report.profile
    first = next(node for node in profile.nodes if node.hot_lines)
    lines = (first.hot_lines[0].model_copy(update={"time_us": profile.time_us / 4}),)
    nodes = tuple(node.model_copy(update={"hot_lines": lines if node is first else ()}) for node in profile.nodes)
    report = turn.report.model_copy(update={"profile": profile.model_copy(update={"nodes": nodes})})
    turns = tuple(each.model_copy(update={"report": report}) if each is turn else each for each in episodes[0].turns)
    (part,) = parts_of(page_of(record, [episodes[0].model_copy(update={"turns": turns})]))
    (line,) = part["episodes"][0]["turns"][turn.number - 1]["heat"]
    assert line[:2] == [lines[0].line, 0.25]


def test_a_modelled_turn_has_no_word_of_measuring() -> None:
    found = profile_of(ok_report())
    assert (found["flags"], found["measured"], found["modelled"]) == ([], [], [])


def test_a_page_of_simulated_times_says_so_and_never_measured_on() -> None:
    page = page_of(run_record(["core/softmax"], 1, 1), [measured_episode(measured_report(simulated=True))])
    assert "simulated for NVIDIA H200" in page
    assert "measured on" not in page


def test_times_against_torch_compile_are_in_the_summary_where_they_were_measured() -> None:
    record = run_record(["core/softmax"], 1, 1)
    assert "speedup over torch.compile" in page_of(record, [measured_episode(measured_report())])
    assert "torch.compile" not in page_of(record, [measured_episode(ok_report())]).partition('id="data"')[0]

"""The page in a browser: it works, asks nobody, can be read on any screen, and lets no text of others act."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelgym.metrics import Contestant, compare
from kernelgym.reports.html import render_comparison_page
from kernelgym.runs.record import Confirmation
from tests.kernelgym.reports.html.conftest import Visit
from tests.kernelgym.reports.html.hostile import hostile_run, write_page
from tests.kernelgym.reports.html.runs import synthetic_run

pytestmark = pytest.mark.browser

EPISODE = "#episode=synthetic/1/0/0"
CHARTS = ("fast", "reward", "flow", "speedups", "roofline")

Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("report") / "report.html", *synthetic_run(150, samples=5))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("hostile") / "report.html", *hostile_run(megabytes=4))


def test_it_opens_without_a_complaint_and_asks_the_network_for_nothing(report: Path, visit: Open) -> None:
    opened = visit(report)
    for chart in CHARTS:
        assert opened.page.locator(f"[data-chart={chart}] .main-svg").count() >= 1, chart
    opened.page.locator("#list tbody tr").nth(3).click()
    opened.page.wait_for_selector("#episode .listing")
    assert opened.complaints == []
    assert opened.requests == []


def test_a_click_on_an_episode_shows_its_code_with_heat_and_its_feedback(report: Path, visit: Open) -> None:
    opened = visit(report)
    page = opened.page
    page.select_option("#filter-state", "faster")
    page.locator("#list tbody tr").first.locator("td").nth(3).click()
    page.wait_for_selector("#episode .listing")
    assert "#episode=synthetic/" in page.url
    assert "ModelNew" in page.locator(".listing").inner_text()
    assert re.search(r"Turn \d of 3: ", page.locator("#feedback").inner_text())
    assert page.locator(".code tr.hot").count() > 0
    shares = [
        int(text.rstrip("%"))
        for text in page.locator(".code tr.hot .share").all_inner_texts()
        if "<" not in text
        if text
    ]
    assert max(shares) >= 10
    hot = page.locator(".code tr.hot .share", has_text="%").first
    assert hot.evaluate("cell => getComputedStyle(cell).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert page.locator("#overview").is_hidden()


def test_the_prompt_is_shown_as_the_policy_saw_it(report: Path, visit: Open) -> None:
    page = visit(report, fragment=f"{EPISODE}/turn2").page
    page.locator("#chat summary").click()
    roles = page.locator("#chat .message b").all_inner_texts()
    assert roles == ["system", "user", "assistant", "user"]
    assert "Write Triton kernels for synthetic/1/0." in page.locator("#chat .message").nth(1).inner_text()


def test_an_address_opens_an_episode_at_a_turn_and_the_back_button_leads_back(report: Path, visit: Open) -> None:
    page = visit(report).page
    page.locator("#list tbody tr a").first.click()
    page.locator(".turn").nth(2).click()
    page.wait_for_selector(".turn[aria-current]:has-text('Turn 3')")
    assert page.url.endswith(f"{EPISODE}/turn3")
    page.go_back()
    page.go_back()
    page.wait_for_selector("#overview:not([hidden])")
    again = visit(report, fragment=f"{EPISODE}/turn3").page
    again.wait_for_selector(".turn[aria-current]:has-text('Turn 3')")
    assert again.locator("h1").last.inner_text() == "synthetic/1/0 #0"
    again.locator("#back").click()
    again.wait_for_selector("[data-chart=roofline] .main-svg")


def test_a_click_on_a_kernel_in_the_roofline_plot_opens_its_episode(report: Path, visit: Open) -> None:
    page = visit(report).page
    point = page.locator("[data-chart=roofline] .points path").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("[data-chart=roofline] .hovertext")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#episode .listing")
    assert re.search(r"#episode=synthetic/\d+/\d+/\d/turn[123]$", page.url)


def test_everything_can_be_reached_by_keyboard(report: Path, visit: Open) -> None:
    page = visit(report).page
    page.locator("#filter-problem").focus()
    page.keyboard.type("synthetic/1/7")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#list tbody') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#episode h1:focus")
    page.goto(page.url.partition("/turn")[0] + "/turn1")
    page.wait_for_selector(".turn[aria-current]:has-text('Turn 1')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".turn[aria-current]:has-text('Turn 2')")
    page.keyboard.press("n")
    page.wait_for_selector("h1:has-text('synthetic/1/7 #1')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#overview:not([hidden])")
    assert page.evaluate("document.activeElement.closest('tr').textContent").startswith("synthetic/1/7")


def test_episodes_can_be_filtered_and_sorted(report: Path, visit: Open) -> None:
    page = visit(report).page
    page.locator("#list th[data-key=x] button").click()
    speedups = [
        float(text[:-1]) for text in page.locator("#list tbody td:nth-child(5)").all_inner_texts() if text != "–"
    ]
    assert speedups == sorted(speedups, reverse=True)
    page.fill("#filter-problem", "synthetic/1/3")
    assert set(page.locator("#list tbody td:first-child").all_inner_texts()) == {"synthetic/1/3"}
    page.fill("#filter-problem", "no such problem")
    assert page.locator("#list tbody tr").count() == 0


def test_the_whole_summary_is_seen_at_the_width_of_a_desk_whatever_the_turns(tmp_path: Path, visit: Open) -> None:
    record, episodes = synthetic_run(6, turns=8)
    again = [
        episode.model_copy(
            update={"confirmation": Confirmation(turn=turn.number, report=turn.report, reward=turn.reward)}
        )
        for episode in episodes
        for turn in [episode.best or episode.turns[0]]
    ]
    table = visit(write_page(tmp_path / "report.html", record, again)).page.locator("section .scroll").first
    assert "measured again" in table.inner_text()
    assert table.evaluate("box => box.scrollWidth - box.clientWidth") <= 0


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("fragment", ["", f"{EPISODE}/turn1"])
def test_it_is_readable_at_the_width_of_a_desk_and_of_a_phone(
    report: Path, visit: Open, width: int, fragment: str
) -> None:
    opened = visit(report, width=width, fragment=fragment)
    assert opened.overflow() <= 0
    sizes = opened.page.evaluate(
        """() => [...document.querySelectorAll('main:not([hidden]) *')]
        .filter(e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
        .map(e => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= 12
    for chart in opened.page.locator(".chart:visible").all():
        box = chart.bounding_box()
        drawn = chart.locator(".main-svg").first.bounding_box()
        assert box is not None
        assert drawn is not None
        assert box["x"] >= 0
        assert max(box["x"] + box["width"], drawn["x"] + drawn["width"]) <= width
        assert drawn["height"] >= 300


CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", f"{EPISODE}/turn1", f"{EPISODE}/turn3"])
def test_text_stands_out_in_light_and_in_dark(report: Path, visit: Open, scheme: str, fragment: str) -> None:
    ratio, where = visit(report, scheme=scheme, fragment=fragment).page.evaluate(CONTRAST)
    assert ratio >= 4.5, where


def test_page_and_figures_follow_the_colour_scheme_while_they_are_open(report: Path, visit: Open) -> None:
    page = visit(report).page
    look = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
        document.querySelector('[data-chart=fast] .xtick text').style.fill]"""
    light = page.evaluate(look)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"(before) => ({look})()[2] !== before", arg=light[2])
    assert all(before != after for before, after in zip(light, page.evaluate(look), strict=True))


def test_nothing_that_others_wrote_acts_and_all_of_it_can_be_read(hostile: Path, visit: Open) -> None:
    opened = visit(hostile)
    page = opened.page
    assert page.locator("#list tbody tr").count() == 2
    for turn in ("", "/turn1", "/turn2"):
        page.evaluate(
            "(to) => { location.hash = to; }", page.locator("#list tbody a").first.get_attribute("href") + turn
        )
        page.wait_for_selector("#episode .listing")
        page.locator("#chat summary").click()
        page.locator("#completion summary").click()
        assert page.evaluate("window.pwned") is None
        assert "window.pwned=1" in page.locator(".listing").inner_text()
        assert "{{7*7}}" in page.locator("#feedback").inner_text()
    assert "characters are left out of this report" in page.locator("#completion").inner_text()
    visible = page.evaluate("document.body.textContent")
    assert not re.search("[\u202e\u2066\x1b\x00]", visible.replace("\u200b", ""))
    assert page.locator("main img, main svg[onload], main script").count() == 0
    assert opened.complaints == []
    assert opened.requests == []
    assert opened.overflow() <= 0


@pytest.mark.parametrize("width", [1280, 390])
def test_a_comparison_opens_without_a_complaint_and_fits_the_window(tmp_path: Path, visit: Open, width: int) -> None:
    runs = [
        Contestant(name=name, record=record, episodes=episodes)
        for name, seed in (("before", 0), ("after", 1))
        for record, episodes in [synthetic_run(24, samples=2, seed=seed)]
    ]
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison_page(runs, compare(runs)), encoding="utf-8")
    opened = visit(path, width=width)
    for chart in ("curves", "changes"):
        assert opened.page.locator(f"[data-chart={chart}] .main-svg").count() >= 1
    assert opened.overflow() <= 0
    assert opened.complaints == []
    assert opened.requests == []
    assert opened.page.evaluate(CONTRAST)[0] >= 4.5


@pytest.mark.slow
def test_a_thousand_episodes_are_built_in_20_s_and_opened_in_3_s(tmp_path: Path, visit: Open) -> None:
    run = synthetic_run(1000)
    begin = time.process_time()
    path = write_page(tmp_path / "report.html", *run)
    built_s = time.process_time() - begin
    opened = visit(path)
    assert built_s <= 20
    assert path.stat().st_size <= 30 * 2**20
    assert opened.busy_s() <= 3

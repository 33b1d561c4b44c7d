"""The status page in a browser: it shows the service, keeps the token in its tab, and lets no text of others act."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelgym.serving.jobs import JobState, JobView, Overview
from kernelgym.serving.routing import Station
from tests.kernelgym.serving.http.page.conftest import Browse
from tests.kernelgym.serving.http.page.scenes import fleet, hostile, judged

pytest.importorskip("uvicorn", reason="needs the extra serve")
from tests.kernelgym.serving.http.page.service import TOKEN, Service, serving

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parents[3] / "reports/html/contrast.js").read_text(encoding="utf-8")
JOB = "ab" * 32


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service(fleet(), {JOB: judged(JOB)})) as served:
        yield served


def test_the_service_is_shown_with_its_queues_workers_outcomes_and_verdicts(service: Service, browse: Browse) -> None:
    look = browse(service.address)
    text = look.page.locator("main").inner_text()
    for words in ("trace@1f00ba42", "412", "cpu-1:140", "NVIDIA H200", "draining", "wrong result", "core/softmax"):
        assert words in text
    assert look.complaints == []
    assert set(look.requests) <= {f"{service.address}/", f"{service.address}/v1/status", "data:,"}


def test_it_refreshes_itself_and_says_when_the_server_is_away(service: Service, browse: Browse) -> None:
    page = browse(service.address).page
    first = fleet().queues[0]
    grown = first.model_copy(update={"waiting": {**first.waiting, "batch": 7777}, "workers": 0})
    service.overview = service.overview.model_copy(update={"queues": (grown,)})
    page.wait_for_selector(".alarms >> text=no worker serves it")
    assert "7,777" in page.locator("#view").inner_text()
    service.broken = True
    page.wait_for_selector("#line >> text=502")
    assert "7,777" in page.locator("#view").inner_text(), "what was known stays on the screen"
    service.broken = False
    page.wait_for_selector("#line >> text=Engine celery")


def test_a_verdict_leads_to_its_whole_report_and_back(service: Service, browse: Browse) -> None:
    verdict = service.overview.recent[0]
    service.jobs[verdict.id] = judged(verdict.id)
    look = browse(service.address)
    look.page.locator("section", has_text="Recent verdicts").last.locator("a.id").first.click()
    look.page.wait_for_selector("text=2.00× as fast as the reference")
    text = look.page.locator("#view").inner_text()
    for words in ("rows=4096,columns=1024", "executed in full", "softmax_kernel", "BLOCK: 1024", "replay", "H200"):
        assert words in text
    look.page.locator("text=← Status").click()
    look.page.wait_for_selector("text=Recent verdicts")
    assert look.complaints == []


def test_a_job_under_way_is_followed_until_it_is_done(service: Service, browse: Browse) -> None:
    service.jobs[JOB] = JobView(id=JOB, state=JobState.RUNNING, station=Station.TRACE, attempts=1)
    page = browse(f"{service.address}/jobs/{JOB}").page
    assert "A worker has it in hand." in page.locator("#view").inner_text()
    service.jobs[JOB] = judged(JOB)
    page.wait_for_selector("text=2.00× as fast as the reference")


def test_an_unknown_job_is_said_to_be_unknown(service: Service, browse: Browse) -> None:
    page = browse(f"{service.address}/jobs/{'0' * 64}").page
    assert "there is no such job" in page.locator("#line").inner_text()


def test_a_token_is_asked_for_and_kept_in_this_tab_only(service: Service, browse: Browse) -> None:
    service.locked = True
    look = browse(service.address)
    assert look.page.locator("#view").inner_text() == ""
    look.page.fill("#token", "wrong")
    look.page.keyboard.press("Enter")
    look.page.wait_for_selector("#line >> text=scope")
    look.page.fill("#token", TOKEN)
    look.page.keyboard.press("Enter")
    look.page.wait_for_selector("text=Recent verdicts")
    kept = look.page.evaluate("[Object.values(sessionStorage), localStorage.length, document.cookie, location.href]")
    assert kept == [[TOKEN], 0, "", f"{service.address}/"]
    assert TOKEN not in look.page.content()
    look.page.click("#forget")
    look.page.wait_for_selector("#ask:not([hidden])")
    assert look.page.evaluate("sessionStorage.length") == 0
    assert look.page.locator("#view").inner_text() == ""


@pytest.mark.parametrize("where", ["/", f"/jobs/{JOB}"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_text_of_others_acts_or_breaks_the_page(service: Service, browse: Browse, where: str, width: int) -> None:
    service.overview, service.jobs[JOB] = hostile()
    look = browse(service.address + where, width=width)
    assert look.page.evaluate("window.pwned") is None
    assert look.page.locator("main img, main svg, main script").count() == 0
    text = look.page.locator("body").inner_text()
    assert "<script>window.pwned=1</script>" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "SOURCE_OF_THE_CANDIDATE" not in look.page.content(), "a candidate's source is not shown"
    assert look.overflow() <= 0
    assert look.complaints == []
    assert all(url.startswith((service.address, "data:")) for url in look.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["/", f"/jobs/{JOB}"])
def test_everything_can_be_read_on_a_phone_in_light_and_dark(
    service: Service, browse: Browse, where: str, scheme: str
) -> None:
    look = browse(service.address + where, width=360, scheme=scheme)
    assert look.overflow() <= 0
    lowest, element = look.page.evaluate(CONTRAST)
    assert lowest >= 4.5, element


def test_an_empty_service_says_what_to_do(service: Service, browse: Browse) -> None:
    service.overview = Overview(
        engine="celery", versions={}, queues=(), workers=(), counters={}, remembered=0, recent=()
    )
    look = browse(service.address)
    assert "kernelgym worker" in look.page.locator("#view").inner_text()
    assert look.complaints == []

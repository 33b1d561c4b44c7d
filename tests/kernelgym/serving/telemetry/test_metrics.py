import subprocess
import sys

import pytest

from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Overview
from tests.kernelgym.serving.telemetry.overviews import busy_overview

pytest.importorskip("prometheus_client", reason="needs the extra serve")
from prometheus_client.parser import text_string_to_metric_families

from kernelgym.serving.telemetry.metrics import Limit, Metrics, Waiting


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, tuple(sorted(labels.items()))]


def test_one_scrape_shows_queues_workers_outcomes_and_latencies_of_the_whole_service() -> None:
    metrics = Metrics(busy_overview)
    assert value(metrics, "kernelgym_ledger_up") == 1
    assert value(metrics, "kernelgym_queue_jobs", queue="trace", versions="1f00ba42", priority="batch") == 40
    assert value(metrics, "kernelgym_queue_oldest_seconds", queue="trace", versions="1f00ba42") == 3.5
    assert value(metrics, "kernelgym_workers", state="busy") == 1
    assert value(metrics, "kernelgym_stage_workers", stage="trace") == 1
    assert value(metrics, "kernelgym_workers_memory_bytes", host="node-1") == 1350 * 2**20
    assert value(metrics, "kernelgym_jobs_total", event="retried") == 1
    assert value(metrics, "kernelgym_answers_total", outcome="ok") == 6
    assert value(metrics, "kernelgym_answers_total", outcome="infrastructure") == 0
    assert value(metrics, "kernelgym_stage_seconds_bucket", stage="trace", le="0.05") == 1
    assert value(metrics, "kernelgym_stage_seconds_count", stage="trace") == 2
    assert value(metrics, "kernelgym_job_seconds_sum", part="total") == 1.0


def test_replicas_show_the_same_histograms_and_each_its_own_requests() -> None:
    one, other = Metrics(busy_overview), Metrics(busy_overview)
    one.answered("/v1/jobs", "POST", 202, 0.01)
    names = ("kernelgym_stage_seconds", "kernelgym_job_seconds")
    first, second = (
        {key: number for key, number in samples(each).items() if key[0].startswith(names)} for each in (one, other)
    )
    assert first == second
    assert value(one, "kernelgym_http_requests_total", route="/v1/jobs", method="POST", status="202") == 1
    assert not any(name == "kernelgym_http_requests_total" for name, _ in samples(other))


def test_labels_are_closed_sets_whatever_workers_and_clients_say() -> None:
    overview = busy_overview()
    evil = overview.workers[0].model_copy(update={"stage": "evil", "id": "evil"})
    metrics = Metrics(
        lambda: overview.model_copy(update={"workers": (evil,), "counters": {"outcome:evil": 3, "evil": 1}})
    )
    metrics.answered("", "EVIL", 404, 0.1)
    assert value(metrics, "kernelgym_answers_total", outcome="other") == 3
    assert b"evil" not in metrics.exposition().lower()


def test_a_ledger_that_is_away_is_a_number_too_and_costs_no_other() -> None:
    def away() -> Overview:
        raise LedgerUnavailable("redis://host:6379/0 can't be reached")

    metrics = Metrics(away)
    metrics.limited(Limit.RATE)
    with metrics.waiting(Waiting.STREAM):
        assert value(metrics, "kernelgym_http_waiting", kind="stream") == 1
    assert value(metrics, "kernelgym_http_waiting", kind="stream") == 0
    assert value(metrics, "kernelgym_http_limited_total", limit="rate") == 1
    assert value(metrics, "kernelgym_ledger_up") == 0


def test_without_the_extra_the_error_names_it() -> None:
    code = "import sys; sys.modules['prometheus_client'] = None; import kernelgym.serving.telemetry.metrics"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'kernelgym[serve]'" in ended.stderr

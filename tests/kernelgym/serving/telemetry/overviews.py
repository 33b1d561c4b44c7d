"""A picture of a busy service to test with."""

from kernelgym.serving.jobs import Overview, Priority, QueueView, Verdict, WorkerView
from kernelgym.serving.routing import Station
from kernelgym.serving.telemetry.durations import increments

JOB = "ab" * 32


def busy_overview(**changes: object) -> Overview:
    """Two queues, two workers on one host, counters as a ledger would have them, and two verdicts."""
    counters = {"submitted": 12, "computed": 9, "hits": 2, "joined": 1, "retried": 1, "outcome:ok": 6}
    counters |= {"outcome:incorrect": 2, "outcome:hack": 1}
    for durations in ({"trace": 0.02, "total": 0.3, "wait": 0.001}, {"trace": 0.2, "total": 0.7, "wait": 0.4}):
        for name, count in increments(durations).items():
            counters[name] = counters.get(name, 0) + count
    overview = Overview(
        engine="celery",
        versions={"kernelgym": "0.1.0", "torch": "2.13.0", "triton": "3.7.0", "schema": "1", "code": "1234"},
        queues=(
            QueueView(
                name="trace@1f00ba42", waiting={Priority.INTERACTIVE: 1, Priority.BATCH: 40}, running=1, workers=2,
                oldest_s=3.5,
            ),
            QueueView(
                name="replay@1f00ba42", waiting={Priority.INTERACTIVE: 0, Priority.BATCH: 0}, running=1, workers=2
            ),
        ),
        workers=(
            WorkerView(
                id="node-1:17:a1", host="node-1", pid=17, queues=("trace@1f00ba42", "replay@1f00ba42"), versions={},
                sandbox="bubblewrap", job=JOB, station=Station.TRACE, stage="trace", beat=5, done=4, memory_mib=700.0,
            ),
            WorkerView(
                id="node-1:18:b2", host="node-1", pid=18, queues=("trace@1f00ba42", "replay@1f00ba42"), versions={},
                beat=7, done=5, memory_mib=650.0,
            ),
        ),
        counters=counters,
        remembered=9,
        recent=(
            Verdict(
                id=JOB, at=1_700_000_000.0, problem="core/softmax", kind="job", outcome="ok", speedup=2.0,
                worker="node-1:17:a1", total_s=0.7, work_s=0.3, request_id="r-1",
            ),
            Verdict(
                id="cd" * 32, at=1_699_999_990.0, problem="core/matmul", kind="job", outcome="incorrect",
                worker="node-1:18:b2", total_s=0.3, work_s=0.29, request_id="r-2",
            ),
        ),
    )  # fmt: skip
    return overview.model_copy(update=changes)

"""What a page and a terminal have to show: a small fleet at work, and one whose every text is an attack."""

import random

from kernelgym.evaluators.messages import Finished
from kernelgym.serving.jobs import JobState, JobView, Overview, Priority, QueueView, Verdict, WorkerView
from kernelgym.serving.routing import Station
from kernelgym.serving.telemetry.durations import increments
from sandboxes.contracts import Diagnostic, Finding, Outcome, Severity, Stage
from tests.reports import failed_report, ok_report

ATTACK = (
    '</script><script>window.pwned=1</script><!--<script><img src=x onerror="window.pwned=1">'
    "<svg onload='window.pwned=1'>{{7*7}}${window.pwned=1}&lt;b&gt;"
    "\u2028\u2029\x1b[31m\x1b]0;pwned\x07\x00\u202egnp.exe"
    "</style></title>[red]markup[/red]"
)
PROBLEMS = ("core/softmax", "core/matmul", "core/layernorm", "core/rmsnorm", "core/attention", "kernelbench/1/19_ReLU")


def fleet(*, seed: int = 3) -> Overview:
    """Five CPU workers and one GPU under the load of a training."""
    draw = random.Random(seed)
    versions = {"kernelgym": "0.1.0", "torch": "2.13.0", "triton": "3.7.0", "schema": "1", "code": "5a0c91d2e77b4f13"}
    counters = {
        "submitted": 18_240, "computed": 14_913, "hits": 2871, "joined": 456, "cancelled": 64, "retried": 7,
        "quarantined": 1, "discarded": 3,
    }  # fmt: skip
    outcomes = {"ok": 6120, "incorrect": 4307, "compile_error": 1904, "trace_error": 1342, "memory_error": 417}
    outcomes |= {"hack": 388, "timeout": 221, "untraceable": 168, "unsupported": 37, "infrastructure": 9}
    counters |= {f"outcome:{outcome}": count for outcome, count in outcomes.items()}
    for _ in range(3000):
        stages = {stage: draw.lognormvariate(mean, 0.6) for stage, mean in _MEANS.items()}
        work = sum(stages.values())
        wait = draw.expovariate(1 / 1.4)
        for name, count in increments({**stages, "work": work, "wait": wait, "total": work + wait}).items():
            counters[name] = counters.get(name, 0) + count
    workers = tuple(_worker(draw, number) for number in range(5))
    gpu = WorkerView(
        id="gpu-1:311:9c1e", host="gpu-1", pid=311, queues=("measure.h200@1f00ba42",), versions=versions,
        device="NVIDIA H200", sandbox="", job=_id(draw), station=Station.MEASURE, stage="profile", beat=911,
        done=2214, memory_mib=3110.0,
    )  # fmt: skip
    queues = (
        QueueView(name="trace@1f00ba42", waiting={Priority.INTERACTIVE: 0, Priority.BATCH: 412}, running=3, workers=5,
                  oldest_s=9.4),
        QueueView(name="replay@1f00ba42", waiting={Priority.INTERACTIVE: 0, Priority.BATCH: 31}, running=1, workers=5,
                  oldest_s=1.2),
        QueueView(name="measure.h200@1f00ba42", waiting={Priority.INTERACTIVE: 1, Priority.BATCH: 6}, running=1,
                  workers=1, oldest_s=0.8),
    )  # fmt: skip
    return Overview(
        engine="celery", versions=versions, queues=queues, workers=(*workers, gpu), counters=counters,
        remembered=14_849, recent=tuple(_verdict(draw, number, outcomes) for number in range(24)),
    )  # fmt: skip


def hostile() -> tuple[Overview, JobView]:
    """An overview and a job in which everything that somebody else can write tries to break out."""
    calm = fleet()
    worker = calm.workers[0].model_copy(update={"id": ATTACK[:200], "host": ATTACK, "sandbox": ATTACK, "stage": ATTACK})
    verdict = calm.recent[0].model_copy(update={"problem": ATTACK, "outcome": ATTACK, "worker": ATTACK})
    queue = calm.queues[0].model_copy(update={"name": ATTACK})
    overview = calm.model_copy(
        update={
            "workers": (worker,), "recent": (verdict,), "queues": (queue,), "engine": ATTACK,
            "versions": {ATTACK: ATTACK}, "counters": {f"outcome:{ATTACK}": 3, ATTACK: 1, "outcome:constructor": 1},
        }
    )  # fmt: skip
    finding = Finding(rule="no_live_launch", severity=Severity.REJECT, evidence=ATTACK, line=1, case=ATTACK)
    diagnostic = Diagnostic(
        stage=Stage.VERIFY, message=ATTACK, line=2, excerpt="SOURCE_OF_THE_CANDIDATE", hint=ATTACK, case=ATTACK
    )
    report = failed_report(Outcome.HACK).model_copy(
        update={
            "problem": ATTACK, "findings": (finding,), "diagnostics": (diagnostic,), "versions": {ATTACK: ATTACK},
            "timings_s": {ATTACK: 1.0}, "cases": failed_report(Outcome.INCORRECT).cases,
        }
    )  # fmt: skip
    return overview, JobView(id="ab" * 32, state=JobState.DONE, attempts=1, answer=Finished(report=report))


def judged(id: str = "ab" * 32) -> JobView:
    """A job with the report of a correct candidate."""
    return JobView(id=id, state=JobState.DONE, attempts=1, request_id="train-7", answer=Finished(report=ok_report()))


_MEANS = {"trace": -1.9, "verify": -4.2, "compile": -2.4, "replay": -0.6, "profile": -3.0}


def _id(draw: random.Random) -> str:
    return f"{draw.getrandbits(256):064x}"


def _worker(draw: random.Random, number: int) -> WorkerView:
    busy = number not in (3,)
    station = Station.REPLAY if number == 2 else Station.TRACE
    queues = ("trace@1f00ba42", "replay@1f00ba42")
    return WorkerView(
        id=f"cpu-{number // 3 + 1}:{140 + number}:{draw.getrandbits(16):04x}", host=f"cpu-{number // 3 + 1}",
        pid=140 + number, queues=queues, versions={}, sandbox="bubblewrap", draining=number == 4,
        job=_id(draw) if busy else None, station=station if busy else None,
        stage=("trace", "compile", "replay", None, "verify")[number], beat=900 + number, done=2400 + 71 * number,
        memory_mib=draw.uniform(600, 900),
    )  # fmt: skip


def _verdict(draw: random.Random, number: int, outcomes: dict[str, int]) -> Verdict:
    outcome = draw.choices(list(outcomes), weights=list(outcomes.values()))[0]
    work = draw.lognormvariate(-0.3, 0.5)
    return Verdict(
        id=_id(draw), at=1_795_000_000.0 - 0.4 * number, problem=draw.choice(PROBLEMS), kind="job", outcome=outcome,
        speedup=draw.lognormvariate(0.3, 0.5) if outcome == "ok" else None, worker="cpu-1:140:77aa",
        total_s=work + draw.expovariate(1.0), work_s=work, request_id=f"train-{number}",
    )  # fmt: skip

"""What the scripts return, as the nouns of serving."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from kernelgym.evaluators.messages import TASK, Task
from kernelgym.serving.jobs import Answer, JobState, JobView, Priority, QueueView, Verdict, WorkerView
from kernelgym.serving.ledger import records
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.routing import Station


def text(value: bytes) -> str:
    """Returns a reply as text."""
    return value.decode(errors="replace")


def open_view(id: str, state: bytes, station: bytes, attempts: int, request_id: bytes) -> JobView:
    """Returns how far an open job is."""
    return JobView(
        id=id,
        state=JobState(text(state)),
        station=Station(text(station)),
        attempts=int(attempts),
        request_id=text(request_id),
    )


def ended_view(id: str, state: JobState, attempts: bytes, request_id: bytes, answer: Answer | None = None) -> JobView:
    """Returns what came of a job."""
    return JobView(id=id, state=state, attempts=int(attempts), request_id=text(request_id), answer=answer)


def pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Returns a hash as the scripts return it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def task_of(record: bytes) -> Task | None:
    """Returns the task of a record; None if it can't be read."""
    content = records.unpack(record)
    try:
        return None if content is None else TASK.validate_json(content)
    except ValidationError:
        return None


def open_job(id: str, row: bytes) -> OpenJob | None:
    """Returns a job from its lines in `open_jobs.lua`; None if they can't be read."""
    try:
        state, station, queue, priority, request_id, worker, token, sequence, submitted = text(row).split("\n")
        return OpenJob(
            id=id,
            state=JobState(state),
            station=Station(station),
            queue=queue,
            priority=Priority(priority),
            request_id=request_id,
            worker=worker,
            token=token,
            sequence=int(sequence),
            submitted=submitted,
        )
    except ValueError:
        return None


def worker_views(views: Mapping[bytes, bytes], beats: Mapping[bytes, bytes]) -> tuple[WorkerView, ...]:
    """Returns the workers with their beats."""
    workers = []
    for id, view in sorted(views.items()):
        try:
            worker = WorkerView.model_validate_json(view)
        except ValidationError:
            continue  # of another version, or damaged: its next beat replaces it
        workers.append(worker.model_copy(update={"beat": int(beats.get(id, 0))}))
    return tuple(workers)


def queue_view(name: str, row: list[Any] | None, workers: int) -> QueueView:
    """Returns a queue from its row in `overview.lua`; None: nothing is in it."""
    if row is None:
        return QueueView(name=name, waiting=dict.fromkeys(Priority, 0), running=0, workers=workers)
    _, interactive, batch, running, oldest = row
    return QueueView(
        name=name,
        waiting={Priority.INTERACTIVE: int(interactive), Priority.BATCH: int(batch)},
        running=int(running),
        workers=workers,
        oldest_s=float(oldest) if oldest else None,
    )


def verdict_lines(lines: Sequence[bytes]) -> list[Verdict]:
    """Returns the verdicts that can be read."""
    return [verdict for line in lines if (verdict := records.verdict_of(line)) is not None]

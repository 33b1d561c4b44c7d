"""Celery as the carrier of jobs' ids: one task per station, one Redis list per queue and priority.

Nothing here knows a job: a message holds an id of 64 characters, and the ledger has the rest. So a message may be lost,
doubled or late without harm, no result is stored, and what workers read is small JSON, whoever wrote it.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Protocol

from kernelgym.serving.dispatch import Message
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.extras import need_serve
from kernelgym.serving.jobs import Priority
from kernelgym.serving.routing import Station

need_serve("celery", "redis")

from celery import Celery  # noqa: E402 - after the error that names the extra
from celery.exceptions import Reject  # noqa: E402
from kombu import Exchange, Queue  # noqa: E402
from kombu.exceptions import KombuError  # noqa: E402
from redis import Redis  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402

Work = Callable[[str, Station], bool]
"""Does a job, by its id, at a station; False if it takes none any more, so that the message goes back."""

PRIORITY_STEPS: Final = {Priority.INTERACTIVE: 0, Priority.BATCH: 1}
"""Redis lists of a queue; a worker looks into the first one first."""

SEPARATOR: Final = ":"

VISIBILITY_TIMEOUT_S: Final = 3600
"""After which Redis hands a message that nobody has acknowledged to another worker. No evaluation takes that long, so
that it never happens to a message that is being worked on. It need not be shorter: a job whose worker is lost is sent
again by the janitor after seconds. This is what is left if there is no janitor."""

CONNECT_TIMEOUT_S: Final = 3.0
SOCKET_TIMEOUT_S: Final = 5.0
"""Longest silence of the broker that a sender bears."""

KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
"""Finds out within 25 s that the broker's machine is gone; a worker that waits for messages has no other way."""


SENT_AT_ONCE: Final = 64
"""Messages that are numbered together."""


class Numbering(Protocol):
    """What sending needs of the ledger (`Upkeep.sending`)."""

    def sending(self, id: str) -> int:
        """Numbers a message about to be sent."""
        ...

    def sending_many(self, ids: Sequence[str]) -> list[int]:
        """Numbers several; 0 for those of which nothing is to be sent."""
        ...


def make_app(url: str, work: Work | None = None) -> Celery:
    """Returns a Celery app; it connects when it is used.

    Args:
        url: Of the Redis that is the broker, e.g. `redis://localhost:6379/0`.
        work: What its tasks do; None where messages are only sent.
    """
    app = Celery("kernelgym", broker=_as_kombu(url), set_as_current=False)
    app.conf.update(
        accept_content=["json"], task_serializer="json", result_serializer="json", event_serializer="json",
        result_backend=None, task_ignore_result=True, task_store_errors_even_if_ignored=False,
        # a message is acknowledged after the work, and goes back if the process that worked is killed
        task_acks_late=True, task_reject_on_worker_lost=True, task_acks_on_failure_or_timeout=True,
        # nobody takes more than it works on; the second setting (Celery 5.6) holds after a lost connection, too
        worker_prefetch_multiplier=1, worker_disable_prefetch=True,
        task_default_priority=PRIORITY_STEPS[Priority.BATCH], task_create_missing_queues=True,
        broker_transport_options={
            "priority_steps": sorted(PRIORITY_STEPS.values()), "sep": SEPARATOR, "queue_order_strategy": "priority",
            "visibility_timeout": VISIBILITY_TIMEOUT_S, "socket_keepalive": True, "socket_keepalive_options": KEEPALIVE,
            "socket_timeout": SOCKET_TIMEOUT_S, "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "health_check_interval": 10,
        },
        broker_connection_timeout=CONNECT_TIMEOUT_S, broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # a Redis that is full, read-only or without a disk refuses, and then ends no worker
        broker_channel_error_retry=True, worker_cancel_long_running_tasks_on_connection_loss=False,
        # no chatter between workers, and no opinion on logging and signals: `hosting` has both
        worker_send_task_events=False, task_send_sent_event=False, worker_hijack_root_logger=False,
        worker_redirect_stdouts=False, enable_utc=True,
        worker_proc_alive_timeout=60.0,  # a busy machine is no reason to end a worker that only just begins
    )  # fmt: skip
    for station in Station:
        _register(app, station, work)
    return app


def _as_kombu(url: str) -> str:
    """Returns what kombu calls the address that is `url` for redis-py."""
    if url.startswith("unix://"):
        return "redis+socket://" + url.removeprefix("unix://").replace("?db=", "?virtual_host=")
    if url.startswith("rediss://") and "ssl_cert_reqs" not in url:
        return url + ("&" if "?" in url else "?") + "ssl_cert_reqs=required"
    return url


def _register(app: Celery, station: Station, work: Work | None) -> None:
    @app.task(name=task_name(station))  # type: ignore[untyped-decorator] # celery has no types
    def run(id: str) -> None:
        if work is None:
            raise RuntimeError("this app only sends; `kernelgym worker` works")
        if not work(id, station):
            raise Reject("the worker ends", requeue=True)


def task_name(station: Station) -> str:
    """Returns the name of a station's task."""
    return f"kernelgym.{station}"


def queue_named(name: str) -> Queue:
    """Returns a queue on the nameless exchange, which needs no bindings: they would be lost with FLUSHALL."""
    return Queue(name, Exchange(""), routing_key=name)


class CeleryDispatch:
    """Implements `BatchDispatch`: a message in one of the broker's queues. May be used from several threads.

    Args:
        app: From `make_app`.
        numbering: The ledger, which numbers messages so that a lost one is noticed.
    """

    def __init__(self, app: Celery, numbering: Numbering) -> None:
        self._app = app
        self._numbering = numbering

    def __call__(self, queue: str, id: str, priority: Priority, request_id: str) -> None:
        """Sends one message, unless the job does not wait any more.

        Raises:
            LedgerUnavailable: The broker can't be reached, or takes no more; within about ten seconds.
        """
        if not self._numbering.sending(id):
            return
        with self._sending() as producer:
            self._put(Message(queue=queue, id=id, priority=priority, request_id=request_id), producer)

    def send_many(self, messages: Sequence[Message]) -> None:
        """See `BatchDispatch.send_many`; numbered and sent some at a time, because what is numbered should soon follow.

        Raises:
            LedgerUnavailable: As for one message.
        """
        for first in range(0, len(messages), SENT_AT_ONCE):
            some = messages[first : first + SENT_AT_ONCE]
            numbers = self._numbering.sending_many([message.id for message in some])
            with self._sending() as producer, _pipeline(producer):
                for message, number in zip(some, numbers, strict=True):
                    if number:
                        self._put(message, producer)

    def _put(self, message: Message, producer: Any) -> None:
        station = Station(message.queue.partition("@")[0].partition(".")[0])
        self._app.send_task(
            task_name(station),
            args=(message.id,),
            queue=queue_named(message.queue),
            priority=PRIORITY_STEPS[message.priority],
            headers={"request_id": message.request_id},
            retry=False,
            ignore_result=True,
            declare=[],  # a list in Redis needs none
            producer=producer,
        )

    @contextmanager
    def _sending(self) -> Iterator[Any]:
        """Gives a producer with a connection that is kept, and turns what kombu and redis-py raise into one error."""
        try:
            with self._app.producer_or_acquire() as producer:
                yield producer
        except (KombuError, RedisError, OSError) as error:
            raise _unavailable(self._app, error) from error

    def close(self) -> None:
        """Closes its connections; calling it again does nothing."""
        self._app.close()


def _pipeline(producer: Any) -> AbstractContextManager[Any]:
    """Returns within what messages are sent in one go, where kombu can do that (5.7)."""
    return producer.batch() if hasattr(producer, "batch") else nullcontext()


class RedisQueues:
    """How many messages wait in the broker's queues.

    Args:
        url: Of the broker.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = Redis.from_url(
            url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=CONNECT_TIMEOUT_S, health_check_interval=10
        )

    def __call__(self, queue: str) -> int:
        """Returns the number of messages in a queue, of all priorities.

        Raises:
            LedgerUnavailable: The broker can't be reached.
        """
        try:
            return sum(int(self._client.llen(_list_of(queue, step))) for step in PRIORITY_STEPS.values())
        except (RedisError, OSError) as error:
            raise LedgerUnavailable(f"the broker does not answer: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()


def _list_of(queue: str, step: int) -> str:
    return f"{queue}{SEPARATOR}{step}" if step else queue


def _unavailable(app: Celery, error: Exception) -> LedgerUnavailable:
    where = app.connection_for_write().as_uri()  # without the password
    cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error  # kombu's own words say less
    return LedgerUnavailable(f"the broker {where} takes no message: {type(cause).__name__}: {cause}")

"""Celery's consumer of messages, which comes back to the broker soon after the broker does."""

from typing import Any, Final

from kernelgym.serving.extras import need_serve

need_serve("celery")

from celery.utils.log import get_logger  # noqa: E402 - after the error that names the extra
from celery.worker.consumer import Consumer  # noqa: E402
from celery.worker.state import maybe_shutdown  # noqa: E402

RECONNECT_EVERY_S: Final = 1.0
"""Pause between two attempts. Celery's own grows to 30 s; thousands of workers are no load for a Redis that starts."""

_LOG: Final = get_logger(__name__)


class PromptConsumer(Consumer):  # type: ignore[misc] # celery has no types
    """Tries again every second, however long that takes; says so once."""

    def ensure_connected(self, conn: Any) -> Any:
        """Returns a connection that is connected."""
        told = False

        def tell(error: Exception, interval_s: float) -> None:
            nonlocal told
            if not told:
                _LOG.error("no connection to %s (%s); trying again every %g s", conn.as_uri(), error, interval_s)
            told = True

        conn.ensure_connection(
            tell, interval_start=RECONNECT_EVERY_S, interval_step=0, interval_max=RECONNECT_EVERY_S,
            callback=maybe_shutdown,
        )  # fmt: skip
        self.first_connection_attempt = False
        return conn

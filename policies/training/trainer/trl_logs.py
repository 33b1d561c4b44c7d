"""TRL's logs, made to tell of episodes what it can't know."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from trl.trainer.grpo_trainer import GRPOTrainer


@contextmanager
def no_complaint_about_lost_episodes() -> Iterator[None]:
    """Keeps TRL from printing whole episodes because they have no reward; `episode/lost` tells how many have none."""
    logger = logging.getLogger(GRPOTrainer.__module__)

    def other(record: logging.LogRecord) -> bool:
        return "All reward functions returned None" not in str(record.msg)

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def replace_last(log: Any, values: Sequence[Any]) -> None:
    """Replaces the newest entries of one of TRL's logs, which hold no more than `maxlen`."""
    for _ in range(min(len(values), len(log))):
        log.pop()
    log.extend(values)

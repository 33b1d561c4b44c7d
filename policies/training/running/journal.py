"""Callbacks of a training: writes each update's numbers down, tells how far it is, and stops it where it can go on."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from types import FrameType
from typing import Any, Final

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from kernelgym.reports.wording import plain
from policies.training.exchange import Exchange
from policies.training.running.outcome import EVALUATION, is_evaluation
from policies.training.running.output import Output

TOLD: Final = {
    "episode/return": "return {:.3g}",
    "episode/correct": "correct {:.0%}",
    "episode/fast_1": "fast_1 {:.0%}",
    "episode/hacked": "hacks {:.0%}",
    "episode/lost": "lost {:.0%}",
    "loss": "loss {:.3g}",
}
"""What a line on the terminal has of an update's numbers, in this order."""


class Journal(TrainerCallback):
    """Writes `metrics.jsonl`, and a line per update on standard error; on the main process only.

    Args:
        output: Where.
        more: Further numbers by name, asked for with every line.
    """

    def __init__(self, output: Output, more: Callable[[], Mapping[str, float]] | None = None) -> None:
        self._output = output
        self._more = more or dict
        self._since = time.monotonic()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Keeps what was logged."""
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        numbers = {
            name: value if isfinite(value) else None for name, value in logs.items() if isinstance(value, int | float)
        }
        now = time.monotonic()
        line = {"step": state.global_step, "seconds": round(now - self._since, 3)} | numbers | dict(self._more())
        self._since = now
        self._output.log(line)
        evaluated = is_evaluation(numbers)
        prefix = EVALUATION if evaluated else ""
        told = [text.format(value) for name, text in TOLD.items() if (value := numbers.get(prefix + name)) is not None]
        where = f"{'evaluation after ' if evaluated else ''}update {state.global_step} of {state.max_steps}"
        print(plain(f"{where}: {', '.join(told)} ({line['seconds']:.1f} s)"), file=sys.stderr, flush=True)


class Stop(TrainerCallback):
    """Ends the training after the update in progress, with a checkpoint, on all processes at the same update.

    Args:
        exchange: Among the processes.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._asked = threading.Event()
        self.stopped = False
        """True once the training was ended."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Asks all processes; a signal reaches them one after the other."""
        if any(self._exchange.gather(self._asked.is_set())):
            self.stopped = True
            control.should_save = control.should_training_stop = True
        return control

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Takes Ctrl-C and SIGTERM, as schedulers send it: the first asks for the end, a second is obeyed at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        if self._exchange.rank == 0:
            print("stopping after this update, with a checkpoint; once more: at once", file=sys.stderr, flush=True)

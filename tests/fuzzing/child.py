"""``python -m tests.fuzzing.child TARGET SECONDS SEED FOLDER``: one libFuzzer process, guided by coverage.

Whatever it finds it appends to ``FOLDER/findings.jsonl`` and goes on; how far it came is in ``FOLDER/progress.json``.
"""

import json
import sys
import time
import traceback
from pathlib import Path

import atheris
import torch

from tests.fuzzing.quick import MAX_BYTES, seeded
from tests.fuzzing.target import Target, execute

SEEDS = 200
"""Inputs that a campaign begins with."""

PROGRESS_S = 1.0
MEMORY_MIB = 3072
PATIENCE = 5.0
"""Watching coverage takes time."""
TIMEOUT_S = 300


class Record:
    """Executes a target, and writes down what happens.

    Args:
        target: What is fuzzed.
        folder: Where to.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._known: set[tuple[str, str, int]] = set()
        self._executions = 0
        self._slowest_s = 0.0
        self._written = 0.0

    def once(self, data: bytes) -> None:
        """One execution; a failure that is known by its place is counted only."""
        self._executions += 1
        try:
            self._slowest_s = max(self._slowest_s, execute(self._target, data, PATIENCE))
        except Exception as error:  # noqa: BLE001 # whatever it is, it is what we look for
            self._found(error, data)
        if time.monotonic() > self._written + PROGRESS_S:
            self._written = time.monotonic()
            progress = {"executions": self._executions, "slowest_s": round(self._slowest_s, 3)}
            Path(self._folder, "progress.json").write_text(json.dumps(progress))

    def _found(self, error: Exception, data: bytes) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = (type(error).__name__, Path(frame.filename).name, frame.lineno or 0)
        if place in self._known:
            return
        self._known.add(place)
        words = f"{place[0]} at {place[1]}:{place[2]}: {str(error)[:300]}"
        with Path(self._folder, "findings.jsonl").open("a") as file:
            file.write(json.dumps({"what": words, "data": data.hex()}) + "\n")


def main() -> None:
    """Fuzzes until the time is up; libFuzzer ends the process."""
    name, seconds, seed, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    with atheris.instrument_imports(include=["sandboxes", "rewards", "kernelgym"], enable_loader_override=False):
        from tests.fuzzing.targets import TARGETS  # noqa: PLC0415 # what is imported here is what is watched

    torch.set_num_threads(1)  # CPU time is what is bounded
    target = next(item for item in TARGETS if item.name == name)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number in range(SEEDS):
        Path(corpus, f"seed-{number}").write_bytes(seeded(target, seed, number))
    options = [
        f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MAX_BYTES}", "-len_control=0",
        f"-rss_limit_mb={MEMORY_MIB}", f"-timeout={TIMEOUT_S}", f"-artifact_prefix={folder}/", "-print_final_stats=1",
        "-report_slow_units=1000",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], Record(target, folder).once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Secret seeds of input values: what a candidate is told about one evaluation is of no use in the next.

Check cases get a new seed in every evaluation. The truth of a bench case is dear, so its seed is kept, until something
about its values has been told: a report that ends at the bench case (what is off, where, by how much), or many reports.
The inputs of an answer of few numbers are not kept at all: a report of success can tell it, too, by the operations that
were counted in loops whose length depends on it.
"""

import fcntl
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sandboxes.contracts import EvalConfig

MAX_USES: Final = 16
"""Evaluations that may share the inputs of a bench case."""

FEW_NUMBERS: Final = 2**16
"""Elements of an answer up to which its inputs are drawn anew in every evaluation."""

MAX_KEPT: Final = 512
"""Problems whose seeds are kept, least recently used first out."""

BITS: Final = 48


class SecretSeeds:
    """The seeds of one process; nobody else knows them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def fresh(self) -> int:
        """Returns a seed that has not been used."""
        return secrets.randbits(BITS)

    def bench(self, digest: str, numbers: int) -> int:
        """Returns the seed of a reference's bench case, whose outputs have this many elements.

        It is a new one after `MAX_USES` evaluations, and always if the elements are few.
        """
        if not is_kept(numbers):
            return self.fresh()
        seed, left = self._kept.pop(digest, (self.fresh(), MAX_USES))
        if left > 1:
            self._kept[digest] = seed, left - 1
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return seed

    def for_bench(self, config: EvalConfig, digest: str, numbers: int) -> tuple[int, bool]:
        """Returns the seed of a bench case in one evaluation, and whether it serves no other.

        Args:
            config: Has the seeds that are no secret of this process.
            digest: Of the reference.
            numbers: Elements of its outputs.
        """
        if config.seed is not None and config.bench_seed is None:
            return config.seed, False
        once = not is_kept(numbers)
        if config.seed is None:
            return self.bench(digest, numbers), once
        assert config.bench_seed is not None
        return (config.seed if once else config.bench_seed), once

    def told(self, digest: str) -> None:
        """Notes that a report has said something about the values of a reference's bench case."""
        self._kept.pop(digest, None)


class SharedSeeds(SecretSeeds):
    """The seeds of all workers that name the same folder, which candidates must not see: they share truths, too.

    Where the folder can't be used (a full disk), they are those of this process.

    Args:
        folder: Made if it is not there, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def bench(self, digest: str, numbers: int) -> int:
        """As `SecretSeeds.bench`, counting the evaluations of all workers."""
        if not is_kept(numbers):
            return self.fresh()
        try:
            with self._locked():
                return self._take(self._folder / digest)
        except OSError:
            return super().bench(digest, numbers)

    def told(self, digest: str) -> None:
        """As `SecretSeeds.told`, for all workers."""
        super().told(digest)
        with suppress(OSError), self._locked():
            (self._folder / digest).unlink(missing_ok=True)

    def _take(self, path: Path) -> int:
        try:
            seed, left = map(int, path.read_text(encoding="ascii").split())
        except (FileNotFoundError, ValueError):  # there is none, or it is damaged
            seed, left = self.fresh(), MAX_USES
            self._forget_old()
        if left > 1:
            draft = path.with_name(".draft")
            draft.write_text(f"{seed} {left - 1}", encoding="ascii")
            draft.replace(path)
        else:
            path.unlink(missing_ok=True)
        return seed

    def _forget_old(self) -> None:
        kept = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        for path in sorted(kept, key=lambda path: path.stat().st_mtime)[: max(0, len(kept) - MAX_KEPT + 1)]:
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def is_kept(numbers: int) -> bool:
    """True if the inputs of a bench case whose outputs have this many elements serve for more than one evaluation."""
    return numbers > FEW_NUMBERS

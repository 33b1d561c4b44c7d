"""What the L2 cache keeps from one node of a program to the next.

A program starts with a cold cache, as on a GPU whose cache is flushed before each run. Memory is told apart by storage:
the least recently used goes first, and of a storage that is larger than the cache its end stays, since that is what
was used last. Candidate and reference are priced by the same rules. Touching memory first gains nothing: it costs at
least what it saves.
"""

from collections.abc import Mapping

from sandboxes.hardware.traffic.caching import USABLE


class Residency:
    """Which storages are in the cache, and how much of each.

    Args:
        cache_bytes: Size of the L2 cache.
        sizes: Bytes of storages, where they are known: who reads a part of a storage finds it with the probability that
            any part of it is there.
    """

    def __init__(self, cache_bytes: float, sizes: Mapping[int, float] | None = None) -> None:
        self._capacity = USABLE * cache_bytes
        self._sizes = sizes or {}
        self._kept: dict[int, float] = {}
        """Bytes by storage, the least recently used first."""

    def found(self, reads: Mapping[int, float], writes: Mapping[int, float]) -> dict[int, float]:
        """Returns, by storage, which bytes of its reads a node finds in the cache.

        If a node uses more than the cache holds, what it brings in displaces what it has not come to yet: strictly
        least-recently-used caches then keep nothing, real ones some. Here it falls off with what is too much.

        Args:
            reads: Bytes by storage, each counted once.
            writes: Likewise.
        """
        there = {storage: min(size, self._share(storage, size) * size) for storage, size in reads.items()}
        kept = sum(there.values())
        fresh = sum(reads.values()) - kept + sum(size for storage, size in writes.items() if storage not in reads)
        overflow = max(fresh + kept - self._capacity, 0.0)
        remains = max(1.0 - overflow / self._capacity, 0.0) if self._capacity else 0.0
        return {storage: size * remains for storage, size in there.items() if size and remains}

    def use(self, reads: Mapping[int, float], writes: Mapping[int, float]) -> None:
        """Notes that a node has read and written; what it wrote stays longest."""
        for uses in (reads, writes):
            for storage, size in uses.items():
                self._kept[storage] = min(max(size, self._kept.pop(storage, 0.0)), self._capacity)
        excess = sum(self._kept.values()) - self._capacity
        for storage in list(self._kept):
            if excess <= 0:
                break
            gone = min(excess, self._kept[storage])
            excess -= gone
            self._kept[storage] -= gone
            if not self._kept[storage]:
                del self._kept[storage]

    def _share(self, storage: int, size: float) -> float:
        """Returns the share of a storage that is in the cache."""
        whole = max(self._sizes.get(storage, size), size)
        return min(self._kept.get(storage, 0.0) / whole, 1.0) if whole else 0.0

"""What the L2 cache keeps: least recently used memory goes first, written memory is written back when it goes.

Exact at the granularity of accesses: all programs of a wave walk in step, and everything that one step uses counts as
used at the same time. A use hits if no more than the cache holds was used since the last use of the same memory (its
reuse distance; Mattson et al., "Evaluation techniques for storage hierarchies", 1970). Distances don't depend on the
size of the cache, so a larger one never has more traffic.
"""

from dataclasses import dataclass

import numpy as np

from sandboxes.contracts import Target
from sandboxes.hardware.traffic.boxes import Flags, Ints
from sandboxes.hardware.traffic.events import Events
from sandboxes.hardware.traffic.rectangles import FULL

USABLE = 0.9
"""Share of the L2 cache that works like one with least-recently-used order and any memory anywhere. Estimate: sets of
16 ways and hashed addresses lose some, and so do programs that do not walk in step."""

STEPS = 640
"""Steps of time that reuse distances are told apart by; neighbouring accesses of longer kernels share one."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Bytes between the L2 cache and device memory, by the time of the access that causes them."""

    read: np.ndarray
    written: np.ndarray


def usable_bytes(target: Target) -> float:
    """Returns how much memory the L2 cache of `target` keeps."""
    return target.l2_mib * 2**20 * USABLE


def simulate(events: Events, loads: Flags, stores: Flags, capacity: float, copies: int = 1) -> Traffic:
    """Returns the traffic with device memory if the cache is empty at first and written back in the end.

    Args:
        events: What is used when.
        loads: Per time, whether it reads; atomics do both.
        stores: Per time, whether it writes.
        capacity: Bytes that the cache keeps.
        copies: How often it holds what several programs use at once: "Each L2 partition localizes and caches data for
            memory accesses from SMs in the GPCs directly connected to the partition" (NVIDIA A100 whitepaper, 2020).
    """
    times = loads.size
    first = np.concatenate([[True], events.atom[1:] != events.atom[:-1]])
    before = np.where(first, -1, np.concatenate([[-1], events.time[:-1]]))
    amount = events.bytes * events.weight
    hit = _hits(events, amount * np.where(events.shared, copies, 1), before, times, capacity)
    begins = np.flatnonzero(~hit)
    reading, writing = loads[events.time], stores[events.time]
    covered = np.bitwise_or.reduceat(np.where(writing & ~reading, events.covered, 0), begins)
    filled = reading[begins] | (covered != FULL)
    read = np.bincount(events.time[begins], weights=amount[begins] * filled, minlength=times)
    last = np.maximum.reduceat(np.where(writing, np.arange(len(events)), -1), begins)
    last = last[last >= 0]
    written = np.bincount(events.time[last], weights=amount[last], minlength=times)
    return Traffic(read, written)


def distinct(events: Events, group: Ints, groups: int) -> np.ndarray:
    """Returns the bytes that the accesses of each of `groups` groups touch, every byte once.

    Args:
        events: What is used when.
        group: Per time, the group of its access; negative for none.
        groups: How many there are.
    """
    of = group[events.time]
    kept = np.flatnonzero(of >= 0)
    key = events.atom[kept] * groups + of[kept]
    order = np.argsort(key, kind="stable")
    key = key[order]
    if not key.size:  # waves in which nobody accesses anything
        return np.zeros(groups)
    first = kept[order][np.concatenate([[True], key[1:] != key[:-1]])]
    return np.bincount(of[first], weights=(events.bytes * events.weight)[first], minlength=groups)


def _hits(events: Events, amount: np.ndarray, before: Ints, times: int, capacity: float) -> Flags:
    """Returns which uses find their memory in the cache."""
    steps = min(times, STEPS)
    now, then = events.time * steps // times, np.where(before < 0, -1, before * steps // times)
    fresh = np.bincount((then + 1) * steps + now, weights=amount, minlength=(steps + 1) * steps)
    # used[s, t]: bytes used at step t whose last use was before step s; summed over t, distinct bytes from s to t
    used = np.cumsum(fresh.reshape(steps + 1, steps)[:steps], axis=0)
    since = np.cumsum(np.triu(used), axis=1)
    full = np.triu(since > capacity)
    kept_from = np.where(full.any(axis=0), steps - full[::-1].argmax(axis=0), 0)
    hit: Flags = (then >= 0) & (then + 1 >= kept_from[now])
    if steps < times:
        hit &= (then < now) | (since[now, now] <= capacity)
    return hit

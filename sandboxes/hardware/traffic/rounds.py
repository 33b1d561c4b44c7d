"""How often a program waits for memory, read off the order of its accesses."""

import numpy as np

from sandboxes.ttir.addresses.log import AddressLog


def rounds(log: AddressLog) -> float:
    """Returns how often a program, on average, would wait for loads if nothing was pipelined.

    Loads that follow each other wait together, until one comes around again (the next iteration of a loop) or depends
    on what was loaded. Stores wait for nothing; atomics count as loads, since their results may be used.

    Args:
        log: Of some programs, in the order of time.
    """
    count = len(log.programs)
    current = np.zeros(count, np.int64)
    """Rounds that each program has begun."""
    joined: dict[int, np.ndarray] = {}
    """By operation: the round in which each program last came by."""
    waits = 0
    for access in log.accesses:
        operation, programs = log.operations[access.operation], access.programs.numpy()
        if operation.kind == "store":
            continue
        last = joined.setdefault(access.operation, np.zeros(count, np.int64))
        before = current[programs]
        begins = (before == 0) | (last[programs] == before) | operation.dependent
        waits += access.repeats * int(begins.sum())
        current[programs] = last[programs] = before + begins
    return waits / max(count, 1)

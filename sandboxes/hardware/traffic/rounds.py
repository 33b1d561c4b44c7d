"""How often a program waits for memory, read off the order of its accesses."""

from collections import defaultdict

from sandboxes.ttir.addresses.log import AddressLog


def rounds(log: AddressLog) -> float:
    """Returns how often a program, on average, would wait for loads if nothing was pipelined.

    Loads that follow each other wait together, until one comes around again (the next iteration of a loop) or depends
    on what was loaded. Stores wait for nothing; atomics count as loads, since their results may be used. Programs that
    walk in step are told apart by how many they are, the first and the last.

    Args:
        log: Of some programs, in the order of time.
    """
    groups: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    found = 0
    for access in log.accesses:
        operation, count = log.operations[access.operation], len(access.programs)
        if operation.kind == "store" or not count:
            continue
        waiting = groups[count, int(access.programs[0]), int(access.programs[-1])]
        if not waiting or access.operation in waiting or operation.dependent:
            found += access.repeats * count
            waiting.clear()
        waiting.add(access.operation)
    return found / max(len(log.programs), 1)

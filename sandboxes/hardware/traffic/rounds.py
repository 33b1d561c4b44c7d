"""How often a program waits for memory, read off the order of its accesses."""

from sandboxes.ttir.addresses.log import AddressLog


def rounds(log: AddressLog) -> float:
    """Returns how often a program, on average, would wait for loads if nothing was pipelined.

    Loads that follow each other wait together, until one comes around again (the next iteration of a loop) or depends
    on what was loaded. Stores wait for nothing; atomics count as loads, since their results may be used.

    Args:
        log: Of some programs, in the order of time.
    """
    programs = max(len(log.programs), 1)
    waiting: set[int] = set()
    found = 0.0
    for access in log.accesses:
        operation = log.operations[access.operation]
        if operation.kind == "store":
            continue
        if not waiting or access.operation in waiting or operation.dependent:
            found += access.repeats * len(access.programs) / programs
            waiting.clear()
        waiting.add(access.operation)
    return found

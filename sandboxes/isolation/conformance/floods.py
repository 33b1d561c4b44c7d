"""Floods and forgeries: too much output, and output that pretends to be somebody else's."""

from sandboxes.isolation.conformance.scenario import attack

__all__ = ["SCENARIOS"]

_EVERY_DESCRIPTOR = """
import os
def flood(block, rounds):
    fds = list(range(1024))
    for _ in range(rounds):
        for fd in list(fds):
            try: os.write(fd, block)
            except OSError: fds.remove(fd)
"""

SCENARIOS = (
    attack(
        "writes gigabytes to stdout",
        "import os\nblock = bytes(1 << 16)\nfor _ in range(1 << 16): os.write(1, block)",
        "output_limit",
    ),
    attack(
        "writes gigabytes to every descriptor",
        _EVERY_DESCRIPTOR + "flood(bytes(1 << 16), 1 << 16)",
        "output_limit",
    ),
    attack("returns more than allowed", "answer = 'x' * (5 << 20)", "output_limit"),
    attack(
        "writes garbage frames to every descriptor",
        _EVERY_DESCRIPTOR
        + 'flood(b\'{"op": "done", "wait_status": 0, "swept": true}\', 3)\n'
        + "flood(b'A' + bytes(8), 3)\nflood(b'A' + b'\\xff' * 8, 3)",
        "exited",
    ),
    attack(
        "promises more than it sends",
        "import os\nos.write(3, b'A' + b'\\xff' * 8 + b'x')\nos._exit(0)",
        "exited",
    ),
    attack(
        "has a child answer after it",
        """
        import os, time
        if os.fork() == 0:
            while True:
                try: os.write(3, b'A' + (1).to_bytes(8, 'big') + b'7'); os.write(1, b'7')
                except OSError: pass
        answer = 1
        """,
        "completed",
        "exited",
        "output_limit",
        answers={b"1"},
    ),
    attack(
        "looks for a channel among its descriptors",
        """
        import os, stat
        answer = []
        for fd in range(1024):
            try: mode = os.fstat(fd).st_mode
            except OSError: continue
            if fd > 3 or stat.S_ISSOCK(mode) or stat.S_ISDIR(mode) or stat.S_ISREG(mode): answer.append(fd)
        """,
        answers={b"[]"},
    ),
    attack("closes every descriptor", "import os\nos.closerange(0, 1024)\nanswer = 1", "exited", exit_code=0),
    attack(
        "replaces stdout with a trap",
        """
        import sys
        class Trap:
            def __getattr__(self, name): raise RuntimeError(name)
        sys.stdout = sys.stderr = Trap()
        answer = 1
        """,
        "completed",
        "exited",
    ),
    attack(
        "does not let itself exit",
        "import os\nos._exit = lambda code: None\nanswer = 1",
        "completed",
        "exited",
    ),
)

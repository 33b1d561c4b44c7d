"""Attempts to learn what the caller knows.

A test suite puts the word `hunter`, with a 2 at its end, into a variable of its environment before it starts a sandbox.
It is nowhere spelt out here, because this text is in the memory that is searched for it.
"""

from sandboxes.isolation.conformance.prelude import FOREIGN_PROCESSES, NOTHING
from sandboxes.isolation.conformance.scenario import attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

SCENARIOS = (
    attack(
        "looks for secrets in its environment",
        """
        import os
        answer = sorted(n for n, v in os.environ.items() if 'SECRET' in n or 'TOKEN' in n or 'hunter' + chr(50) in v)
        """,
        answers=NOTHING,
    ),
    attack(
        "looks for secrets in environments that /proc shows",
        (
            "import os\n",
            FOREIGN_PROCESSES,
            """
            answer = []
            for p in ('self', *foreign()):
                for name in ('environ', 'cmdline'):
                    try: text = open(f'/proc/{p}/{name}', 'rb').read()
                    except OSError: continue
                    if b'hunter' + bytes([50]) in text or b'SECRET' in text: answer.append((p, name))
            """,
        ),
        answers=NOTHING,
    ),
    attack(
        "searches its memory for what the zygote inherited",
        """
        import re
        answer = []
        pattern = re.compile(b'hunter[2]')
        with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
            for row in maps:
                words = row.split()
                if words[1].startswith('rw') and words[-1] != '[vvar]':
                    begin, end = (int(part, 16) for part in words[0].split('-'))
                    try: memory.seek(begin); found = pattern.search(memory.read(end - begin))
                    except (OSError, ValueError, OverflowError): continue
                    if found: answer.append(words[-1])
        """,
        answers=NOTHING,
    ),
    attack(
        "asks the garbage collector for descriptors and the caller's words",
        """
        import gc, os, socket, sys
        gc.unfreeze()
        answer = []
        for thing in gc.get_objects():
            if isinstance(thing, socket.socket):
                try: os.fstat(thing.fileno()); answer.append(thing)
                except OSError: pass
            if isinstance(thing, dict) and any('SECRET' in str(key) for key in list(thing)): answer.append('dict')
        frame = sys._getframe()
        while frame:
            for name, value in list(frame.f_locals.items()):
                if isinstance(value, (str, bytes)) and 'hunter' + chr(50) in str(value): answer.append(name)
            frame = frame.f_back
        answer = [a for a in answer if a != 'answer']
        """,
        answers=NOTHING,
    ),
    attack(
        "looks for the names of the machine and of its user",
        """
        import os
        answer = [name for name in ('SSH_CONNECTION', 'SUDO_USER', 'LD_PRELOAD', 'PYTHONPATH') if name in os.environ]
        for path in ('/etc/machine-id', '/var/lib/dbus/machine-id', '/etc/hostname', '/root/.ssh', '/home'):
            try: os.listdir(path) if os.path.isdir(path) else open(path).read(); answer.append(path)
            except OSError: pass
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES},
    ),
)

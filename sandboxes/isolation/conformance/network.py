"""Attacks over sockets: the network, this machine's own services, and the kernel through socket families."""

from sandboxes.isolation.conformance.prelude import NOTHING
from sandboxes.isolation.conformance.scenario import Scenario, attack
from sandboxes.isolation.protection import Protection

__all__ = ["SCENARIOS"]

_NETWORK = {Protection.NETWORK}
_FILTER = {Protection.SYSTEM_CALLS}


def _opens(name: str, *sockets: str, needs: set[Protection] = _FILTER) -> Scenario:
    """An attempt to have any of these `socket.socket(...)` argument lists."""
    return attack(
        name,
        f"""
        from socket import *
        answer = []
        for arguments in ({", ".join(sockets)},):
            try: socket(*arguments).close(); answer.append(arguments)
            except OSError as e:
                if e.errno not in (1, 13): answer.append((arguments, e.errno))
        """,
        answers=NOTHING,
        needs=needs,
    )


SCENARIOS = (
    attack(
        "opens network sockets",
        """
        import socket
        def attempt(family, kind, address):
            try:
                with socket.socket(family, kind) as s:
                    s.settimeout(0.3)
                    s.connect(address)
                    s.send(b'x')
                return 'connected'
            except OSError: return 'refused'
        inet = socket.AF_INET
        answer = sorted({attempt(inet, socket.SOCK_STREAM, ('127.0.0.1', 22)),
            attempt(inet, socket.SOCK_DGRAM, ('127.0.0.1', 53)),
            attempt(inet, socket.SOCK_DGRAM, ('192.0.2.1', 53)),
            attempt(socket.AF_INET6, socket.SOCK_DGRAM, ('::1', 53)),
            attempt(socket.AF_UNIX, socket.SOCK_STREAM, '/var/run/docker.sock')})
        """,
        answers={b"['refused']"},
        needs=_NETWORK,
    ),
    attack(
        "talks to itself over loopback",
        """
        import socket
        answer = []
        for family, address in ((socket.AF_INET, ('127.0.0.1', 0)), (socket.AF_INET6, ('::1', 0))):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                try: s = socket.socket(family, kind); s.bind(address); answer.append((family, kind))
                except OSError: pass
        """,
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "meets others at abstract and file sockets",
        """
        import os, socket
        answer = []
        for name in ('\\0kernelgym-meeting', './meeting'):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                try: s = socket.socket(socket.AF_UNIX, kind); s.bind(name); answer.append((name, kind))
                except OSError: pass
        """,
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "sends datagrams to any name from one of a pair of sockets",
        """
        import socket
        answer = []
        for kind in (socket.SOCK_DGRAM, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.SOCK_SEQPACKET, 1):
            try: ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
            except OSError: continue
            for act in (lambda: ours.sendto(b'x', '/dev/log'), lambda: ours.connect('\\0kernelgym'),
                        lambda: theirs.bind('\\0kernelgym-pair')):
                try: act(); answer.append(kind)
                except (ConnectionRefusedError, FileNotFoundError): answer.append(('would have reached it', kind))
                except OSError: pass
        """,
        answers=NOTHING,
        needs=_FILTER,
    ),
    attack(
        "makes pairs of exotic sockets",
        """
        import socket
        answer = []
        for family in (30, 2, 16, 38, 40, 44):
            for kind in (1, 2, 3, 5):
                try: socket.socketpair(family, kind); answer.append((family, kind))
                except OSError as e:
                    if e.errno != 1: answer.append((family, kind, e.errno))
        """,
        answers=NOTHING,
        needs=_FILTER,
    ),
    _opens("listens to the kernel over netlink", "(AF_NETLINK, SOCK_RAW, 0)", "(AF_NETLINK, SOCK_DGRAM, 15)"),
    _opens("calls the hypervisor over vsock", "(AF_VSOCK, SOCK_STREAM)", "(AF_VSOCK, SOCK_DGRAM)"),
    _opens(
        "sends raw packets",
        *(
            "(AF_PACKET, SOCK_RAW, 768)",
            "(AF_INET, SOCK_RAW, 1)",
            "(AF_INET6, SOCK_RAW, 58)",
            "(AF_INET, SOCK_DGRAM, 1)",
        ),
    ),
    _opens(
        "loads rare protocols into the kernel",
        *(
            "(AF_ALG, SOCK_SEQPACKET, 0)",
            "(AF_TIPC, SOCK_STREAM)",
            "(AF_CAN, SOCK_RAW, 1)",
            "(31, SOCK_RAW, 1)",
        ),
        *("(AF_RDS, SOCK_SEQPACKET)", "(44, SOCK_RAW)", "(AF_INET, SOCK_STREAM, 132)"),
    ),
    attack(
        "reads the machine's network configuration",
        """
        answer = []
        for path in ('/etc/resolv.conf', '/etc/hosts', '/sys/class/net/eth0/address'):
            try: open(path).read(); answer.append(path)
            except OSError: pass
        for path in ('/proc/self/net/tcp', '/proc/1/net/tcp', '/proc/thread-self/net/udp', '/proc/self/net/unix'):
            try: answer += open(path).read().splitlines()[1:2]
            except OSError: pass
        """,
        answers=NOTHING,
        needs={Protection.HIDDEN_FILES, Protection.HIDDEN_PROCESSES},
    ),
)

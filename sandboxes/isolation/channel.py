"""Messages between the caller and the zygote: one JSON object per packet, with descriptors beside it.

`SOCK_SEQPACKET` keeps message boundaries, so there is no framing to attack and a packet has a strict maximum.
Untrusted code never holds an end of it: it runs in forks that close everything but their own pipes.
"""

import json
import socket
from collections.abc import Sequence
from typing import Any

__all__ = ["MAX_MESSAGE_BYTES", "receive", "send"]

MAX_MESSAGE_BYTES = 64 * 1024
_MAX_DESCRIPTORS = 12


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message.

    Raises:
        OSError: If the other end is gone.
    """
    socket.send_fds(channel, [json.dumps(message).encode()], list(descriptors))


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Receive one message and its descriptors; `None` when the other end is gone.

    Raises:
        ValueError: If the packet is too long or no JSON object.
    """
    try:
        raw, descriptors, flags, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, _MAX_DESCRIPTORS)
    except ConnectionError:
        return None
    if not raw:
        return None
    message = json.loads(raw) if not flags & socket.MSG_TRUNC else None
    if not isinstance(message, dict):
        raise ValueError("sandbox channel: not a JSON object of at most 64 KiB")
    return message, descriptors

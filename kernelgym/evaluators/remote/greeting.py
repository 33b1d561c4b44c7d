"""Asks a server whether it is there, is ready, and takes the token."""

from contextlib import closing
from typing import Final

from pydantic import ValidationError

from kernelgym.evaluators.remote.address import read_address
from kernelgym.evaluators.remote.client import HttpLine
from kernelgym.evaluators.remote.conversation import Conversation
from kernelgym.evaluators.steps import Ask
from kernelgym.evaluators.troubles import Passing, Senseless
from kernelgym.serving.http.wire import HealthOut
from kernelgym.serving.jobs import Priority

NOBODYS_JOB: Final = "0" * 64


def greet(url: str, token: str | None) -> str | None:
    """Returns None if the server can be used, else why not and what to do.

    Raises:
        BadUsage: The address is none, or not that of such a server, or it does not take the token.
    """
    conversation = Conversation(read_address(url, token), priority=Priority.INTERACTIVE)
    with closing(HttpLine(conversation)) as line:
        try:
            reply = line.exchange(conversation.greeting())
            conversation.check(reply)
            line.speak(Ask((NOBODYS_JOB,), 0.0, 0.0), "doctor")
        except Passing as error:
            return error.message
        except Senseless as error:
            return str(error.error)
    try:
        health = HealthOut.model_validate_json(reply.body)
    except ValidationError:
        return f"{conversation.address} answered {reply.status} when asked for its health; correct the address"
    return None if health.ok else f"{conversation.address} is not ready: {health.message}"

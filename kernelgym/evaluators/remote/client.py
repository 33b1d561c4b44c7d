"""The client for programs with threads, or without."""

from kernelgym.evaluators.following import FollowingEvaluator
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Task
from kernelgym.evaluators.remote.address import read_address
from kernelgym.evaluators.remote.conversation import POLITE, Call, Conversation, Reply
from kernelgym.evaluators.remote.transport import describe, httpx, limits, timeout
from kernelgym.evaluators.steps import Ask, Drop, Send, Told
from kernelgym.evaluators.troubles import Passing
from kernelgym.serving.jobs import JobView, Priority


class HttpLine:
    """Speaks to a server; a `Line`.

    Args:
        conversation: What is said.
        transport: Another way than the network, for tests.
    """

    def __init__(self, conversation: Conversation, transport: httpx.BaseTransport | None = None) -> None:
        self._conversation = conversation
        self._http = httpx.Client(limits=limits(), transport=transport, follow_redirects=False)

    def alone(self, task: Task) -> bool:
        """Returns whether it is not known yet if the server has the problem."""
        return self._conversation.alone(task)

    def speak(self, step: Send | Ask | Drop, waiter: str) -> list[JobView] | Told | None:
        """Does what a step says; see `Line`."""
        return self._conversation.heard(step, self.exchange(self._conversation.call(step, waiter)))

    def exchange(self, call: Call) -> Reply:
        """Sends a request and returns the answer.

        Raises:
            Passing: There is none.
        """
        url = f"{self._conversation.address}{call.path}"
        try:
            response = self._http.request(
                call.method, url, content=call.body, headers=call.headers, timeout=timeout(call)
            )
        except httpx.RequestError as error:
            raise Passing(describe(error, self._conversation.address, call)) from error
        except RuntimeError as error:
            if not self._http.is_closed:
                raise
            raise Passing("the client is closed") from error
        return Reply(status=response.status_code, body=response.content, headers=dict(response.headers))

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()


class KernelGymClient(FollowingEvaluator):
    """Implements `Evaluator` and `Inspector` by asking a server (`kernelgym serve`); a context manager.

    A connection that fails is tried again after pauses that grow, and everything is asked for again: a job is named by
    what it asks, so that nothing is lost and nothing is computed twice. After `Manners.patience_s` of that, what is
    open is answered with reports `infrastructure`. What can't get better is an error at once.

    A problem is sent by its name, and in full where the server does not have it; that takes a token with the scope
    `references`, since a reference is code that runs outside of the sandbox.

    Args:
        url: Of the server, e.g. `http://localhost:8000`.
        token: Shown to the server; None: `KERNELGYM_TOKEN`.
        priority: Who goes first where several wait.
        manners: How much is asked for at a time, and for how long.
        transport: Another way than the network, for tests.

    Raises:
        BadUsage: The address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        priority: Priority = Priority.BATCH,
        manners: Manners | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        polite = manners or POLITE
        conversation = Conversation(read_address(url, token), priority=priority, manners=polite)
        super().__init__(HttpLine(conversation, transport), polite)

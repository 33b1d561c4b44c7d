"""Why an endpoint gave no completion; each ends one episode.

EndpointError            (RuntimeError)
├── Transient                             worth another attempt; leaves the client only inside `GaveUp`
├── GaveUp               (ConnectionError) all attempts failed, or the deadline has passed
├── Refused                               another attempt would fail likewise
│   └── ContextExceeded                   the chat is longer than the model's context
├── BudgetSpent                           a limit on tokens or cost that the user set
└── PolicyClosed                          the run has ended

Messages never hold the key, whatever the server says.
"""

from policies.errors import PoliciesError


class EndpointError(PoliciesError, RuntimeError):
    """Root of what goes wrong between a policy and its endpoint."""


class Transient(EndpointError):
    """A failure that may not happen again."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        """Args:
        message: What happened.
        retry_after_s: How long the server wants to be left alone; None if it did not say.
        """  # fmt: skip
        self.message = message
        self.retry_after_s = retry_after_s
        super().__init__(message, retry_after_s)

    def __str__(self) -> str:
        return self.message


class GaveUp(EndpointError, ConnectionError):
    """Every attempt failed, or none was left before the deadline."""


class Refused(EndpointError):
    """The server does not do what it is asked, and would not do it the next time."""


class ContextExceeded(Refused):
    """The chat and the answer do not fit into the model's context."""


class BudgetSpent(EndpointError):
    """The tokens or dollars that this policy may spend are used up, or can't be counted."""


class PolicyClosed(EndpointError):
    """The policy was closed before it could answer."""

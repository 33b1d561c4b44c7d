"""Why an endpoint gave no completion; each ends one episode.

EndpointError            (PolicyBroken)     says nothing about the model: the episode is lost
├── Transient                               worth another attempt; leaves the client only as `GaveUp`
├── GaveUp               (ConnectionError)  all attempts failed, or the deadline has passed
├── Refused                                 another attempt would fail likewise
└── BudgetSpent                             a limit on tokens or cost that the user set
ModelOverrun             (ValueError)       the model's own failure, which counts
├── ContextExceeded                         the chat is longer than its context
└── AnswerTooLong                           it does not come to an end

Messages never hold the key, whatever the server says.
"""

from policies.errors import PoliciesError, PolicyBroken


class EndpointError(PolicyBroken):
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


class BudgetSpent(EndpointError):
    """The tokens or dollars that this policy may spend are used up, or can't be counted."""


class ModelOverrun(PoliciesError, ValueError):
    """Root of what a model itself can't do."""


class ContextExceeded(ModelOverrun):
    """The chat and the answer do not fit into the model's context."""


class AnswerTooLong(ModelOverrun):
    """The answer is longer than anything that is kept."""

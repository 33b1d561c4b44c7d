"""Everything that policies itself raises.

PoliciesError              (KernelGymError)  so that commands show it as one line
├── UnknownPolicy          (LookupError)     no policy has this name
├── PolicyUnavailable      (ImportError)     a policy that is installed but can't be loaded
├── PackageMissing         (ImportError)     an adapter's package is not installed
├── BookUnusable           (ValueError)      a file of a curriculum that can't be read, believed or written
├── PolicyBroken           (RuntimeError)    a policy that could not be asked: what its model would have said is unknown
│   └── PolicyClosed                         it was closed while a player waited for it
└── ChatTooLong            (ValueError)      a chat that leaves no room for a completion in the model's context
"""

from collections.abc import Iterable

from kernelgym.errors import KernelGymError, did_you_mean


class PoliciesError(KernelGymError):
    """Root of all errors of this package."""


class UnknownPolicy(PoliciesError, LookupError):
    """No policy is registered or installed under this name."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        """Args:
        name: What was asked for.
        known: All names; the closest is suggested.
        """  # fmt: skip
        self.name = name
        self.known = tuple(known)
        super().__init__(name, self.known)

    def __str__(self) -> str:
        remedy = did_you_mean(self.name, self.known) or f"there are: {', '.join(self.known)}"
        return f"no policy is called `{self.name}`; {remedy}"


class PolicyUnavailable(PoliciesError, ImportError):
    """A policy that is installed can't be loaded; the message says why."""


class PackageMissing(PoliciesError, ImportError):
    """A package that an adapter is made for is not installed."""

    def __init__(self, adapter: str, package: str, extra: str) -> None:
        """Args:
        adapter: What needs it.
        package: What is missing.
        extra: What installs it.
        """  # fmt: skip
        self.adapter = adapter
        self.package = package
        self.extra = extra
        super().__init__(adapter, package, extra)

    def __str__(self) -> str:
        return f"{self.adapter} needs the package {self.package}; install it: pip install 'kernelgym[{self.extra}]'"


class BookUnusable(PoliciesError, ValueError):
    """A file with a book of difficulties or a sampler can't be read, believed or written; the message says why."""


class PolicyBroken(PoliciesError, RuntimeError):
    """A policy could not be asked, e.g. because its server is down or its budget spent; the message says why.

    Whatever else a player raises is the policy's own failure, and counts as one in every rate. This one is a fault of
    infrastructure: the episode is lost and counts in none.
    """


class PolicyClosed(PolicyBroken):
    """The policy was closed, because the run has ended or was interrupted; nobody waits for the completion."""

    def __str__(self) -> str:
        return "the policy is closed: its run has ended or was interrupted"


class ChatTooLong(PoliciesError, ValueError):
    """A chat and its completion are longer than the model's context."""

    def __init__(self, prompt_tokens: int, max_new_tokens: int, context: int) -> None:
        """Args:
        prompt_tokens: Of the chat.
        max_new_tokens: Of the longest completion that was asked for.
        context: Most tokens that the model can hold.
        """  # fmt: skip
        self.prompt_tokens = prompt_tokens
        self.max_new_tokens = max_new_tokens
        self.context = context
        super().__init__(prompt_tokens, max_new_tokens, context)

    def __str__(self) -> str:
        return (
            f"the chat has {self.prompt_tokens:,} tokens and the completion up to {self.max_new_tokens:,}, but the "
            f"model holds {self.context:,} together; ask for fewer new tokens, or keep fewer turns in the chat"
        )

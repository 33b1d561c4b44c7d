"""What commands need from outside, as one value: tests hand in another one."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from kernelgym.cli.exits import caution
from kernelgym.settings import Settings

if TYPE_CHECKING:  # loading evaluators loads torch, which `kernelgym --help` must not wait for
    from kernelgym.evaluators import Evaluator


LOCAL: Final = "local"
"""Address of this process tree."""


def open_local_evaluator(sandbox: str, workers: int) -> "Evaluator":
    """Returns an evaluator that runs everything in this process tree, and warns of a sandbox that leaves gaps."""
    from kernelgym.evaluators import LocalEvaluator  # noqa: PLC0415 - loads pydantic models that --help can do without

    return LocalEvaluator(sandbox=sandbox, workers=workers, on_gaps=warn_of_gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens what is at an address, wherever that is."""

    address: str
    token: str | None = field(repr=False)
    urgent: bool = False
    """Whether somebody looks at the screen."""
    gpu: str = "auto"
    """What judges with the device cuda, where that is here."""

    def __call__(self, sandbox: str, workers: int) -> "Evaluator":
        """Returns the evaluator; says on standard error if nobody works there yet, and goes on: somebody may soon.

        Raises:
            BadUsage: The address is none, or not that of a server that takes the token, or what it needs is not
                installed.
        """
        from kernelgym.evaluators.opening import examine, open_evaluator  # noqa: PLC0415 - as above
        from kernelgym.serving.jobs import Priority  # noqa: PLC0415 - as above

        if (trouble := examine(self.address, self.token)) is not None:
            caution(f"{trouble} (asking again)")
        return open_evaluator(
            self.address, workers=workers, sandbox=sandbox, token=self.token, on_gaps=warn_of_gaps,
            priority=Priority.INTERACTIVE if self.urgent else Priority.BATCH, gpu=self.gpu,
        )  # fmt: skip


def warn_of_gaps(sandbox: str, gaps: tuple[str, ...]) -> None:
    """Says on standard error, in one line, what a candidate can do in spite of the sandbox it runs in."""
    caution(f"untrusted code runs in the sandbox {sandbox}, which leaves gaps ({'; '.join(gaps)}); see docs/sandbox.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The environment of a command."""

    settings: Settings
    open_evaluator: "Callable[[str, int], Evaluator]" = open_local_evaluator
    """Makes an evaluator from a sandbox's name and a number of workers; the command closes it."""

    @classmethod
    def from_environment(cls) -> Self:
        """Returns what a user's command runs with.

        Raises:
            InvalidSetting: if a `KERNELGYM_*` variable can't be used.
        """
        settings = Settings.from_environment(os.environ)
        opener = Opener(address=settings.evaluator, token=settings.token, gpu=settings.gpu)
        return cls(settings=settings, open_evaluator=opener)

    def at(self, address: str | None, *, urgent: bool = False) -> Self:
        """Returns the same, with the evaluator at another address.

        Args:
            address: From a command's option; None leaves it where it is.
            urgent: Whether it goes before batches, where several wait.

        Raises:
            BadUsage: It is no address.
        """
        if address is None and self.settings.evaluator == LOCAL:
            return self
        from kernelgym.evaluators.opening import way_to  # noqa: PLC0415 - loads pydantic models

        chosen = address or self.settings.evaluator
        way_to(chosen)
        opener = Opener(address=chosen, token=self.settings.token, urgent=urgent, gpu=self.settings.gpu)
        return replace(self, settings=self.settings.model_copy(update={"evaluator": chosen}), open_evaluator=opener)

"""Settings from the environment: read once where the program starts, then passed down as a value."""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernelgym.errors import InvalidSetting

PREFIX: Final = "KERNELGYM_"


class SandboxName(StrEnum):
    """Where candidates run."""

    AUTO = "auto"
    """The strongest that works on this machine."""
    PROCESS = "process"
    BUBBLEWRAP = "bubblewrap"
    DOCKER = "docker"
    """A container per worker; needs a Docker engine and `pip install 'kernelgym[docker]'`."""


class Settings(BaseModel):
    """What a machine's owner sets once; a command's options override it. A field `x` is read from `KERNELGYM_X`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sandbox: SandboxName = SandboxName.AUTO
    """Where candidates run."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Evaluations that run at the same time."""
    target: Annotated[str, Field(min_length=1)] = "h200"
    """GPU that is compiled for and modelled."""
    targets: Annotated[str, Field(min_length=1)] | None = None
    """YAML file that describes another GPU, or a folder of such files; several are separated as in PATH. It is read
    where targets are looked up (`sandboxes.hardware.targets`), in every process."""
    evaluator: Annotated[str, Field(min_length=1)] = "local"
    """Address of what evaluates: `local`, `http://host:port` of a server, `redis://host:port/0` of workers."""
    redis_url: Annotated[str, Field(min_length=1)] | None = None
    """Redis that is broker and ledger of hosted workers."""
    gpu: Annotated[str, Field(min_length=1)] = "auto"
    """What judges with the device cuda: `auto`, the first that CUDA_VISIBLE_DEVICES leaves visible, or `simulated`."""
    token: str | None = Field(default=None, min_length=1, repr=False)
    """Shown to servers."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Returns the settings that `environment` (such as `os.environ`) holds; defaults for the others.

        Raises:
            InvalidSetting: if a `KERNELGYM_*` variable is unknown, most likely a misspelling, or its value unusable.
        """
        values = {
            name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)
        }
        for name in values:
            if name not in cls.model_fields:
                raise InvalidSetting(_variable(name), "is not a setting", _suggestion(name, list(cls.model_fields)))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            problem = f"is {values[name]!r}: {first['msg'][:1].lower()}{first['msg'][1:]}"
            raise InvalidSetting(_variable(name), problem, "correct it or unset it") from error


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _suggestion(name: str, known: list[str]) -> str:
    if close := get_close_matches(name, known, n=1):
        return f"did you mean {_variable(close[0])}?"
    return f"there are {', '.join(map(_variable, known))}"

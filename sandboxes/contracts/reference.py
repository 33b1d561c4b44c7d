"""What the candidate has to match, as text: the part of a problem that the judge needs."""

from hashlib import sha256
from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract


class Reference(Contract):
    """A PyTorch module in KernelBench's form; trusted code.

    The source defines `class Model(nn.Module)`, `get_init_inputs()` and `get_inputs()`. It may add
    `CHECK_SHAPES = [dict(...), ...]`, keyword arguments for `get_inputs`, whose defaults then are the bench shape.
    Without `CHECK_SHAPES` the one shape of `get_inputs()` is both check and bench case.
    """

    id: Annotated[str, Field(min_length=1, max_length=500)]
    """Identifier of the problem, e.g. `core/softmax`."""
    source: Annotated[str, Field(max_length=1_000_000)]

    @property
    def digest(self) -> str:
        """SHA-256 of the source, hexadecimal."""
        return sha256(self.source.encode("utf-8", errors="surrogatepass")).hexdigest()

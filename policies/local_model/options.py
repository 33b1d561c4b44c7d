"""The options of the policy `transformers`, from `--policy-option key=value`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LocalModelOptions(BaseModel):
    """Which model is loaded, how, and how it is sampled."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: Annotated[str, Field(min_length=1)]
    """A folder, or the name of a model on the Hugging Face hub that has been downloaded before."""
    revision: Annotated[str, Field(min_length=1)] = "main"
    """Branch, tag or commit of a model of the hub."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights; `auto`: as they are stored."""
    device: Annotated[str, Field(min_length=1)] = "auto"
    """Of torch, e.g. `cuda:1`; `auto`: the GPU if there is one."""
    max_new_tokens: Count = 2048
    """Most tokens of a completion."""
    temperature: NonNegative = 1.0
    """0: always the most likely token."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the probability among which is chosen."""
    batch_size: Count = 8
    """Most completions that are generated together."""
    batch_wait_s: NonNegative = 0.05
    """Time for which a batch waits for more requests, seconds."""
    chat_template: Path | None = None
    """A file with the template by which chats become text; None: the tokenizer's own."""
    download: bool = False
    """Whether what is missing may be downloaded."""

    @property
    def label(self) -> str:
        """The model, and what decides how it is sampled."""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        drawn = f"temperature {self.temperature:g}" + (f", top_p {self.top_p:g}" if self.top_p < 1 else "")
        return f"{self.model}{revision} ({drawn}, {self.max_new_tokens} tokens)"

"""What a model writes: bytes to text to code, and to the lines that are quoted from it."""

from rewards.hacks.source import tripwires
from sandboxes.contracts import MAX_SOURCE_CHARACTERS, Diagnostic, EvalConfig, Submission
from sandboxes.contracts.submission import MAX_LINE_CHARACTERS
from sandboxes.extraction import decode, extract, report_without_code
from tests.agreement.choices import Choices
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.target import Target
from tests.fuzzing.texts import ODD, changed_text

COMPLETION = """Here is the kernel.

```python
import torch
import triton

@triton.jit
def double(x, y, n):
    '''Doubles; see `x`.'''
    pass

class ModelNew(torch.nn.Module):
    def forward(self, x):
        return x
```

It is fast.
~~~text
class ModelNew
~~~
"""
PIECES = (
    *ODD,
    "```py\n",
    "```\n",
    "~~~~\n",
    "    ```\n",
    "class ModelNew:\n",
    "ModelNew = 1\n",
    "def f():\n",
    "import os\n",
)
MAX_PIECES = 60


def completion(choices: Choices, data: bytes) -> bytes:
    """Anything at all, an honest completion with changes, or fences and quotes in any order."""
    match choices.integer(0, 3):
        case 0:
            return data
        case 1:
            return changed_text(COMPLETION, choices).encode("utf-8", errors="replace")
        case 2:
            pieces = [choices.pick(PIECES) for _ in range(choices.integer(1, MAX_PIECES))]
            text = "".join(pieces) * choices.pick((1, 1, 1, 1, 3, 1000))
            return text[: 2**20].encode(choices.pick(("utf-8", "utf-16")), errors="replace")
        case _:
            return COMPLETION.encode() + choices.pick((data, b"")) + COMPLETION.encode()


def make(data: bytes) -> bytes:
    """A completion."""
    return completion(decided_by(data), data)


def read(raw: bytes) -> None:
    """Extracts the code of a completion; checks what it is and quotes from it."""
    found = extract(decode(raw))
    if isinstance(found, Diagnostic):
        report = report_without_code(found, "core/add_relu", EvalConfig())
        assert report.model_validate_json(report.model_dump_json()) == report
        return
    assert len(found.source) <= MAX_SOURCE_CHARACTERS
    assert Submission.model_validate_json(found.model_dump_json()) == found
    tripwires.__wrapped__(found.source)
    for number in (-1, 0, 1, len(raw) // 2, 10**30):
        line = found.line(number)
        assert line is None or ("\n" not in line and len(line) <= MAX_LINE_CHARACTERS)


COMPLETIONS = Target(
    name="completions",
    about="a model's text: extraction of the code, quoted lines, tripwires",
    make=make,
    read=read,
    seconds=0.2,
    seconds_per_mib=20.0,
)

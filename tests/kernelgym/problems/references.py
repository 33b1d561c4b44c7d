"""References in KernelBench's form, for tests of where problems come from."""

from pathlib import Path

SOURCE = """import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=1)


rows = 4096


def get_inputs():
    return [torch.rand(rows, 1000)]


def get_init_inputs():
    return []
"""


def checkout(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Makes a KernelBench checkout in `folder`; `files` by `<level>/<name>`. Returns the folder."""
    for name, content in files.items():
        level, _, file = name.partition("/")
        path = folder / "KernelBench" / f"level{level}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder

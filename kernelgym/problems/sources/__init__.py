"""Where problems come from: each source turns the address in a selection into problems, executing nothing."""

from kernelgym.problems.sources.hugging_face import load_hugging_face
from kernelgym.problems.sources.json_lines import load_json_lines
from kernelgym.problems.sources.kernelbench import load_kernelbench
from kernelgym.problems.sources.single_file import load_single_file

__all__ = [
    "load_hugging_face", "load_json_lines", "load_kernelbench", "load_single_file",
]  # fmt: skip

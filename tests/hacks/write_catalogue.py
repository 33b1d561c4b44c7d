"""Writes two sections of `docs/hacks.md` from the catalogue and the corpus: known hacks, and attacks on this design."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kernelgym.hackbench import Layer, Program, load_corpus
from kernelgym.hackbench.catalogue import CATALOGUE, NOT_EXPRESSIBLE

PAGE: Final = Path(__file__).parents[2] / "docs" / "hacks.md"
KNOWN: Final = "## Known hacks, row by row"
OURS: Final = "## Attacks on this design"

HEAD: Final = """
Ways to cheat that were seen, or described, in public by those who run such systems, with the programs that try them
here and the layer that has to catch each. `price` means: accepted, and paid no more than the honest program that does
the same work, because what it attacks is not there. Most of what deceives a clock ends like that: time is that of the
recorded program, and no clock runs next to the candidate. Made by `python -m tests.hacks.write_catalogue`; a test
fails when it is stale.
"""

OURS_HEAD: Final = """
Programs that attack what is particular to this judge: the recorder and its notes, what the sandbox sends and who reads
it, the text of kernels, the modelled price, the reward. They come from reading this project's own code, and several
worked when they were written; what they used is closed. Attacks that also belong to a known row, such as less work at
the priced shape, are in the table above. Made by the same command.
"""

SOURCES: Final = {
    "Deep-Reinforce: defence against kernel hacks": "https://deep-reinforce.com/defense_kernel_hack.html",
    "CUDA-L1": "https://arxiv.org/abs/2507.14111",
    "its issue 12": "https://github.com/ornith-ai/CUDA-L1/issues/12",
    "Wafer: a field guide to reward hacks": "https://wafer.ai/blog/reward-hacks-field-guide",
    "Wafer: reward hacking": "https://wafer.ai/blog/reward-hacking",
    "KernelArena": "https://www.kernelarena.ai/resources",
    "Makora: reward hacks": "https://makora.com/blog/reward-hacks",
    "KernelBench v0.1": "https://scalingintelligence.stanford.edu/blogs/kernelbenchv01",
    "KernelBench's pull request 82": "https://github.com/ScalingIntelligence/KernelBench/pull/82",
    "and 106": "https://github.com/ScalingIntelligence/KernelBench/pull/106",
    "Kevin": "https://arxiv.org/abs/2507.11948",
    "Dr. Kernel": "https://arxiv.org/abs/2602.05885",
    "Sakana's false speedups": "https://x.com/main_horse/status/1892446384910987718",
    "GPU MODE: reference-kernels": "https://github.com/gpu-mode/reference-kernels/issues/162",
    "kernelbot's pull request 501": "https://github.com/gpu-mode/kernelbot/pull/501",
    "pygpubench": "https://github.com/gpu-mode/pygpubench/pull/7",
    "llm.c's pull request 851": "https://github.com/karpathy/llm.c/pull/851",
    "flashinfer-bench starter kit": "https://github.com/flashinfer-ai/flashinfer-bench-starter-kit/issues/21",
    "KernelBench-Verified": "https://github.com/facebookresearch/kernel_bench_verified",
    "KernelBench-Hard": "https://github.com/Infatoshi/kernelbench.com",
    "TritonBench's issue 7": "https://github.com/thunlp/TritonBench/issues/7",
    "GEAK's issue 316": "https://github.com/AMD-AGI/GEAK/issues/316",
    "BackendBench's issue 41": "https://github.com/meta-pytorch/BackendBench/issues/41",
    "METR: automated kernel engineering": "https://metr.org/blog/2025-02-14-measuring-automated-kernel-engineering/",
    "gpuemu": "https://arxiv.org/abs/2606.20128",
}
"""Where the rows come from: name and address."""


def known() -> str:
    """The section on known hacks, from its title on."""
    by_row: dict[int, list[Program]] = defaultdict(list)
    for program in load_corpus().programs:
        for row in program.rows:
            by_row[row].append(program)
    rows = [f"| {row} | {title} | {_how(row, by_row[row])} |" for row, title in CATALOGUE.items()]
    table = ["| row | hack | tried as |", "|---|---|---|", *rows]
    links = ", ".join(f"[{name}]({address})" for name, address in SOURCES.items())
    return "\n".join([KNOWN, HEAD, *table, "", f"Sources: {links}.", ""])


def ours() -> str:
    """The section on attacks on this design, from its title on."""
    programs = [program for program in load_corpus().programs if program.is_hack and not program.rows]
    rows = [f"| `{_name(program)}` | {program.mechanism} | {program.layer} |" for program in programs]
    return "\n".join([OURS, OURS_HEAD, "| program | what it does | layer |", "|---|---|---|", *rows, ""])


def page() -> str:
    """The page with both sections as they have to be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(f"{KNOWN}\n")
    after = rest.partition(f"{OURS}\n")[2].partition("\n## ")[2]
    return f"{before}{known()}\n{ours()}\n## {after}"


def _how(row: int, programs: Sequence[Program]) -> str:
    """Returns the programs that try a row by the layer that has to catch them, or why there are none."""
    if not programs:
        return NOT_EXPRESSIBLE.get(row, "")
    by_layer: dict[Layer, list[str]] = defaultdict(list)
    for program in programs:
        assert program.layer is not None, program.id
        by_layer[program.layer].append(f"`{_name(program)}`")
    return "; ".join(f"{layer}: {', '.join(by_layer[layer])}" for layer in Layer if layer in by_layer)


def _name(program: Program) -> str:
    return program.id.removeprefix("hacks/")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

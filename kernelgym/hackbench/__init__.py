"""The public hack benchmark: programs that cheat and programs that only look like it, for any judge."""

from kernelgym.hackbench.collection import Corpus, load_corpus
from kernelgym.hackbench.judging import Judge, KernelGymJudge, Verdict, load_judge
from kernelgym.hackbench.layers import Layer, layer_of
from kernelgym.hackbench.program import InvalidProgram, Program, read_program
from kernelgym.hackbench.result import Result, assess, summarise

__all__ = [
    # programs
    "Corpus",
    "InvalidProgram",
    "Program",
    "load_corpus",
    "read_program",
    # judges
    "Judge",
    "KernelGymJudge",
    "Layer",
    "Verdict",
    "layer_of",
    "load_judge",
    # results
    "Result",
    "assess",
    "summarise",
]

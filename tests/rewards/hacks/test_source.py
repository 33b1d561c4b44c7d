"""Tripwires read code, not words, and never decide."""

import pytest

from rewards.hacks import DETECTORS, gate
from rewards.hacks.source import tripwires
from sandboxes.contracts import Severity
from tests.rewards.hacks.shown import shown
from tests.tracer import HEADER, Tracer, forward, line_of


def rules(source: str) -> list[str]:
    return [rule for rule, _, _ in tripwires(source)]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import gc\nfor thing in gc.get_objects(): pass", "searches_memory"),
        ("from gc import get_objects as find\nfind()", "searches_memory"),
        ("import sys\nframe = sys._getframe(1)", "reads_frames"),
        ("import inspect as i\ni.stack()", "reads_frames"),
        ("def f(g): return g.__globals__", "reads_frames"),
        ("import ctypes\nctypes.CDLL(None)", "native_code"),
        ("from torch.utils.cpp_extension import load_inline\nload_inline('x')", "native_code"),
        ("import os\nos.system('true')", "starts_processes"),
        ("from threading import Thread\nThread(target=print).start()", "starts_threads"),
        ("import torch\ns = torch.cuda.Stream()", "uses_streams"),
        ("import os\nos.environ.get('HOME')", "reads_environment"),
        ("open('/tmp/x')", "touches_files"),
        ("from pathlib import Path\nPath('/').iterdir()", "touches_files"),
        ("exec('pass')", "runs_text"),
        ("import base64\nbase64.b64decode('')", "runs_text"),
        ("import torch\ntorch.manual_seed(0)", "seeds_random"),
        ("import torch\nif __name__ != '__main__':\n    torch.manual_seed(0)", "seeds_random"),
        ("import torch\nif __name__ == '__main__':\n    pass\nelse:\n    torch.manual_seed(0)", "seeds_random"),
        ("import torch\ntorch.allclose = lambda *a: True", "patches_library"),
        ("import torch as t\nt.nn.functional.relu = None", "patches_library"),
        ("import torch\nsetattr(torch.cuda, 'synchronize', print)", "patches_library"),
        ("import torch\ntry:\n    k[(1,)](x)\nexcept Exception:\n    y = torch.relu(x)", "falls_back"),
    ],
)
def test_a_name_that_honest_kernels_have_no_use_for_is_told(source: str, rule: str) -> None:
    assert rules(source) == [rule]


@pytest.mark.parametrize(
    "source",
    [
        "# gc.get_objects(), sys._getframe(), ctypes, subprocess, torch.cuda.Stream()\nx = 1",
        "'''open('/etc/passwd'); exec('import threading')'''\ns = 'os.environ'",
        "import gc, os, sys, threading, ctypes",
        "import re\np = re.compile('x')\nmodel.eval()",
        "import os\np = os.path.join('a', 'b')",
        "import torch\ntorch.backends.cuda.matmul.allow_tf32 = True",
        "class A:\n    def open(self): self.gc = 1\n    def exec(self): return self.gc",
        "def f(stream, thread): stream.write(thread)",
        "import torch\ntry:\n    import triton\nexcept ImportError:\n    raise",
        "import torch\ntry:\n    k[(1,)](x)\nexcept RuntimeError as error:\n    raise ValueError(str(error))",
        "torch = 1\ntime.time = 2",
        "gc = socket = 3\nx = gc + socket.real",
        r"s = '\d'",
        "def broken(:",
        "import torch\nif __name__ == '__main__':\n    torch.manual_seed(0); open('/tmp/x')",
        "-" * 5000 + "1",
        "",
    ],
)
def test_words_in_comments_strings_and_innocent_code_are_no_names(source: str) -> None:
    assert rules(source) == []


def test_each_rule_names_its_first_line() -> None:
    assert tripwires("import gc\n\ngc.collect()\ngc.disable()") == (
        ("searches_memory", "looks for objects in memory (`gc.collect`)", 3),
    )


def test_a_tripwire_alone_only_warns(tracer: Tracer) -> None:
    source = forward("torch.manual_seed(0)", "return scale(x)")
    (finding,) = gate.examine(shown(tracer, source))
    assert (finding.rule, finding.severity) == ("seeds_random", Severity.WARN)
    assert finding.line == line_of(source, "manual_seed")


def test_a_rejection_says_what_the_source_suggests(tracer: Tracer) -> None:
    source = HEADER + "import sys\n" + forward("sys._getframe(0)", "return x.relu()")[len(HEADER) :]
    rejected, warned = gate.examine(shown(tracer, source))
    line = line_of(source, "sys._getframe")
    assert rejected.evidence.endswith(f"; the source also looks at its callers (`sys._getframe`), line {line}")
    assert warned.severity is Severity.WARN


def test_rules_on_source_can_only_warn() -> None:
    modules = {detector.name: detector.severity for detector in DETECTORS if _reads_source(detector.examine)}
    assert len(modules) == 12
    assert set(modules.values()) == {Severity.WARN}


def _reads_source(function: object) -> bool:
    return getattr(function, "__module__", "") == "rewards.hacks.source"

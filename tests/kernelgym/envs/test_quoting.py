"""Quoted texts lose the paths of this machine, and nothing else."""

import sys
import time

import pytest

from kernelgym.envs.quoting import quote


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(/opt/env/lib/python3.11/site-packages/triton/language/__init__.py)", "(.../triton/language/__init__.py)"),
        ("['/srv/app', '/usr/lib/python3.11', '/a b/c d.py']", "['.../app', '.../python3.11', '.../c d.py']"),
        ('File "/tmp/x y/candidate.py", line 3', 'File ".../candidate.py", line 3'),
        ("/tmp/box/candidate.py:12: error", ".../candidate.py:12: error"),
        ("see file:///data/me/x.py", "see file://.../x.py"),
        ("gcc -I/usr/include/python3.11 -o /tmp/t/x.so", "gcc -I.../python3.11 -o .../x.so"),
        ("root=/data/me/", "root=.../me"),
        ("~/.triton/cache/ab", "~.../ab"),
        ("not at /usr/bin/gcc.", "not at .../gcc."),
        ("x\n[...]\nret/me/x.py, x", "x\n[...]\n.../x.py, x"),
        ("x\n[...]\n x/y", "x\n[...]\n x/y"),
        ("\x1b[2J /a/b", "\\x1b[2J .../b"),
    ],
)
def test_of_a_path_only_the_end_is_told(text: str, shown: str) -> None:
    assert quote(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "x / y / z", "a/b/c", "(n+1)/2/k", "x[0]/y/z", "2//3//4", "GB/s", "n//BLOCK//2", "/tmp", "off by 1/2/3",
        "https://triton-lang.org/main/python-api", "reads and/or writes", "3 of 4 input sets",
    ],
)  # fmt: skip
def test_divisions_and_words_are_left_alone(text: str) -> None:
    assert quote(text) == text


def test_folders_of_this_machine_are_cut_wherever_they_stand() -> None:
    assert quote(f"x{sys.prefix}]{sys.prefix}/lib") == "x...].../lib"


@pytest.mark.parametrize("text", ["/a" * 20_000, "'/a" * 20_000, "/" * 40_000, "/a/ " * 10_000, "'" + "/a" * 20_000])
def test_a_hostile_text_costs_no_time(text: str) -> None:
    start = time.monotonic()
    quote(text)
    assert time.monotonic() - start < 2

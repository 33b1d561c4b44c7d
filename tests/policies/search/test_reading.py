"""The numbers that decide a launch are found wherever a program has them, and nothing else of it is touched."""

import textwrap
import threading

import pytest

from kernelgym.problems import list_solutions
from policies.search.places import Kind, Place, Site, render
from policies.search.reading import find_places

KERNEL = """
import triton
import triton.language as tl

@triton.jit
def add_kernel(x_ptr, n, BLOCK: tl.constexpr):
    pass

"""


def found(code: str) -> list[tuple[str, str, int]]:
    return [(place.site.value, place.name, place.value) for place in find_places(KERNEL + textwrap.dedent(code))]


def launched(*values: tuple[str, int]) -> list[tuple[str, str, int]]:
    return [("launch", name, value) for name, value in values]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("add_kernel[grid](x, n, BLOCK=128, num_warps=4, num_stages=3)",
         launched(("BLOCK", 128), ("num_warps", 4), ("num_stages", 3))),
        ("add_kernel[(n, 1)](\n    x,  # BLOCK=64\n    n,\n    BLOCK=128,\n    num_warps=2,\n)",
         launched(("BLOCK", 128), ("num_warps", 2))),
        ("self.kernels['add'][lambda meta: (cdiv(n, 64),)](x, BLOCK=64, num_warps=1)",
         [("grid", "", 64), *launched(("BLOCK", 64), ("num_warps", 1))]),
        ("add_kernel[(triton.cdiv(n, 64), triton.cdiv(triton.cdiv(m, 2), 32))](x, BLOCK=64, num_warps=8)",
         [("grid", "", 64), ("grid", "", 2), ("grid", "", 32), *launched(("BLOCK", 64), ("num_warps", 8))]),
        ("BLOCK_M = BLOCK_N = 64; GROUP = 8", [("assigned", "BLOCK_M", 64), ("assigned", "GROUP", 8)]),
        ("def launch(x, BLOCK=64, dim=32, *, ROWS: int = 8): ...",
         [("parameter", "BLOCK", 64), ("parameter", "ROWS", 8)]),
        ("BLOCK: tl.constexpr = 64  # not 32", [("assigned", "BLOCK", 64)]),
        ("class ModelNew:\n    BLOCK = 64\n    def forward(self):\n        rows = 4",
         [("assigned", "BLOCK", 64), ("assigned", "rows", 4)]),
        ("CONFIGS = [triton.Config({'M': 64, \"N\": 32}, num_warps=8, num_stages=3)]",
         [("config", "M", 64), ("config", "N", 32), ("config", "num_warps", 8), ("config", "num_stages", 3)]),
        ("@triton.jit\ndef f(x, BLOCK: tl.constexpr = 64, M=32): tl.arange(0, 16) + x[: 8]",
         [("parameter", "BLOCK", 64), ("parameter", "M", 32), ("kernel", "arange", 16), ("kernel", "", 8)]),
        ("@triton.jit\ndef f(x): return 8\nSIZE = 16", [("kernel", "", 8), ("assigned", "SIZE", 16)]),
    ],
)  # fmt: skip
def test_numbers_are_found_where_they_decide_a_launch(code: str, expected: list[tuple[str, str, int]]) -> None:
    assert found(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "add_kernel[grid](x, n, BLOCK=100, num_warps=3)",
        "add_kernel[grid](x, 128, BLOCK=block, **options)",
        "add_kernel[grid](x, BLOCK=2 * 64, num_warps=warps)",
        "add_kernel[grid](x, BLOCK=64.0, num_warps=0x4)",
        "text = 'add_kernel[grid](x, BLOCK=128, num_warps=4)'  # BLOCK=128",
        'print(f"{n:64}", end=64); x[0] = 64; self.size = 64; n += 64; size = 64 + n; size = n, 64',
        "sizes = {'BLOCK': 64}",
        "def forward(self, dim=64): return torch.empty(64, device=64)",
        "EPS = 64e0; LIMIT = 48",
        "x = cdiv(64, n)",
    ],
)
def test_what_decides_nothing_is_left_alone(code: str) -> None:
    assert found(code) == []


@pytest.mark.parametrize(
    ("call", "changed"),
    [
        ("add_kernel[grid](x, n)", "add_kernel[grid](x, n, num_warps=8)"),
        ("add_kernel[grid](x, n,)", "add_kernel[grid](x, n, num_warps=8)"),
        ("add_kernel[grid](x, n, \n  )", "add_kernel[grid](x, n, num_warps=8 \n  )"),
        ("add_kernel[grid](*args  # all\n)", "add_kernel[grid](*args, num_warps=8  # all\n)"),
        ("add_kernel[grid]()", "add_kernel[grid](num_warps=8)"),
    ],
)
def test_a_launch_that_does_not_say_how_many_warps_can_be_given_some(call: str, changed: str) -> None:
    source = KERNEL + call
    (place,) = find_places(source)
    assert (place.site, place.kind, place.value) == (Site.IMPLICIT, Kind.WARPS, 4)
    assert render(source, [place], [8]) == KERNEL + changed
    assert render(source, [place], [4]) == source


@pytest.mark.parametrize("decorator", ["@triton.autotune(configs=[], key=[])", "@triton.heuristics({})", "@other.wrap"])
def test_a_launch_whose_warps_may_be_decided_elsewhere_is_given_none(decorator: str) -> None:
    assert found(f"{decorator}\n@triton.jit\ndef tuned(x): pass\n\ntuned[grid](x)\nunknown[grid](x)") == []


@pytest.mark.parametrize("solution", ["slow", "correct"])
def test_every_byte_but_the_number_stays(solution: str) -> None:
    sources = [found.source for found in list_solutions() if found.name == solution]
    assert len(sources) == 34
    for source in sources:
        places = find_places(source)
        values = [place.value for place in places]
        assert render(source, places, values) == source
        for index, place in enumerate(places):
            assert source[place.start : place.end] == ("" if place.site is Site.IMPLICIT else str(place.value))
            other = [7 * value if index == number else value for number, value in enumerate(values)]
            text = f"{place.lead}{7 * place.value}"
            assert render(source, places, other) == source[: place.start] + text + source[place.end :]


def test_positions_are_right_behind_any_text() -> None:
    odd = '# é 🚀 \x0c\x0b\u2028 tab\t\nx = """\r\nλ\x85"""\r\n'
    source = f"{odd}{KERNEL}BLOCK = 64; add_kernel[grid](x, BLOCK=32, num_warps=1)\r\nSIZE = 16"
    places = find_places(source)
    assert [source[place.start : place.end] for place in places] == ["64", "32", "1", "16"]


@pytest.mark.parametrize(
    "source",
    ["", "(", "BLOCK = '64", "def f(:\n  )]}", "if x:\n    y\n  z", "\x00", "BLOCK = " + "(" * 500,
     "x" * 300_000, "= 64", "64",
     ")64,", "BLOCK = " + "9" * 5000, "\\", "@", "def", "a[", "]( num_warps=", "cdiv(,64)", "BLOCK = 64 \\"],
)  # fmt: skip
def test_a_text_that_is_no_program_is_survived(source: str) -> None:
    places = find_places(source)
    assert render(source, places, [place.value for place in places]) == source


def test_sources_can_be_read_in_many_threads_at_once() -> None:
    sources = [found.source for found in list_solutions() if found.name == "correct"]
    expected = [find_places(source) for source in sources]
    results: list[list[tuple[Place, ...]]] = []
    threads = [
        threading.Thread(target=lambda: results.append([find_places(source) for source in sources])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4

"""Data inside a page: it comes back as it was, and holds nothing that a browser could take for markup."""

import base64
import gzip
import json

import pytest

from kernelgym.reports.html.addresses import address
from kernelgym.reports.html.embedding import Texts, packed, script_json, shown

HOSTILE = "</script><!--<script>&\u2028\u2029'\""


def test_json_for_a_script_element_comes_back_and_can_not_end_the_element() -> None:
    text = str(script_json({HOSTILE: [HOSTILE, 1.5, None]}))
    assert json.loads(text) == {HOSTILE: [HOSTILE, 1.5, None]}
    assert not set("<>&\u2028\u2029") & set(text)


def test_packed_data_comes_back_and_is_the_same_every_time() -> None:
    document = {"texts": [HOSTILE, "µ"]}
    assert json.loads(gzip.decompress(base64.b64decode(packed(document)))) == document
    assert packed(document) == packed(document)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\n\ttwo", "one\n\ttwo"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eabc", "\\u202eabc"),
        ("nul\x00 bell\x07", "nul\\x00 bell\\x07"),
        ("µ × 日本", "µ × 日本"),
        ("<b>", "<b>"),
    ],
)
def test_texts_are_shown_without_what_hides_or_reorders(text: str, expected: str) -> None:
    assert shown(text, 100) == expected


def test_a_long_text_is_cut_in_the_middle_and_says_so() -> None:
    text = shown("a" * 5000 + "b" * 5000, 900)
    assert text.startswith("a" * 600 + "\n[... 9,100 characters are left out")
    assert text.endswith("\n" + "b" * 300)


def test_equal_texts_are_kept_once_and_cut_ones_are_counted() -> None:
    texts = Texts(limit=10)
    assert [texts.add(text) for text in ("a", "b" * 11, "a")] == [0, 1, 0]
    assert len(texts.shown()) == 2
    assert texts.cut == 1


def test_an_address_holds_any_problem_and_keeps_its_slashes() -> None:
    assert address(("core/softmax", 0), 2) == "#episode=core/softmax/0/turn2"
    assert address(("a b#?<&\u202e", 1)) == "#episode=a%20b%23%3F%3C%26%E2%80%AE/1"

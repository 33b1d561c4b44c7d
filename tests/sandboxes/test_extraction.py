"""The candidate is found in whatever a model or a person hands in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.contracts import MAX_SOURCE_CHARACTERS, Diagnostic, EvalConfig, Outcome, Stage, Submission
from sandboxes.extraction import decode, extract, report_without_code

CODE = "import torch\n\n\nclass ModelNew(torch.nn.Module):\n    pass\n"
OTHER = "import torch\n\n\nclass Sketch(torch.nn.Module):\n    pass\n"


def source(completion: str) -> str:
    found = extract(completion)
    assert isinstance(found, Submission), found
    return found.source


def refusal(completion: str) -> Diagnostic:
    found = extract(completion)
    assert isinstance(found, Diagnostic), found
    assert found.stage is Stage.EXTRACT
    assert found.hint
    return found


def test_the_fenced_block_is_the_candidate() -> None:
    assert source(f"Here it is:\n\n```python\n{CODE}```\n\nGood luck.") == CODE


@pytest.mark.parametrize("language", ["python", "py", "Python3", "triton", "", "python {.numberLines}", "cuda"])
def test_the_language_of_the_block_does_not_matter_if_it_defines_the_model(language: str) -> None:
    assert source(f"```{language}\n{CODE}```") == CODE


@pytest.mark.parametrize("fence", ["```", "````", "~~~", "~~~~~"])
def test_every_kind_of_fence_is_understood(fence: str) -> None:
    assert source(f"text\n{fence}python\n{CODE}{fence}\ntext") == CODE


def test_the_last_block_that_defines_the_model_wins() -> None:
    first, last = CODE.replace("pass", "first = 1"), CODE.replace("pass", "last = 1")
    assert source(f"```python\n{first}```\nBetter:\n```python\n{last}```\nCall it:\n```python\nModelNew()\n```") == last


def test_without_a_model_the_last_python_block_is_taken_so_that_the_author_learns_what_is_missing() -> None:
    assert source(f"```python\n{CODE.replace('ModelNew', 'A')}```\n```python\n{OTHER}```\n```bash\nls\n```") == OTHER


def test_a_source_file_is_taken_whole() -> None:
    assert source(CODE) == CODE


def test_a_source_file_with_a_syntax_error_is_still_a_source_file() -> None:
    broken = CODE + "def f(:\n"
    assert source(broken) == broken


def test_a_source_file_whose_docstring_shows_a_fenced_example_is_taken_whole() -> None:
    text = f'"""Example:\n\n```python\nmodel = build()\n```\n"""\n{CODE}'
    assert source(text) == text


def test_a_fence_in_a_docstring_does_not_end_the_block() -> None:
    code = f'"""Example:\n\n```\nmodel = build()\n```\n"""\n{CODE}'
    assert source(f"Sure.\n```python\n{code}```\nDone.") == code


def test_an_apostrophe_in_a_comment_or_string_opens_no_string() -> None:
    code = CODE + "x = \"'''\"  # don't say '''\ny = '\"\"\"'\n"
    assert source(f"```python\n{code}```\nIt's done.\n```text\n'''\n```") == code


def test_quotes_that_never_close_do_not_swallow_the_next_block() -> None:
    assert source(f'```python\nx = """\n```\nsorry, again:\n```python\n{CODE}```\n') == CODE


def test_a_block_that_was_never_closed_reaches_to_the_end() -> None:
    assert source(f"```python\n{CODE}") == CODE


def test_a_new_block_opens_even_where_the_last_one_was_never_closed() -> None:
    assert source(f"```python\n{OTHER}\nWait.\n```python\n{CODE}```") == CODE


@pytest.mark.parametrize("outer", ["```", "````"])
def test_code_that_is_quoted_inside_quoted_markdown_is_found(outer: str) -> None:
    assert source(f"{outer}markdown\nAnswer:\n```python\n{CODE}```\n{outer}\n") == CODE


def test_an_indented_block_is_dedented() -> None:
    indented = "".join(f"  {line}\n" if line else "\n" for line in CODE.splitlines())
    assert source(f"1. Answer:\n\n  ```python\n{indented}  ```\n") == CODE


def test_carriage_returns_become_line_feeds() -> None:
    assert source(f"```python\n{CODE}```\n".replace("\n", "\r\n")) == CODE
    assert source(CODE.replace("\n", "\r")) == CODE


def test_backticks_inside_a_line_are_no_fence() -> None:
    assert refusal("Use ```tl.load``` and\n```x``` now").message.startswith("the completion's")


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        ("", "the completion is empty"),
        (" \n\t\n", "the completion is empty"),
        ("I cannot write this kernel.", "27 characters hold no fenced code block and are not Python"),
        ("from my point of view,\nimport duties are high", "no fenced code block"),
        ("```bash\nls\n```\n```json\n{}\n```", "none of the completion's 2 fenced blocks (bash, json) is Python"),
        ("```\n\n```", "no fenced code block"),
    ],
)
def test_a_completion_without_code_is_told_what_was_seen(completion: str, message: str) -> None:
    assert message in refusal(completion).message


def test_code_that_is_too_long_is_refused_with_both_numbers() -> None:
    diagnostic = refusal(f"```python\n{CODE}{'#' * MAX_SOURCE_CHARACTERS}\n```")
    assert "200,0" in diagnostic.message
    assert "at most 200,000" in diagnostic.message


def test_code_of_exactly_the_longest_length_is_accepted() -> None:
    code = CODE + "#" * (MAX_SOURCE_CHARACTERS - len(CODE) - 1) + "\n"
    assert source(f"```python\n{code}```") == code


def test_bytes_that_are_not_utf8_are_tolerated_in_prose_and_named_in_code() -> None:
    assert source(decode(b"caf\xe9\n```python\n" + CODE.encode() + b"```")) == CODE
    diagnostic = refusal(decode(b"```python\n" + CODE.encode() + b"# caf\xe9\n```"))
    assert "0xE9" in diagnostic.message
    assert diagnostic.line == CODE.count("\n") + 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_honoured(encoding: str) -> None:
    assert source(decode(CODE.encode(encoding))) == CODE


def test_half_a_character_in_the_code_is_named() -> None:
    assert "U+D800" in refusal(f"{CODE}# \ud800").message


def test_the_report_without_code_says_why() -> None:
    report = report_without_code(refusal(""), "core/softmax", EvalConfig())
    assert report.outcome is Outcome.NO_CODE
    assert report.submission == ""
    assert report.diagnostics[0].message == "the completion is empty"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["```", "```\n", "```python\n", "~~~\n```a\n", "'''\n```\n", '"""', "'", '\\"', "class ", "`\t", "\n", " ",
     "import ", "```python\n'''\n```\n", "```python\n\"\"\"\n'''\n```\n", "@", "\r", "def a"],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_in_linear_time(piece: str) -> None:
    noise = piece * (2**20 // len(piece))
    assert isinstance(extract(noise), Submission | Diagnostic)
    assert isinstance(extract(f"{noise}\n```python\n{CODE}```"), Submission | Diagnostic)


def test_a_megabyte_of_prose_before_the_code_changes_nothing() -> None:
    assert source("word " * 200_000 + f"\n```python\n{CODE}```\n" + "word " * 10_000) == CODE


pieces = st.lists(st.sampled_from(["```", "~~~", "python", "\n", "'''", '"""', CODE, "x", " ", "\r\n", "\\", "\ud800"]))


@given(pieces.map("".join))
def test_no_text_makes_it_raise(text: str) -> None:
    found = extract(text)
    assert isinstance(found, Diagnostic) or found.source.strip()


@given(st.binary())
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    assert isinstance(extract(decode(raw)), Submission | Diagnostic)

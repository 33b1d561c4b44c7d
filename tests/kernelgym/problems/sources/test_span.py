import pytest

from kernelgym.problems.sources.span import Span, splits


def test_a_range_holds_its_ends_and_what_is_between():
    span = Span.parsed("2-4")
    assert [number for number in range(7) if number in span] == [2, 3, 4]
    assert (str(span), span.single) == ("2-4", False)
    assert (str(Span.parsed("7")), Span.parsed("7").single) == ("7", True)
    assert 10**9 in Span()


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1-2-3", "1.5", "²", "1-20x", "9999999999"])
def test_other_text_is_no_range(text):
    assert Span.parsed(text) is None


def test_an_address_is_split_from_the_longest_path_down():
    assert [(path, [str(span) for span in spans]) for path, spans in splits("a/1/2-3", 2)] == [
        ("a/1/2-3", []),
        ("a/1", ["2-3"]),
        ("a", ["1", "2-3"]),
    ]
    assert len(list(splits("a/1/2-3", 1))) == 2
    assert len(list(splits("7", 2))) == 1
    assert len(list(splits("/7", 2))) == 1

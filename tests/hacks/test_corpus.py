"""The corpus says of every known hack how it ends here, or why it can't be tried."""

from kernelgym.hackbench import load_corpus
from kernelgym.hackbench.catalogue import CATALOGUE, NOT_EXPRESSIBLE
from kernelgym.problems import get_problem
from tests.hacks.write_catalogue import PAGE, page


def test_every_program_has_a_readable_header_and_a_problem_that_exists() -> None:
    corpus = load_corpus()
    assert corpus.programs
    for program in corpus.programs:
        assert get_problem(program.problem).id == program.problem
        assert program.mechanism.endswith("."), program.id
        assert set(program.rows) <= CATALOGUE.keys(), program.id


def test_every_yardstick_exists_and_is_honest() -> None:
    corpus = load_corpus()
    assert all(not program.is_hack for program in corpus.yardsticks(corpus.programs))


def test_every_known_hack_is_tried_or_it_is_said_why_not() -> None:
    tried = {row for program in load_corpus().programs for row in program.rows}
    assert tried | NOT_EXPRESSIBLE.keys() == CATALOGUE.keys() == set(range(1, 87))


def test_the_corpus_is_as_large_as_it_says() -> None:
    programs = load_corpus().programs
    assert sum(program.is_hack for program in programs) >= 130
    assert sum(not program.is_hack for program in programs) >= 80


def test_no_row_is_both_tried_and_excused() -> None:
    tried = {row for program in load_corpus().programs for row in program.rows}
    assert not tried & NOT_EXPRESSIBLE.keys()


def test_the_page_says_of_every_known_hack_who_tries_it_or_why_nobody_can() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.hacks.write_catalogue"

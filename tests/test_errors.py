"""Messages are one line that no stranger's text can spoil."""

import pickle

from tfinvert.errors import BadInput, chain


def test_a_message_is_one_line_of_letters_that_can_be_seen():
    said = str(BadInput("a\nb \x1b[2J \x07 \u202e \ud800", "c\r\nd"))
    assert said.isprintable()
    assert said == r"a b \x1b[2J \x07 \u202e \ud800: c d"
    assert str(BadInput("Äpfel/雪.png", "naïve ok")) == "Äpfel/雪.png: naïve ok"


def test_a_long_text_loses_its_middle():
    said = str(BadInput("x" * 10**6 + "end", "how"))
    assert len(said) < 1100
    assert said.endswith("xend: how")


def test_it_names_what_it_is_about_once_and_can_be_sent():
    error = BadInput("is damaged", "mend it").about("g\x1b.keras")
    assert str(error) == r"g\x1b.keras: is damaged: mend it"
    assert error.about("g\x1b.keras") is error
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_chain_of_errors_ends_even_where_it_is_a_ring():
    first, second = ValueError("first"), OSError("second")
    second.__cause__ = first
    assert list(chain(second)) == [second, first]
    first.__cause__ = second
    assert list(chain(second)) == [second, first]

import pytest

from pages._shell.text import literal


@pytest.mark.parametrize("name", ["# h.wav", "a $x$ b", "[c](x)", "**b** _i_ `c`", "1. l", "- i"])
def test_every_sign_that_markdown_reads_is_escaped(name: str) -> None:
    text = literal(name)
    signs = [i for i, sign in enumerate(text) if not sign.isalnum() and sign not in " \\"]
    assert signs
    assert all(text[i - 1] == "\\" for i in signs)
    assert text.replace("\\", "") == name


def test_codes_and_addresses_are_broken_where_nothing_is_seen() -> None:
    assert literal(":a: b") == "\\:\u2060a\\: b"
    assert literal("www.a.b") == "www\u2060\\.a\\.b"
    assert literal("a->b") == "a\\-\u2060\\>b"


def test_a_name_is_one_line() -> None:
    assert literal("a\n\n# b") == "a \\# b"

"""Text with a name in it, which people chose and Markdown must not read."""

from __future__ import annotations

import re

_WORD_JOINER = "\u2060"  # has no width
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_REPLACED = re.compile(
    r"(?<=:)(?=[\w/])|(?<=-)(?=[->])|(?<=<)(?=-)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE
)


def literal(name: str) -> str:
    r"""Return `name` as Markdown that shows it letter by letter.

    Every sign that may begin something is escaped. Emoji codes, arrows and addresses are found
    by Streamlit even then; something without width stands within them.

    Examples
    --------
    >>> literal("# 1_a.wav")
    '\\# 1\\_a\\.wav'
    """
    one_line = " ".join(name.split())
    return _PUNCTUATION.sub(r"\\\1", _REPLACED.sub(_WORD_JOINER, one_line))

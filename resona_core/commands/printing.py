"""How names and messages are printed: whatever a file is called, a message is one line.

Names that are no UTF-8, as on old cards, go out byte for byte as they came in; characters that a
terminal or a pipe cannot show are written as escapes. Importing this loads nothing else of ours.
"""

from __future__ import annotations

import codecs
import io
import re
import sys

AS_GIVEN = "resona.as-given"
"""What to encode names with: they are never an error."""


def _as_given(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(AS_GIVEN, _as_given)


def let_names_through() -> None:
    """Make standard output and standard error take every name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=AS_GIVEN)


def one_line(text: str) -> str:
    r"""Return `text` with its control characters written out: a name may hold a new line.

    Examples
    --------
    >>> one_line("two\nlines.wav")
    'two\\nlines.wav'
    """
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found[0])[1:-1], text)


def say(kind: str, text: object) -> None:
    """Print an error, a warning or a note where it mixes with no results."""
    print(f"{kind}: {one_line(str(text))}", file=sys.stderr, flush=True)

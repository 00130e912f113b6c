"""How names and messages are printed."""

from __future__ import annotations

import io

import pytest

from resona_core.commands.printing import AS_GIVEN, let_names_through, one_line, say


def test_a_message_is_one_line_whatever_a_file_is_called() -> None:
    assert (
        one_line("a\nb\tc\x1b[31m\x7f é 雨 caf\udce9") == r"a\nb\tc\x1b[31m\x7f é 雨 caf" "\udce9"
    )


def test_no_name_is_an_error_in_any_encoding() -> None:
    name = "é 雨 caf\udce9"
    assert name.encode("utf-8", AS_GIVEN) == "é 雨 caf".encode() + b"\xe9"
    assert name.encode("latin-1", AS_GIVEN) == b"\xe9 \\u96e8 caf\xe9"
    assert name.encode("ascii", AS_GIVEN) == b"\\xe9 \\u96e8 caf\xe9"


def test_every_name_goes_through_both_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, raw in written.items():
        monkeypatch.setattr(f"sys.{name}", io.TextIOWrapper(raw, encoding="ascii"))
    let_names_through()
    print("é caf\udce9", flush=True)
    say("note", "two\nlines caf\udce9")  # there at once: what follows may take long
    assert written["stdout"].getvalue() == b"\\xe9 caf\xe9\n"
    assert written["stderr"].getvalue() == b"note: two\\nlines caf\xe9\n"


def test_streams_of_another_kind_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stderr", None)  # as where no console is
    let_names_through()

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from resona_core.errors import DataError
from resona_core.training.data.tables import headings, read_csv, whole_numbers

PLAIN = "filename,label,fold\na.wav,bell,1\nb.wav,fan,2\n"


def _written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN, "utf-8"),
        (PLAIN, "utf-8-sig"),
        (PLAIN, "utf-16"),
        (PLAIN.replace("\n", "\r\n"), "utf-8"),
        (PLAIN.replace(",", ";"), "utf-8"),
        (PLAIN.replace(",", "\t"), "utf-16"),
        (PLAIN.replace(",", " , "), "utf-8"),
        (PLAIN.replace("filename,label,fold", "FileName,LABEL,Fold"), "utf-8"),
        (PLAIN.replace("1\n", "1,\n").replace("2\n", "2,\n"), "utf-8"),  # a comma at the line's end
        (PLAIN.replace("\n", ",\n"), "utf-8"),  # and in the heading too
        (PLAIN.replace("\n", "\n\n,,\n"), "utf-8"),  # blank lines
        ("\r\n\n" + PLAIN.replace(",", ";"), "utf-8"),  # before the heading too
        (PLAIN.replace("bell", '"bell"'), "utf-8"),
    ],
)
def test_a_table_is_read_as_a_spreadsheet_writes_it(
    text: str, encoding: str, tmp_path: Path
) -> None:
    table = read_csv(_written(tmp_path, text, encoding), ("filename", "label"), ("fold",))
    assert table.to_dict("list") == {
        "filename": ["a.wav", "b.wav"], "label": ["bell", "fan"], "fold": ["1", "2"],
    }  # fmt: skip


def test_letters_of_windows_are_understood(tmp_path: Path) -> None:
    table = read_csv(_written(tmp_path, "filename,label\na.wav,café", "cp1252"), ("label",))
    assert list(table["label"]) == ["café"]


def test_a_cell_in_quotes_may_hold_the_separator(tmp_path: Path) -> None:
    table = read_csv(_written(tmp_path, 'filename,label\na.wav,"bell, large"'), ("label",))
    assert list(table["label"]) == ["bell, large"]


def test_blanks_before_a_quote_are_no_part_of_a_cell(tmp_path: Path) -> None:
    table = read_csv(_written(tmp_path, 'filename, label\na.wav, "bell, large"'), ("label",))
    assert list(table["label"]) == ["bell, large"]


def test_the_heading_tells_the_separator(tmp_path: Path) -> None:
    table = read_csv(_written(tmp_path, "filename,label\na;b;c.wav,bell"), ("filename", "label"))
    assert table.to_dict("list") == {"filename": ["a;b;c.wav"], "label": ["bell"]}


def test_columns_that_nobody_uses_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_csv(_written(tmp_path, "filename,label,Note,place\na.wav,bell,,"), ("filename", "label"))
    (record,) = caplog.records
    assert record.getMessage() == "list.csv: the column note, place is not used."


def test_a_line_longer_than_the_heading_is_refused_with_its_number(tmp_path: Path) -> None:
    told = r"list\.csv, line 3, has 4 cells for the 2 columns .*; put what holds a separator in quo"
    with pytest.raises(DataError, match=told):
        read_csv(_written(tmp_path, "filename,label\na.wav,bell\nb.wav,fan,x,y"), ("label",))


def test_a_gap_in_a_needed_column_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"list\.csv, line 4, has no label; fill it in"):
        read_csv(_written(tmp_path, "filename,label\na.wav,bell\n\nb.wav"), ("filename", "label"))


def test_whole_numbers_may_be_written_with_a_point_and_anything_else_is_named() -> None:
    listing = Path("list.csv")
    assert list(whole_numbers(pd.Series(["1", "2.0", "-3"]), listing)) == [1, 2, -3]
    for cells, wrong in ((["1", "2.5"], "2.5"), (["one", "2.5"], "one"), (["3", ""], "")):
        with pytest.raises(DataError, match=rf"list\.csv has '{wrong}' as a fold; give every clip"):
            whole_numbers(pd.Series(cells, name="fold"), listing)


def test_bytes_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(DataError, match=r"a\.wav cannot be read as a table: it holds no text"):
        headings(path)

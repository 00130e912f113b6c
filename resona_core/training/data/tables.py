"""Tables of clips as spreadsheets and scripts write them -> text in columns of known names.

Commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252; headings in any case; blanks around
names; a separator too many at each line's end.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from resona_core.errors import DataError

_LOG = logging.getLogger(__name__)
_SEPARATORS = ",;\t"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_csv(listing: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table as text: the columns `needed`, full, and those of the `optional` it has.

    Columns of other names are named in a warning and left out.

    Raises
    ------
    DataError
        If a needed column is missing or has a gap, a line is longer than the heading, or nothing
        is listed.
    """
    header, lines = _rows(listing)
    if missing := [name for name in needed if name not in header]:
        raise DataError(
            f"{listing.name} lacks the column {', '.join(missing)}; its first line names "
            f"{', '.join(filter(None, header)) or 'none'}, and it needs {', '.join(needed)}."
        )
    if not lines:
        raise DataError(f"{listing.name} lists no clips; add a line for each.")
    _check(listing, header, lines, needed)
    if unused := [name for name in header if name and name not in {*needed, *optional}]:
        _LOG.warning("%s: the column %s is not used.", listing.name, ", ".join(unused))
    wanted = [name for name in (*needed, *optional) if name in header]
    cells = [[_cell(line, header.index(name)) for name in wanted] for _, line in lines]
    return pd.DataFrame(cells, columns=wanted, dtype=str)


def headings(listing: Path) -> list[str]:
    """Return the names of a table's columns, in lower case.

    Raises
    ------
    DataError
        If the file is no table.
    """
    return _rows(listing)[0]


def _check(
    listing: Path, header: list[str], lines: list[tuple[int, list[str]]], needed: Sequence[str]
) -> None:
    for number, line in lines:
        if any(line[len(header) :]):
            raise DataError(
                f"{listing.name}, line {number}, has {len(line)} cells for the {len(header)} "
                "columns of its first line; put what holds a separator in quotes, or name the "
                "columns."
            )
        for name in needed:
            if not _cell(line, header.index(name)):
                raise DataError(f"{listing.name}, line {number}, has no {name}; fill it in.")


def _rows(listing: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the headings in lower case, and every line that is not blank with its number."""
    data = listing.read_bytes()
    if b"\0" in data and not data.startswith(_UTF16):
        raise DataError(f"{listing.name} cannot be read as a table: it holds no text.")
    text = _decoded(data)
    separator = max(_SEPARATORS, key=text.lstrip("\r\n").partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        found = [(reader.line_num, [cell.strip() for cell in line]) for line in reader]
    except csv.Error as error:
        raise DataError(f"{listing.name} cannot be read as a table: {error}.") from None
    filled = [(number, line) for number, line in found if any(line)]
    if not filled:
        raise DataError(f"{listing.name} is empty; name its columns and list the clips.")
    (_, header), *lines = filled
    return [name.lower() for name in header], lines


def _decoded(data: bytes) -> str:
    """Return text whose encoding is told by its first bytes, else UTF-8, else Windows-1252."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _cell(line: list[str], column: int) -> str:
    return line[column] if column < len(line) else ""


def whole_numbers(column: pd.Series[str], listing: Path) -> pd.Series[int]:
    """Return a column as integers.

    Raises
    ------
    DataError
        If a cell holds anything else.
    """
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() | (numbers % 1 != 0)]
    if len(wrong):
        raise DataError(
            f"{listing.name} has {wrong.iloc[0]!r} as a {column.name}; give every clip a whole "
            "number, or leave the column out."
        )
    return numbers.astype(int)

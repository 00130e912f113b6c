"""How a dataset may lie on disk: three layouts, one plain list of clips.

    ESC-50's   DIR/audio/*.wav and DIR/meta/*.csv (filename, fold, target, category)
    folders    DIR/CLASS/*.wav, or any other format this program reads
    a table    X.csv, or a DIR with one: filename, label and, if known, fold and source

This page does not listen to a clip and knows nothing of folds that no file names.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from resona_core.errors import DataError
from resona_core.sound.formats import FORMATS

_LOG = logging.getLogger(__name__)
_ALLOWED = (
    "give a folder in ESC-50's layout (audio/ and meta/*.csv), a folder with a subfolder of "
    "sounds for each class, or a CSV with the columns filename and label."
)


def list_clips(source: Path) -> pd.DataFrame:
    """Return the dataset's clips, a row each.

    Returns
    -------
    DataFrame
        Columns path, label and source (the recording a clip was cut from); fold and target
        where the layout names them.

    Raises
    ------
    DataError
        If there is nothing of the kind, or a table that cannot be used.
    """
    if not source.exists():
        raise DataError(f"There is nothing at {source}; {_ALLOWED}")
    if source.is_file():
        return _from_table(source)
    if found := sorted((source / "meta").glob("*.csv")):
        return _from_esc50(source, found[0])
    if tables := sorted(source.glob("*.csv")):
        if len(tables) > 1:
            raise DataError(
                f"{source} holds {len(tables)} CSV files; give the one that lists the clips."
            )
        return _from_table(tables[0])
    return _from_folders(source)


def _from_esc50(directory: Path, listing: Path) -> pd.DataFrame:
    table = read_csv(listing, ("filename", "fold", "target", "category"))
    return pd.DataFrame(
        {
            "path": [directory / "audio" / name for name in table["filename"]],
            "label": table["category"],
            "source": table.get("src_file", table["filename"]),
            "fold": _whole_numbers(table["fold"], listing),
            "target": _whole_numbers(table["target"], listing),
        }
    )


def _from_table(listing: Path) -> pd.DataFrame:
    table = read_csv(listing, ("filename", "label"))
    clips = pd.DataFrame(
        {
            "path": [listing.parent / name for name in table["filename"]],
            "label": table["label"],
            "source": table["filename"],
        }
    )
    if missing := [path for path in clips["path"] if not path.is_file()]:
        raise DataError(
            f"{listing.name} lists {len(missing)} missing files, first {missing[0]}; "
            "file names are relative to the folder of the CSV."
        )
    if "source" in table:
        clips["source"] = table["source"].where(table["source"] != "", table["filename"])
    if "fold" in table:
        clips["fold"] = _whole_numbers(table["fold"], listing)
    return clips


def _from_folders(directory: Path) -> pd.DataFrame:
    paths = []
    for folder in sorted(directory.glob("[!.]*/")):
        sounds = [path for path in sorted(folder.glob("[!.]*")) if _is_sound(path)]
        if not sounds:
            _LOG.warning("%s holds no sounds and is left out.", folder)
        paths += sounds
    if not paths:
        raise DataError(f"{directory} holds no training data; {_ALLOWED}")
    return pd.DataFrame(
        {
            "path": paths,
            "label": [path.parent.name for path in paths],
            "source": [f"{path.parent.name}/{path.name}" for path in paths],
        }
    )


def _is_sound(path: Path) -> bool:
    return path.is_file() and path.suffix.lower().removeprefix(".") in FORMATS


def read_csv(listing: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """Read a table as text, with all the columns `needed` and something in each of their cells."""
    try:
        table = pd.read_csv(listing, dtype=str, keep_default_na=False, skipinitialspace=True)
    except ValueError as error:  # pandas' own errors are all of this kind
        raise DataError(f"{listing.name} cannot be read as a table: {error}") from None
    if missing := [column for column in needed if column not in table]:
        raise DataError(
            f"{listing.name} lacks the column {', '.join(missing)}; it needs {', '.join(needed)}."
        )
    if table.empty:
        raise DataError(f"{listing.name} lists no clips; add a line for each.")
    for column in needed:
        if (gaps := table.index[table[column] == ""]).size:
            raise DataError(f"{listing.name} has no {column} for clip {gaps[0] + 1}; fill it in.")
    return table


def _whole_numbers(column: pd.Series[str], listing: Path) -> pd.Series[int]:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() | (numbers % 1 != 0)]
    if len(wrong):
        raise DataError(
            f"{listing.name} has {wrong.iloc[0]!r} as a {column.name}; give every clip a whole "
            "number, or leave the column fold out."
        )
    return numbers.astype(int)

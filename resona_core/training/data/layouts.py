"""How a dataset may lie on disk: four layouts, one plain list of clips.

    ESC-50's   DIR/audio/*.wav and DIR/meta/*.csv (filename, fold, target, category)
    folders    DIR/CLASS/**/*.wav, or any other format this program reads
    splits     DIR/train/CLASS/... and DIR/test/CLASS/..., as Keras and torchvision lay them out
    a table    X.csv, or a DIR with one: filename, label and, if known, fold or split and source

A split is two folds: what is learnt from is fold 1, what is kept for the test fold 0. This page
does not listen to a clip and knows nothing of folds that nothing names.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from resona_core.config import TEST_FOLD
from resona_core.errors import DataError
from resona_core.sound.formats import FORMATS
from resona_core.training.data.tables import headings, read_csv, whole_numbers

_LOG = logging.getLogger(__name__)

_LEARNT_FOLD = 1
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
}
ALLOWED = (
    "give a folder in ESC-50's layout (audio/ and meta/*.csv), a folder with a subfolder of "
    "sounds for each class, one with such folders in train/ and test/, or a CSV with the columns "
    "filename and label."
)
"""What messages say may be given."""


def list_clips(source: Path) -> pd.DataFrame:
    """Return the dataset's clips, a row each.

    Returns
    -------
    DataFrame
        Columns path, name (the path as messages say it), label and source (the recording a clip
        was cut from); fold and target where the layout names them.

    Raises
    ------
    DataError
        If there is nothing of the kind, or a table that cannot be used.
    """
    if not source.exists():
        raise DataError(f"There is nothing at {source}; {ALLOWED}")
    if source.is_file():
        return _from_table(source)
    if found := sorted((source / "meta").glob("*.csv")):
        return _from_esc50(source, found[0])
    folders = _folders(source)
    if {"train"} < {_split_of(folder.name) for folder in folders if _holds_classes(folder)} - {""}:
        return _from_splits(source, folders)
    tables = sorted(source.glob("[!.]*.csv"))
    are_classes = sum(any(_sounds(folder)) for folder in folders) > 1
    if tables and not (are_classes and not any(_lists_clips(table) for table in tables)):
        return _from_table(_the_one(source, tables))
    for table in tables:
        _LOG.warning("%s has no columns filename and label and is not used.", table.name)
    return _from_folders(source, folders)


def _the_one(source: Path, tables: list[Path]) -> Path:
    """Return the table that lists the clips; the only one, or the only one with its columns."""
    listing = [table for table in tables if _lists_clips(table)] if len(tables) > 1 else tables
    if len(listing) != 1:
        raise DataError(
            f"{source} holds {len(tables)} CSV files; give the one that lists the clips."
        )
    return listing[0]


def _from_esc50(directory: Path, listing: Path) -> pd.DataFrame:
    extra = ("src_file", "esc10", "take")
    table = read_csv(listing, ("filename", "fold", "target", "category"), extra)
    return pd.DataFrame(
        {
            "path": [directory / "audio" / name for name in table["filename"]],
            "name": table["filename"],
            "label": table["category"],
            "source": table.get("src_file", table["filename"]),
            "fold": whole_numbers(table["fold"], listing),
            "target": whole_numbers(table["target"], listing),
        }
    )


def _lists_clips(listing: Path) -> bool:
    try:
        return {"filename", "label"} <= set(headings(listing))
    except DataError:  # no table at all
        return False


def _from_table(listing: Path) -> pd.DataFrame:
    table = read_csv(listing, ("filename", "label"), ("fold", "split", "source"))
    clips = pd.DataFrame(
        {
            "path": [_beside(listing, name) for name in table["filename"]],
            "name": table["filename"],
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
    for column in ("split", "fold"):
        if column in table:
            return _with_folds(clips, table[column], listing)
    return clips


def _beside(listing: Path, name: str) -> Path:
    """Return the file of that name; a path written on Windows is understood."""
    path = listing.parent / name
    return path if path.is_file() else listing.parent / name.replace("\\", "/")


def _with_folds(clips: pd.DataFrame, column: pd.Series[str], listing: Path) -> pd.DataFrame:
    """Add the folds that a column names: by number, or as train and test."""
    splits = column.map(_split_of)
    if (splits == "").all():
        return clips.assign(fold=whole_numbers(column, listing))
    if (splits == "").any():
        raise DataError(
            f"{listing.name} has {column[splits == ''].iloc[0]!r} as a {column.name} beside "
            "train and test; name one of them, and validation, for every clip."
        )
    return _split(clips, splits)


def _from_splits(directory: Path, folders: Iterable[Path]) -> pd.DataFrame:
    parts = []
    for folder in folders:
        split = _split_of(folder.name)
        if split and _holds_classes(folder):
            inside = _from_folders(folder, _folders(folder))
            inside["name"] = [f"{folder.name}/{name}" for name in inside["name"]]
            inside["source"] = inside["name"]
            parts.append(inside.assign(split=split))
        else:
            _LOG.warning("%s is neither train nor test and is left out.", folder.name)
    clips = pd.concat(parts, ignore_index=True)
    return _split(clips.drop(columns="split"), clips["split"])


def _holds_classes(folder: Path) -> bool:
    """Tell whether a folder holds folders and no sounds: one called train may be a class."""
    sounds = any(_ending(path) in FORMATS for path in folder.iterdir() if path.is_file())
    return not sounds and bool(_folders(folder))


def _split_of(name: str) -> str:
    return _SPLITS.get(name.lower(), "")


def _split(clips: pd.DataFrame, splits: pd.Series[str]) -> pd.DataFrame:
    """Turn train and test into folds; validation is the test where there is no other."""
    counts = Counter(splits)
    if not counts["train"]:
        raise DataError("The data names a test but no clips to train on; name some train.")
    if counts["test"] and counts["validation"]:
        _LOG.warning(
            "%d clips are for validation and left out: no choice is made by them here.",
            counts["validation"],
        )
    kept = (splits != "validation") | (counts["test"] == 0)
    folds = splits.map({"train": _LEARNT_FOLD}).fillna(TEST_FOLD).astype(int)
    return clips.assign(fold=folds)[kept].reset_index(drop=True)


def _folders(directory: Path) -> list[Path]:
    """Return the folders that may be classes; what systems leave behind begins with . or __."""
    found = sorted(path for path in directory.iterdir() if path.is_dir())
    return [path for path in found if not path.name.startswith((".", "__"))]


def _from_folders(directory: Path, folders: Iterable[Path]) -> pd.DataFrame:
    paths: list[Path] = []
    labels: list[str] = []
    left_out: Counter[str] = Counter()
    for folder in folders:
        sounds = sorted(_sounds(folder))
        left_out.update(_ending(path) for path in _files(folder) if _ending(path) not in FORMATS)
        if not sounds:
            _LOG.warning("%s holds no sounds and is left out.", folder)
        paths += sounds
        labels += [folder.name] * len(sounds)
    if left_out:
        kinds = ", ".join(f"{count} .{ending}" for ending, count in left_out.most_common())
        _LOG.warning("%s: files of other formats are left out: %s.", directory.name, kinds)
    if not paths:
        raise DataError(f"{directory} holds no training data; {ALLOWED}")
    names = [path.relative_to(directory).as_posix() for path in paths]
    return pd.DataFrame({"path": paths, "name": names, "label": labels, "source": names})


def _sounds(folder: Path) -> Iterator[Path]:
    return (path for path in _files(folder) if _ending(path) in FORMATS)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below; what systems leave behind is passed over."""
    for path in folder.rglob("*"):
        if path.is_file() and _is_seen(path.relative_to(folder)):
            yield path


def _is_seen(path: Path) -> bool:
    return not any(part.startswith((".", "__")) for part in path.parts)


def _ending(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")

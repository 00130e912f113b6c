"""What a list of clips may contradict itself in: refused where it cannot be right, else told."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from resona_core.errors import AudioError, DataError
from resona_core.sound.opening import open_sound
from resona_core.sound.windows import is_silent

_LOG = logging.getLogger(__name__)
_NAMED = 3
_PLURAL = {"label": "classes", "fold": "folds"}
DIGEST_BYTES = 6  # of a clip's bytes: two of a million clips are alike once in 500 datasets


def consistent(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the clips without repetitions, with a digest of each one's bytes.

    Clips of equal bytes count as one recording, whatever their names.

    Parameters
    ----------
    clips : DataFrame
        As :func:`resona_core.training.data.layouts.list_clips` returns them.

    Raises
    ------
    DataError
        If two names of classes differ in nothing that one sees, or a clip has two classes or lies
        in two folds.
    """
    _refuse_twins(clips["label"].unique())
    clips = clips.assign(file=[path.resolve() for path in clips["path"]])
    _refuse_two(clips, "file", "is listed", [name for name in _PLURAL if name in clips])
    repeated = clips.duplicated("file")
    if repeated.any():
        _tell(clips["name"][repeated], "listed more than once and used once")
    clips = clips[~repeated].drop(columns="file").reset_index(drop=True)
    clips["digest"] = digests(clips["path"])
    alike = clips[clips.duplicated("digest", keep=False) & clips["digest"].ne("")]
    alike = alike[~alike["digest"].isin(_unheard(alike))]
    _refuse_two(alike, "digest", "holds the same bytes as another clip and is", ("label",))
    if len(alike):
        _tell(alike["name"], "equal to another clip, byte by byte, and count as one recording")
        clips.loc[alike.index, "source"] = alike.groupby("digest")["source"].transform("first")
    _tell_leaks(clips)
    return clips


def _unheard(clips: pd.DataFrame) -> set[str]:
    """Return the digests of clips that are silent or no sound: alike without meaning it."""
    first = clips.drop_duplicates("digest")
    return {one for path, one in zip(first["path"], first["digest"], strict=True) if _is_mute(path)}


def _is_mute(path: Path) -> bool:
    try:
        with open_sound(path) as sound:
            channels = (channel for block in sound.blocks() for channel in block.T)
            return all(is_silent(channel, sound.quietest) for channel in channels)
    except AudioError:
        return True


def digests(paths: Iterable[Path]) -> list[str]:
    """Return a digest of each file's bytes, 12 hexadecimal digits; empty where it is not there."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_digest, paths))


def _digest(path: Path) -> str:
    try:
        return blake2b(path.read_bytes(), digest_size=DIGEST_BYTES).hexdigest()
    except OSError:
        return ""


def _refuse_twins(labels: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for label in labels:
        twin = seen.setdefault(_canonical(label), label)
        if twin != label:
            raise DataError(
                f"The classes {twin!r} and {label!r} look like one; give both the same name, or "
                "names that differ in more than capitals, blanks or how a letter is encoded."
            )


def _canonical(label: str) -> str:
    """Return what is left of a name when what is easily overlooked is taken away."""
    text = " ".join(unicodedata.normalize("NFC", label).casefold().split())
    return re.sub(r"^(\d+)\.0+$", r"\1", text)  # a number, as a spreadsheet may write it


def _refuse_two(clips: pd.DataFrame, column: str, what: str, others: Sequence[str]) -> None:
    """Refuse clips that are alike in one column and differ in one of the `others`."""
    for other in others:
        counts = clips.groupby(column)[other].nunique()
        if (counts > 1).any():
            rows = clips[clips[column] == counts.idxmax()]
            values = " and ".join(str(value) for value in rows[other].unique()[:2])
            raise DataError(
                f"{rows['name'].iloc[0]} {what} in the {_PLURAL[other]} {values}; keep one of "
                "them, or leave the clip out."
            )


def _tell_leaks(clips: pd.DataFrame) -> None:
    """Warn of recordings with clips in several folds: a test on one has heard it in another."""
    if "fold" not in clips:
        return
    folds = clips.groupby("source")["fold"].nunique()
    if leaking := list(folds.index[folds > 1]):
        _LOG.warning(
            "%s clips in several folds, first %s: what is learnt of them makes an evaluation look "
            "better than it is.",
            "1 recording has" if len(leaking) == 1 else f"{len(leaking)} recordings have",
            ", ".join(leaking[:_NAMED]),
        )


def _tell(names: pd.Series[str], what: str) -> None:
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    count = "1 clip is" if len(names) == 1 else f"{len(names)} clips are"
    _LOG.warning("%s %s: %s.", count, what, shown)

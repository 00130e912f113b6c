"""ESC-50 on disk -> every clip in memory, with its class and its fold."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from resona_core import audio
from resona_core.config import FrontEndConfig
from resona_core.errors import AudioError, DataError


@dataclass(frozen=True)
class ClipTable:
    """The list of a dataset's clips: which file, which class, which fold.

    Attributes
    ----------
    table : DataFrame
        Columns path, label, target (index into `labels`), fold, source (the recording it is
        cut from).
    labels : tuple of str
        The classes, in the order of the targets.
    """

    table: pd.DataFrame
    labels: tuple[str, ...]

    def folds(self, wanted: Collection[int]) -> ClipTable:
        """Return the clips of these folds.

        Raises
        ------
        DataError
            If a fold has no clips.
        """
        present = set(self.table["fold"])
        if missing := sorted(set(wanted) - present):
            raise DataError(
                f"Fold {', '.join(map(str, missing))} has no clips; "
                f"the data holds folds {', '.join(map(str, sorted(present)))}."
            )
        return ClipTable(self.table[self.table["fold"].isin(wanted)], self.labels)


@dataclass(frozen=True)
class ClipSet:
    """Clips in memory: waveforms (clip, sample) int16, targets (clip,) int64."""

    waveforms: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


def read_table(directory: Path) -> ClipTable:
    """Read a dataset in ESC-50's layout: ``audio/`` and ``meta/*.csv``.

    The CSV needs the columns filename, fold, target and category.

    Raises
    ------
    DataError
        If the layout or a column is missing, or the table cannot be read.
    """
    found = sorted((directory / "meta").glob("*.csv"))
    if not found:
        raise DataError(
            f"{directory} has no meta/*.csv; give a folder in ESC-50's layout "
            "(audio/*.wav and meta/esc50.csv)."
        )
    try:
        table = pd.read_csv(found[0])
    except ValueError as error:  # pandas' own errors are all of this kind
        raise DataError(f"{found[0].name} cannot be read as a table: {error}") from None
    needed = ["filename", "fold", "target", "category"]
    if missing := [column for column in needed if column not in table]:
        raise DataError(
            f"{found[0].name} lacks the column {', '.join(missing)}; it needs {', '.join(needed)}."
        )
    labels = tuple(table.sort_values("target")["category"].unique())
    listed = pd.DataFrame(
        {
            "path": [directory / "audio" / name for name in table["filename"]],
            "label": table["category"],
            "target": table["category"].map({label: i for i, label in enumerate(labels)}),
            "fold": table["fold"],
            "source": table["src_file"] if "src_file" in table else table["filename"],
        }
    )
    return ClipTable(listed, labels)


def load_clips(clips: ClipTable, front_end: FrontEndConfig, workers: int = 4) -> ClipSet:
    """Decode every clip as serving does, and keep its first window.

    Each clip is scaled to its own peak before it is stored as int16: the front end does not
    depend on the level, and the quietest clips keep their 15 bits.

    Raises
    ------
    DataError
        Naming the first clip that cannot be read.
    """

    def read(path: Path) -> Tensor:
        return _int16(audio.load(path, front_end.sample_rate_hz).samples, front_end)

    with ThreadPoolExecutor(workers) as pool:
        try:
            waveforms = list(pool.map(read, clips.table["path"]))
        except AudioError as error:
            raise DataError(f"A training clip cannot be read. {error}") from error
    return ClipSet(torch.stack(waveforms), torch.tensor(clips.table["target"].to_numpy()))


def to_float(waveforms: Tensor) -> Tensor:
    """Return int16 waveforms as float32 in [-1, 1]."""
    return waveforms.float() / 32_767.0


def _int16(samples: np.ndarray, front_end: FrontEndConfig) -> Tensor:
    window = audio.window_at(samples, 0, front_end.window_samples)
    peak = float(np.abs(window).max())
    return torch.from_numpy((window / max(peak, 1e-9) * 32_767.0).round().astype(np.int16))

"""A dataset on disk -> every clip in memory, with its class and its fold."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.errors import AudioError, DataError
from resona_core.sound import audio, windows
from resona_core.training.data.folds import split_folds
from resona_core.training.data.layouts import list_clips

_LOG = logging.getLogger(__name__)
_NAMED = 5  # unreadable clips, or classes, that a message names


@dataclass(frozen=True)
class ClipTable:
    """The list of a dataset's clips: which file, which class, which fold.

    Attributes
    ----------
    table : DataFrame
        Columns path, label, target (index into `labels`), fold, source (the recording a clip
        was cut from).
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

    def only(self, labels: Collection[str]) -> ClipTable:
        """Return the clips of these classes, numbered anew in the order of `self.labels`.

        Raises
        ------
        DataError
            If a class has no clips.
        """
        if missing := sorted(set(labels) - set(self.table["label"])):
            raise DataError(f"There are no clips of the class {', '.join(missing)}.")
        kept = tuple(label for label in self.labels if label in labels)
        table = self.table[self.table["label"].isin(kept)].copy()
        table["target"] = table["label"].map({label: i for i, label in enumerate(kept)})
        return ClipTable(table, kept)

    def without(self, labels: Collection[str]) -> ClipTable:
        """Return the clips of all other classes, numbered anew in the order of `self.labels`.

        Raises
        ------
        DataError
            If there is no such class, or fewer than two would remain.
        """
        if unknown := sorted(set(labels) - set(self.labels)):
            near = {n: None for word in unknown for n in get_close_matches(word, self.labels)}
            raise DataError(
                f"The data has no class {', '.join(map(repr, unknown))} to leave out; "
                f"{'the nearest are' if near else 'it has, among others,'} "
                f"{', '.join(near or self.labels[:_NAMED])}."
            )
        kept = set(self.labels) - set(labels)
        if len(kept) < 2:
            raise DataError(
                f"Without {', '.join(sorted(set(labels)))} the data holds {len(kept)} of "
                f"{len(self.labels)} classes; keep two or more, to be told from each other."
            )
        return self.only(kept) if labels else self


@dataclass(frozen=True)
class ClipSet:
    """Clips in memory.

    Attributes
    ----------
    waveforms : Tensor (clip, sample), int16
    targets : Tensor (clip,), int64
    table : ClipTable or None
        Which clips they are, in the same order; None for those that no table lists.
    """

    waveforms: Tensor
    targets: Tensor
    table: ClipTable | None = None

    def to(self, device: torch.device) -> ClipSet:
        """Return the clips on another device."""
        return ClipSet(self.waveforms.to(device), self.targets.to(device), self.table)

    def __len__(self) -> int:
        return len(self.targets)


def read_table(source: Path, n_folds: int = 5, seed: int = 0) -> ClipTable:
    """Read a dataset: a folder in ESC-50's layout, a folder for each class, or a CSV.

    Where no file names folds, the clips are divided into `n_folds` by :func:`split_folds`; the
    same clips always fall into the same folds, but another clip may move them.

    Raises
    ------
    DataError
        If there is no such dataset, a column or file is missing, or a class is alone or has
        too few clips.
    """
    clips = list_clips(source)
    order = "target" if "target" in clips else "label"
    labels = tuple(clips.sort_values(order)["label"].unique())
    if len(labels) < 2:
        raise DataError(f"{source} holds one class, {labels[0]}; add at least one more.")
    clips["target"] = clips["label"].map({label: i for i, label in enumerate(labels)})
    if "fold" not in clips:
        clips["fold"] = split_folds(list(clips["label"]), list(clips["source"]), n_folds, seed)
    return ClipTable(clips[["path", "label", "target", "fold", "source"]], labels)


def load_clips(
    clips: ClipTable, front_end: FrontEndConfig, workers: int = 4, skip_unreadable: bool = False
) -> ClipSet:
    """Decode every clip as serving does, and keep its first window.

    Each clip is scaled to its own peak before it is stored as int16: the front end does not
    depend on the level, and the quietest clips keep their 15 bits.

    Parameters
    ----------
    clips : ClipTable
    front_end : FrontEndConfig
    workers : int
        Files decoded at a time.
    skip_unreadable : bool
        Leave out clips that cannot be read, and say so in a warning.

    Raises
    ------
    DataError
        Naming the clips that cannot be read.
    """

    def read(path: Path) -> Tensor | str:
        name = f"{path.parent.name}/{path.name}"
        try:
            return _int16(audio.load(path, front_end.sample_rate_hz, name=name).samples, front_end)
        except (AudioError, OSError) as error:
            return str(error)

    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(read, clips.table["path"]))
    waveforms = [answer for answer in answers if isinstance(answer, Tensor)]
    reasons = [answer for answer in answers if isinstance(answer, str)]
    if reasons:
        _tell_unreadable(reasons, len(waveforms), skip_unreadable)
    read_ones = clips.table[[isinstance(answer, Tensor) for answer in answers]]
    targets = torch.tensor(read_ones["target"].to_numpy())
    return ClipSet(torch.stack(waveforms), targets, ClipTable(read_ones, clips.labels))


def _tell_unreadable(reasons: Sequence[str], n_read: int, skip: bool) -> None:
    """Warn of what is left out, or refuse where nothing may be or nothing remains."""
    count = f"{len(reasons)} of {len(reasons) + n_read} clips cannot be read"
    if skip and n_read:
        _LOG.warning("%s and are left out:\n%s", count, "\n".join(reasons))
        return
    cure = "repair or remove them" + ("" if skip else ", or leave them out with --skip-unreadable")
    more = f" (and {len(reasons) - _NAMED} more)" if len(reasons) > _NAMED else ""
    raise DataError(f"{count}; {cure}. {' '.join(reasons[:_NAMED])}{more}")


def to_float(waveforms: Tensor) -> Tensor:
    """Return int16 waveforms as float32 in [-1, 1]."""
    return waveforms.float() / 32_767.0


def _int16(samples: np.ndarray, front_end: FrontEndConfig) -> Tensor:
    window = windows.window_at(samples, 0, front_end.window_samples)
    peak = float(np.abs(window).max())
    return torch.from_numpy((window / max(peak, 1e-9) * 32_767.0).round().astype(np.int16))

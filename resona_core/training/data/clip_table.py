"""A dataset on disk -> the list of its clips: which file, which class, which fold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from resona_core.config import TEST_FOLD
from resona_core.errors import DataError
from resona_core.training.data.contradictions import consistent
from resona_core.training.data.folds import split_folds
from resona_core.training.data.layouts import ALLOWED, list_clips

_NAMED = 5  # classes that a message names
_COLUMNS = ["path", "name", "label", "target", "source", "digest"]


@dataclass(frozen=True)
class ClipTable:
    """The list of a dataset's clips.

    Attributes
    ----------
    table : DataFrame
        Columns path, name (the path as messages say it), label, target (index into `labels`),
        source (the recording a clip was cut from), digest (of its bytes) and, where the data
        names folds or :meth:`divided` has made some, fold.
    labels : tuple of str
        The classes, in the order of the targets.
    """

    table: pd.DataFrame
    labels: tuple[str, ...]

    def divided(self, n_folds: int = 5, seed: int = 0) -> ClipTable:
        """Return the clips in folds: those that the data names, else of :func:`split_folds`.

        The same clips always fall into the same folds, but another clip may move them.

        Raises
        ------
        DataError
            If there is one class, or a class has too few clips.
        """
        if len(self.labels) < 2:
            raise DataError(
                f"The data holds one class, {self.labels[0]}, and training tells two or more "
                f"apart; {ALLOWED}"
            )
        if "fold" in self.table:
            return self
        labels, sources = list(self.table["label"]), list(self.table["source"])
        folds = split_folds(labels, sources, n_folds, seed)
        return ClipTable(self.table.assign(fold=folds), self.labels)

    @property
    def learnable_folds(self) -> tuple[int, ...]:
        """The folds that the data does not keep for a test."""
        return tuple(sorted(set(self.table["fold"]) - {TEST_FOLD}))

    def tested(self) -> ClipTable:
        """Return what the data keeps for the test; all clips where it keeps none."""
        kept = self.table.get("fold", pd.Series(dtype=int)) == TEST_FOLD
        if kept.any():
            return ClipTable(self.table[kept], self.labels)
        return ClipTable(self.table.assign(fold=TEST_FOLD), self.labels)

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
                f"{len(self.labels)} classes; keep at least two."
            )
        return self.only(kept) if labels else self


def read_table(source: Path) -> ClipTable:
    """Read a dataset in any of the layouts of :mod:`resona_core.training.data.layouts`.

    Raises
    ------
    DataError
        If there is no such dataset, a column or file is missing, or it contradicts itself.
    """
    clips = consistent(list_clips(source))
    order = "target" if "target" in clips else "label"
    labels = tuple(clips.sort_values(order)["label"].unique())
    clips["target"] = clips["label"].map({label: i for i, label in enumerate(labels)})
    return ClipTable(clips[_COLUMNS + ["fold"] * ("fold" in clips)], labels)

"""Which clips a network has learnt from: an evaluation on those is no test."""

from __future__ import annotations

from dataclasses import dataclass

from resona_core.network.description import CheckpointInfo
from resona_core.training.data.clip_table import ClipTable
from resona_core.words import folds_text


@dataclass(frozen=True, eq=False)
class Test:
    """What an evaluation may use of the clips asked for.

    Attributes
    ----------
    clips : ClipTable
        Those the network has not learnt from; where it has learnt from all, all of them.
    learnt : int or None
        How many of `clips` it has learnt from; None where the checkpoint does not say.
    warning : str
        What the reader must know of it; empty: nothing.
    """

    clips: ClipTable
    learnt: int | None
    warning: str


def unlearnt(asked: ClipTable, info: CheckpointInfo) -> Test:
    """Leave out the clips that a network has learnt from, by their bytes.

    A checkpoint of an earlier version does not name its clips: there the numbers of the folds
    decide whether to warn.
    """
    if not info.learnt:
        overlap = set(asked.table.get("fold", ())) & set(info.folds)
        if not (overlap and set(asked.labels) <= set(info.labels)):
            return Test(asked, None, "")
        warning = f"the checkpoint was trained on {folds_text(sorted(overlap))} of {info.data}"
        return Test(asked, None, f"{warning}; if these are its clips, the scores are optimistic.")
    seen = asked.table["digest"].isin(info.learnt_digests)
    count = int(seen.sum())
    if count == len(seen):
        told = f"the checkpoint has learnt from all {count} clips, so the scores are optimistic."
        return Test(asked, count, told)
    rest = ClipTable(asked.table[~seen], asked.labels)
    told = f"the checkpoint has learnt from {count} of {len(seen)} clips; these are left out."
    return Test(rest, 0, told if count else "")

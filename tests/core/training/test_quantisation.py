"""Which clips 8-bit weights are calibrated on; the weights are tested with `export --int8`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from resona_core.errors import DataError
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.quantisation import calibration_clips, unseen_clips


def table(clips_a_fold: int) -> ClipTable:
    """Three folds of clips, of two classes in turn."""
    rows = [
        (Path(f"{fold}-{i}.wav"), ("dog", "rain")[i % 2], i % 2, fold, f"{fold}-{i}")
        for fold in (1, 2, 3)
        for i in range(clips_a_fold)
    ]
    columns = ["path", "label", "target", "fold", "source"]
    return ClipTable(pd.DataFrame(rows, columns=columns), ("dog", "rain"))


def test_at_most_three_hundred_clips_are_drawn_from_the_training_folds_alone() -> None:
    drawn = calibration_clips(table(200), (1, 3)).table
    assert len(drawn) == 300
    assert set(drawn["fold"]) == {1, 3}
    assert drawn["path"].is_unique


def test_the_same_clips_are_drawn_every_time_and_all_where_there_are_few() -> None:
    one, other = (calibration_clips(table(200), (1, 2)).table["path"] for _ in range(2))
    assert list(one) == list(other)
    assert len(calibration_clips(table(5), (2, 7)).table) == 5


def test_without_a_training_fold_nothing_can_be_calibrated() -> None:
    with pytest.raises(DataError, match=r"none of the folds the network was trained on \(7, 8\)"):
        calibration_clips(table(5), (7, 8))
    with pytest.raises(DataError, match=r"\(unknown\)"):
        calibration_clips(table(5), ())


def test_the_clips_to_compare_on_are_those_of_all_other_folds() -> None:
    unseen = unseen_clips(table(5), (1, 3))
    assert unseen is not None
    assert set(unseen.table["fold"]) == {2}
    assert unseen_clips(table(5), (1, 2, 3)) is None

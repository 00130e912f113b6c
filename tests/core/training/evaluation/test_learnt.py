from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.network.description import CheckpointInfo
from resona_core.training.data.clip_table import ClipTable, read_table
from resona_core.training.evaluation.learnt import unlearnt


def _learnt(clips: ClipTable, info: CheckpointInfo) -> CheckpointInfo:
    return replace(info, learnt=" ".join(clips.table["digest"]), folds=(1,))


def test_clips_that_were_learnt_are_left_out_whatever_their_fold(
    dataset: Path, tiny_info: CheckpointInfo
) -> None:
    table = read_table(dataset)
    info = _learnt(table.folds([3]), tiny_info)
    test = unlearnt(table, info)
    assert set(test.clips.table["fold"]) == {1}
    assert test.learnt == 0
    assert test.warning == "the checkpoint has learnt from 3 of 6 clips; these are left out."
    fresh = unlearnt(table.folds([1]), info)  # the fold of that number was of other data
    assert (len(fresh.clips.table), fresh.learnt, fresh.warning) == (3, 0, "")


def test_a_learnt_clip_is_known_again_under_another_name(
    folders: Path, tiny_info: CheckpointInfo, noise: NDArray[np.float32],
    sound_file: Callable[..., bytes],
) -> None:  # fmt: skip
    info = _learnt(read_table(folders), tiny_info)
    (folders / "cat" / "0.wav").rename(folders / "cat" / "zero.wav")
    (folders / "cat" / "new.wav").write_bytes(sound_file(noise))
    assert list(unlearnt(read_table(folders), info).clips.table["name"]) == ["cat/new.wav"]


def test_where_all_were_learnt_all_are_evaluated_and_it_is_said(
    dataset: Path, tiny_info: CheckpointInfo
) -> None:
    table = read_table(dataset)
    test = unlearnt(table, _learnt(table, tiny_info))
    assert len(test.clips.table) == test.learnt == 6
    assert (
        test.warning == "the checkpoint has learnt from all 6 clips, so the scores are optimistic."
    )


@pytest.mark.parametrize(
    ("folds", "labels", "warned"),
    [((3, 5), ("dog", "rain", "siren"), True), ((5,), ("dog", "rain", "siren"), False),
     ((3,), ("dog", "cat", "owl"), False)],
)  # fmt: skip
def test_a_checkpoint_that_names_no_clips_is_judged_by_its_folds(
    folds: tuple[int, ...], labels: tuple[str, ...], warned: bool, dataset: Path,
    tiny_info: CheckpointInfo,
) -> None:  # fmt: skip
    info = replace(tiny_info, folds=folds, labels=labels, data="ESC-50")
    test = unlearnt(read_table(dataset).folds([3]), info)
    assert test.learnt is None
    told = "the checkpoint was trained on fold 3 of ESC-50; if these are its clips, the scores"
    assert test.warning.startswith(told) is warned

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from resona_core.errors import DataError
from resona_core.training.data.clip_table import read_table
from resona_core.training.data.folds import split_folds


def _groups(**sizes: list[int]) -> tuple[list[str], list[str]]:
    """Return labels and sources of classes whose recordings were cut into so many clips."""
    clips = [
        (label, f"{label}-{i}")
        for label, counts in sizes.items()
        for i, count in enumerate(counts)
        for _ in range(count)
    ]
    return [label for label, _ in clips], [source for _, source in clips]


def _fold_sizes(labels: list[str], folds: np.ndarray) -> dict[str, list[int]]:
    counts = Counter(zip(labels, folds.tolist(), strict=True))
    return {
        label: sorted(count for (name, _), count in counts.items() if name == label)
        for label in set(labels)
    }


def test_single_clips_are_spread_evenly_over_the_folds() -> None:
    labels, sources = _groups(cat=[1] * 10, dog=[1] * 12)
    folds = split_folds(labels, sources, 5, seed=0)
    assert set(folds) == {1, 2, 3, 4, 5}
    assert _fold_sizes(labels, folds) == {"cat": [2] * 5, "dog": [2, 2, 2, 3, 3]}


def test_a_class_with_one_recording_for_each_fold_has_just_enough() -> None:
    labels, sources = _groups(cat=[1] * 9, dog=[2, 1, 3, 1, 1])
    folds = split_folds(labels, sources, 5, seed=0)
    assert _fold_sizes(labels, folds)["dog"] == [1, 1, 1, 2, 3]


def test_large_recordings_are_placed_first_so_that_small_ones_fill_the_gaps() -> None:
    labels, sources = _groups(cat=[1, 1, 1, 4, 3, 2])
    folds = split_folds(labels, sources, 3, seed=0)
    assert _fold_sizes(labels, folds) == {"cat": [4, 4, 4]}  # 4, 3 + 1 and 2 + 1 + 1


def test_leftovers_of_the_classes_go_to_different_folds() -> None:
    labels, sources = _groups(cat=[1] * 4, dog=[1] * 4, owl=[1] * 4)
    folds = split_folds(labels, sources, 3, seed=0)
    assert sorted(Counter(folds.tolist()).values()) == [4, 4, 4]


@pytest.mark.parametrize("seed", range(5))
def test_clips_of_one_recording_share_a_fold_across_classes_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sources = [f"recording {i}" for i in rng.integers(0, 40, 200)]
    labels = [("cat", "dog", "owl")[i] for i in rng.integers(0, 3, 200)]
    folds = split_folds(labels, sources, 4, seed)
    assert len(set(zip(sources, folds.tolist(), strict=True))) == len(set(sources))


def test_the_order_of_the_clips_does_not_matter_but_the_seed_does() -> None:
    labels, sources = _groups(cat=[1] * 20, dog=[1, 2] * 10)
    folds = split_folds(labels, sources, 5, seed=0)
    backwards = split_folds(labels[::-1], sources[::-1], 5, seed=0)
    np.testing.assert_array_equal(backwards[::-1], folds)
    assert split_folds(labels, sources, 5, seed=1).tolist() != folds.tolist()


def test_a_class_with_too_few_recordings_is_named_with_the_cure() -> None:
    labels, sources = _groups(cat=[1] * 5, dog=[3, 9, 1])
    with pytest.raises(DataError) as caught:
        split_folds(labels, sources, 5, seed=0)
    assert "class dog has 13 clips from 3 recordings, too few for 5 folds; add more" in str(
        caught.value
    )
    assert "column fold" in str(caught.value)


def test_a_class_of_one_recording_is_told_in_the_singular() -> None:
    labels, sources = _groups(cat=[1] * 5, dog=[3])
    with pytest.raises(DataError, match="class dog has 3 clips from 1 recording, too few for 5"):
        split_folds(labels, sources, 5, seed=0)


def test_real_clips_are_divided_as_evenly_as_by_the_datasets_author(esc50: Path) -> None:
    table = read_table(esc50).table
    n_folds = table["fold"].nunique()
    folds = split_folds(list(table["label"]), list(table["source"]), n_folds, seed=0)
    assert table["source"].nunique() < len(table)
    assert (table.assign(fold=folds).groupby("source")["fold"].nunique() == 1).all()
    assert (table.assign(fold=folds).groupby(["label", "fold"]).size() == 8).all()

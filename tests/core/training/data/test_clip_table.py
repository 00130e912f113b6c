"""A dataset's clips in folds: how many, and what is kept for a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.training.data.clip_table import read_table


def test_two_classes_are_divided_into_five_folds(folders: Path) -> None:
    shutil.rmtree(folders / "owl")
    table = read_table(folders).divided()
    assert table.labels == ("cat", "dog")
    assert set(table.table["fold"]) == {1, 2, 3, 4, 5}
    assert sorted(table.table["fold"].value_counts()) == [2, 2, 2, 3, 3]  # of six and six


def test_clips_stay_in_the_folds_that_earlier_weights_were_tested_on(folders: Path) -> None:
    """Another order of drawing would have old weights tested on clips they have learnt."""
    shutil.rmtree(folders / "owl")
    folds = read_table(folders).divided().table["fold"]
    assert list(folds) == [4, 3, 2, 1, 1, 5, 3, 4, 1, 2, 2, 5]


def test_folds_that_the_data_names_stay(dataset: Path) -> None:
    table = read_table(dataset)
    assert table.divided(2) is table
    assert table.learnable_folds == (1, 3)


def test_what_the_data_keeps_for_the_test_is_tested_and_not_learnt(dataset: Path) -> None:
    listing = dataset / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace(".wav,3,", ".wav,0,"))
    table = read_table(dataset)
    assert table.learnable_folds == (1,)
    assert list(table.tested().table["name"]) == ["3-siren.wav", "3-rain.wav", "3-dog.wav"]
    assert table.tested().labels == table.labels


@pytest.mark.parametrize("divided", [True, False])
def test_where_nothing_is_kept_for_the_test_all_clips_are(divided: bool, folders: Path) -> None:
    table = read_table(folders)
    tested = (table.divided() if divided else table).tested()
    assert len(tested.table) == 18
    assert set(tested.table["fold"]) == {0}


def test_many_classes_are_named_by_the_first_five(folders: Path) -> None:
    for name in ("ant", "bee", "fly"):
        shutil.copytree(folders / "cat", folders / name)
        for path in (folders / name).iterdir():
            path.write_bytes(path.read_bytes() + name.encode())
    told = r"no class 'q' to leave out; it has, among others, ant, bee, cat, dog, fly\.$"
    with pytest.raises(DataError, match=told):
        read_table(folders).without(["q"])

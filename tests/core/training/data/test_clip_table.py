"""The list of a dataset's clips: classes, folds, and what is kept for a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.labels import ESC50_LABELS
from resona_core.training.data.clip_table import read_table


def test_the_table_lists_each_clip_with_its_class_and_fold(dataset: Path) -> None:
    clips = read_table(dataset)
    assert clips.labels == ("dog", "rain", "siren")
    assert list(clips.table.columns) == [
        "path",
        "name",
        "label",
        "target",
        "source",
        "digest",
        "fold",
    ]
    first = clips.table.iloc[0]
    assert first["path"] == dataset / "audio" / "1-siren.wav"
    assert (first["label"], first["target"], first["fold"]) == ("siren", 2, 1)
    assert len(clips.table) == 6


def test_targets_with_gaps_are_counted_through(dataset: Path) -> None:
    listing = dataset / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace(",2,siren", ",41,siren"))
    clips = read_table(dataset)
    assert clips.labels == ("dog", "rain", "siren")
    assert sorted(set(clips.table["target"])) == [0, 1, 2]


def test_folds_pick_their_clips_and_keep_all_labels(dataset: Path) -> None:
    part = read_table(dataset).folds([3])
    assert list(part.table["fold"]) == [3, 3, 3]
    assert part.labels == ("dog", "rain", "siren")


def test_a_fold_without_clips_is_told_with_those_there_are(dataset: Path) -> None:
    with pytest.raises(DataError, match=r"Fold 2, 4 has no clips; the data holds folds 1, 3\."):
        read_table(dataset).folds([1, 2, 4])


def test_classes_without_targets_stand_in_the_alphabets_order(folders: Path) -> None:
    clips = read_table(folders)
    assert clips.labels == ("cat", "dog", "owl")
    assert [clips.labels[i] for i in clips.table["target"]] == list(clips.table["label"])


def test_clips_without_folds_are_divided_always_alike(folders: Path) -> None:
    clips = read_table(folders).divided(3)
    assert (clips.table.groupby(["label", "fold"]).size() == 2).all()
    assert clips.table.equals(read_table(folders).divided(3).table)
    assert not clips.table.equals(read_table(folders).divided(3, seed=1).table)


def test_one_class_alone_is_refused(folders: Path) -> None:
    shutil.rmtree(folders / "cat")
    shutil.rmtree(folders / "owl")
    with pytest.raises(DataError, match="holds one class, dog, and training tells two or more"):
        read_table(folders).divided()


def test_the_real_table_holds_eight_clips_of_each_class_a_fold(esc50: Path) -> None:
    clips = read_table(esc50)
    assert clips.labels == ESC50_LABELS
    assert (clips.table.groupby(["label", "fold"]).size() == 8).all()


def test_classes_can_be_chosen_and_are_numbered_anew(dataset: Path) -> None:
    chosen = read_table(dataset).only(["siren", "dog"])
    assert chosen.labels == ("dog", "siren")
    assert set(zip(chosen.table["label"], chosen.table["target"], strict=True)) == {
        ("dog", 0),
        ("siren", 1),
    }


def test_a_class_without_clips_is_named(dataset: Path) -> None:
    with pytest.raises(DataError, match=r"no clips of the class kettle\."):
        read_table(dataset).only(["dog", "kettle"])


def test_classes_can_be_left_out(dataset: Path) -> None:
    table = read_table(dataset)
    assert table.without([]) is table
    assert table.without(["rain"]).labels == ("dog", "siren")


def test_a_misspelt_class_to_leave_out_is_told_with_the_nearest_names(dataset: Path) -> None:
    table = read_table(dataset)
    with pytest.raises(DataError, match=r"no class 'doog' to leave out; the nearest are dog\."):
        table.without(["doog", "rain"])
    with pytest.raises(DataError, match=r"no class 'q' .*; it has, among others, dog, rain, siren"):
        table.without(["q"])


def test_two_classes_must_remain(dataset: Path) -> None:
    with pytest.raises(DataError, match="Without dog, rain the data holds 1 of 3 classes; keep"):
        read_table(dataset).without(["rain", "dog"])


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

"""Folders in which more lies than one layout has: what is taken for what, and what is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.training.data.layouts import list_clips


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture
def splits(folders: Path) -> Path:
    """The same three classes of six clips in train/ and in test/."""
    directory = folders.parent / "splits"
    for name in ("train", "test"):
        shutil.copytree(folders, directory / name)
    return directory


def test_of_two_tables_in_meta_the_first_by_name_lists_the_clips(dataset: Path) -> None:
    (dataset / "meta" / "words.csv").write_text("english,french\ndog,chien")
    assert len(list_clips(dataset)) == 6


def test_two_folders_of_sounds_are_classes_beside_a_table_of_something_else(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "notes.csv").write_text("date,place")
    shutil.rmtree(folders / "cat")
    assert set(list_clips(folders)["label"]) == {"dog", "owl"}
    assert _told(caplog) == ["notes.csv has no columns filename and label and is not used."]
    shutil.rmtree(folders / "dog")  # one folder is where the sounds of a table may lie
    with pytest.raises(DataError, match=r"notes\.csv lacks the column filename, label"):
        list_clips(folders)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"PK\0\0"])
def test_what_is_no_table_beside_classes_or_a_list_is_not_used(
    data: bytes, folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "broken.csv").write_bytes(data)
    assert len(list_clips(folders)) == 18
    assert _told(caplog) == ["broken.csv has no columns filename and label and is not used."]
    (folders / "clips.csv").write_text("filename,label\ncat/0.wav,cat")
    assert len(list_clips(folders)) == 1
    (folders / "clips.csv").unlink()
    shutil.rmtree(folders / "cat")
    shutil.rmtree(folders / "dog")  # where nothing else is a dataset, it is told what is wrong
    with pytest.raises(DataError, match=r"broken\.csv (is empty|cannot be read as a table)"):
        list_clips(folders)


def test_of_train_and_test_nothing_is_told(splits: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list_clips(splits)) == 36
    assert _told(caplog) == []


def test_a_folder_that_is_neither_train_nor_test_is_left_out_and_told(
    splits: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(splits / "train", splits / "more")
    (splits / "val").mkdir()  # without classes
    clips = list_clips(splits)
    assert len(clips) == 36
    assert list(clips["source"]) == list(clips["name"])
    assert set(clips["source"].str.partition("/")[0]) == {"train", "test"}
    assert _told(caplog) == [
        "more is neither train nor test and is left out.",
        "val is neither train nor test and is left out.",
    ]


def test_what_is_for_validation_is_left_out_where_there_is_a_test_and_told(
    splits: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(splits / "test", splits / "validation")
    clips = list_clips(splits)
    assert clips["fold"].value_counts().to_dict() == {0: 18, 1: 18}
    assert not clips["name"].str.startswith("validation").any()
    assert _told(caplog) == [
        "18 clips are for validation and left out: no choice is made by them here."
    ]


def test_a_folder_called_train_with_sounds_of_its_own_is_a_class_whatever_else_it_holds(
    folders: Path,
) -> None:
    (folders / "cat").rename(folders / "train")
    (folders / "dog").rename(folders / "test")
    for name in ("train", "test"):
        (folders / name / "far").mkdir()
        (folders / name / "0.wav").rename(folders / name / "far" / "0.wav")
    assert list_clips(folders)["label"].value_counts().to_dict() == {
        "owl": 6,
        "train": 6,
        "test": 6,
    }


def test_of_several_words_that_are_no_split_the_first_is_told(folders: Path) -> None:
    lines = ["filename,label,split", "cat/0.wav,cat,train", "cat/1.wav,cat,later"]
    (folders / "clips.csv").write_text("\n".join([*lines, "dog/0.wav,dog,never"]))
    with pytest.raises(DataError, match=r"clips\.csv has 'later' as a split beside train and test"):
        list_clips(folders)

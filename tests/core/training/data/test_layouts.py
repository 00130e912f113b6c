from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.training.data.layouts import list_clips


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_esc50s_recordings_are_those_of_its_src_file_else_the_files(dataset: Path) -> None:
    assert list_clips(dataset)["source"].iloc[0] == "1-siren.wav"
    listing = dataset / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace("take", "src_file"))
    assert list(list_clips(dataset)["source"]) == ["A"] * 6


def test_a_missing_column_is_named(dataset: Path) -> None:
    listing = dataset / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace("fold,target", "part,class"))
    with pytest.raises(
        DataError,
        match=r"toy\.csv lacks the column fold, target; its first line names filename, part,",
    ):
        list_clips(dataset)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"toy\.csv is empty; name its columns"),
        ("filename,fold,target,category\n", r"toy\.csv lists no clips; add a line for each"),
        ("filename,fold,target,category\na.wav,one,0,dog", r"has 'one' as a fold; give every clip"),
        ("filename,fold,target,category\na.wav,1,0.5,dog", r"has '0\.5' as a target"),
        (
            "filename,fold,target,category\na.wav,1,0,",
            r"toy\.csv, line 2, has no category; fill it in",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text: str, message: str, dataset: Path) -> None:
    (dataset / "meta" / "toy.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list_clips(dataset)


def test_a_folder_for_each_class_lists_its_sounds_of_any_format(folders: Path) -> None:
    (folders / "cat" / "0.wav").rename(folders / "cat" / "0.MP3")
    (folders / "cat" / "notes.txt").write_text("not a sound")
    (folders / "cat" / "._1.wav").write_text("what one system leaves behind")
    clips = list_clips(folders)
    assert list(clips.columns) == ["path", "name", "label", "source"]
    assert list(clips["label"]) == ["cat"] * 6 + ["dog"] * 6 + ["owl"] * 6
    assert clips["path"][0] == folders / "cat" / "0.MP3"
    assert clips["source"].nunique() == 18  # cat/1.wav and dog/1.wav are two recordings


def test_a_folder_without_sounds_is_no_class_and_told(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "wolf").mkdir()
    (folders / ".git").mkdir()
    assert set(list_clips(folders)["label"]) == {"cat", "dog", "owl"}
    (record,) = caplog.records
    assert record.getMessage() == f"{folders / 'wolf'} holds no sounds and is left out."


@pytest.mark.parametrize("inside", [[], ["empty"], ["empty/deeper"]])
def test_an_empty_folder_is_refused_with_all_layouts(inside: list[str], tmp_path: Path) -> None:
    for name in inside:
        (tmp_path / name).mkdir(parents=True)
    message = r"holds no training data; give .* \(audio/ and meta/\*\.csv\), .* test/, or a CSV"
    with pytest.raises(DataError, match=message):
        list_clips(tmp_path)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is nothing at .*nowhere; give a folder"):
        list_clips(tmp_path / "nowhere")


@pytest.mark.parametrize("given", ["file", "folder"])
def test_a_csv_lists_files_beside_it(given: str, folders: Path) -> None:
    listing = _write(
        folders / "clips.csv",
        "\ufefffilename, label, fold, source",  # with spaces and a byte order mark, as Excel does
        "cat/0.wav, NA, 2, barn",
        "dog/1.wav, 7, 10,",
    )
    clips = list_clips(listing if given == "file" else folders)
    assert list(clips["path"]) == [folders / "cat" / "0.wav", folders / "dog" / "1.wav"]
    assert list(clips["label"]) == ["NA", "7"]  # text, whatever it looks like
    assert list(clips["fold"]) == [2, 10]
    assert list(clips["source"]) == ["barn", "dog/1.wav"]


def test_a_csv_may_know_neither_folds_nor_recordings(folders: Path) -> None:
    clips = list_clips(_write(folders / "clips.csv", "filename,label", "cat/0.wav,cat"))
    assert list(clips.columns) == ["path", "name", "label", "source"]
    assert clips["source"][0] == "cat/0.wav"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["file,label", "cat/0.wav,cat"],
            "lacks the column filename; its first line names file, label, and it needs",
        ),
        (
            ["filename,label", "cat/9.wav,cat", "cow/0.wav,cow"],
            "lists 2 missing files, first .*9.wav;",
        ),
        (["filename,label,fold", "cat/0.wav,cat,"], "has '' as a fold; .* leave the column out"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(lines: list[str], message: str, folders: Path) -> None:
    with pytest.raises(DataError, match=message):
        list_clips(_write(folders / "clips.csv", *lines))


def test_the_only_csv_is_the_one_that_is_meant_whatever_it_lacks(tmp_path: Path) -> None:
    _write(tmp_path / "clips.csv", "name,kind", "cat/0.wav,cat")
    with pytest.raises(DataError, match=r"clips\.csv lacks the column filename, label"):
        list_clips(tmp_path)


def test_which_of_two_csv_files_must_be_said(folders: Path) -> None:
    for name in ("a.csv", "b.csv"):
        _write(folders / name, "filename,label", "cat/0.wav,cat")
    with pytest.raises(DataError, match="holds 2 CSV files; give the one that lists the clips"):
        list_clips(folders)


def test_what_is_no_table_is_refused(folders: Path) -> None:
    with pytest.raises(DataError, match=r"0\.wav cannot be read as a table"):
        list_clips(folders / "cat" / "0.wav")


def test_sounds_in_folders_within_a_class_are_its_own(folders: Path) -> None:
    (folders / "cat" / "garden" / "may").mkdir(parents=True)
    shutil.copy(folders / "cat" / "0.wav", folders / "cat" / "garden" / "may" / "9.wav")
    shutil.copytree(folders / "cat", folders / "cat" / "__MACOSX")
    clips = list_clips(folders)
    assert list(clips["label"]).count("cat") == 7
    assert "cat/garden/may/9.wav" in set(clips["name"])


def test_files_of_other_formats_are_counted(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.xyz", "b.xyz", "notes.txt"):
        (folders / "cat" / name).write_bytes(b"?")
    list_clips(folders)
    (record,) = caplog.records
    assert record.getMessage() == "own: files of other formats are left out: 2 .xyz, 1 .txt."


def test_a_csv_of_something_else_beside_class_folders_is_no_list(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(folders / "notes.csv", "date,place", "2024-05-01,garden")
    assert len(list_clips(folders)) == 18
    (record,) = caplog.records
    assert record.getMessage() == "notes.csv has no columns filename and label and is not used."
    _write(folders / "clips.csv", "filename,label", "cat/0.wav,cat")
    assert len(list_clips(folders)) == 1  # of two tables, the one that lists clips


def test_a_path_written_on_windows_is_found(folders: Path) -> None:
    clips = list_clips(_write(folders / "clips.csv", "filename,label", r"cat\0.wav,cat"))
    assert clips["path"][0] == folders / "cat" / "0.wav"


def _in_splits(folders: Path, *names: str) -> Path:
    directory = folders.parent / "splits"
    for name in names:
        shutil.copytree(folders, directory / name)
    return directory


@pytest.mark.parametrize(
    ("names", "folds"),
    [
        (("train", "test"), {0: 18, 1: 18}),
        (("Training", "Validation"), {0: 18, 1: 18}),
        (("train", "val", "test"), {0: 18, 1: 18}),
    ],
)
def test_folders_of_train_and_test_are_what_is_learnt_and_what_is_kept(
    names: tuple[str, ...], folds: dict[int, int], folders: Path
) -> None:
    clips = list_clips(_in_splits(folders, *names))
    assert list(clips.index) == list(range(36))  # by their number in the list
    assert list(clips) == ["path", "name", "label", "source", "fold"]
    assert dict(clips["fold"].value_counts()) == folds
    kept = clips[clips["fold"] == 0]
    assert kept["name"].str.startswith(names[-1]).all()
    assert set(clips["label"]) == {"cat", "dog", "owl"}


def test_a_class_called_train_is_a_class(folders: Path) -> None:
    (folders / "cat").rename(folders / "train")
    (folders / "dog").rename(folders / "test")
    assert set(list_clips(folders)["label"]) == {"train", "test", "owl"}


def test_a_class_called_train_may_hold_folders_where_there_is_no_test(folders: Path) -> None:
    (folders / "train").mkdir()
    for name in ("cat", "dog"):
        (folders / name).rename(folders / "train" / name)
    assert set(list_clips(folders)["label"]) == {"train", "owl"}


@pytest.mark.parametrize("column", ["split", "fold"])
def test_a_csv_may_say_train_and_test(column: str, folders: Path) -> None:
    listing = _write(
        folders / "clips.csv", f"filename,label,{column}", "cat/0.wav,cat,Train",
        "cat/1.wav,cat,TEST", "dog/0.wav,dog,train",
    )  # fmt: skip
    assert list(list_clips(listing)["fold"]) == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("train", "later"), r"clips\.csv has 'later' as a split beside train and test"),
        (("test", "test"), "names a test but no clips to train on"),
    ],
)
def test_a_split_that_cannot_be_used_says_why(
    values: tuple[str, str], told: str, folders: Path
) -> None:
    lines = [f"cat/{i}.wav,cat,{value}" for i, value in enumerate(values)]
    with pytest.raises(DataError, match=told):
        list_clips(_write(folders / "clips.csv", "filename,label,split", *lines))

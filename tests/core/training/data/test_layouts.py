from __future__ import annotations

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
    with pytest.raises(DataError, match=r"toy\.csv lacks the column fold, target; it needs file"):
        list_clips(dataset)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"toy\.csv cannot be read as a table"),
        ("filename,fold,target,category\n", r"toy\.csv lists no clips; add a line for each"),
        ("filename,fold,target,category\na.wav,one,0,dog", r"has 'one' as a fold; give every clip"),
        ("filename,fold,target,category\na.wav,1,0.5,dog", r"has '0\.5' as a target"),
        ("filename,fold,target,category\na.wav,1,0,", r"has no category for clip 1; fill it in"),
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
    assert list(clips.columns) == ["path", "label", "source"]
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
    message = r"holds no training data; give .* \(audio/ and meta/\*\.csv\), .* class, or a CSV"
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
    assert list(clips.columns) == ["path", "label", "source"]
    assert clips["source"][0] == "cat/0.wav"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "cat/0.wav,cat"], "lacks the column filename; it needs filename, label"),
        (
            ["filename,label", "cat/9.wav,cat", "cow/0.wav,cow"],
            "lists 2 missing files, first .*9.wav;",
        ),
        (["filename,label,fold", "cat/0.wav,cat,"], "has '' as a fold; .* leave the column fold"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(lines: list[str], message: str, folders: Path) -> None:
    with pytest.raises(DataError, match=message):
        list_clips(_write(folders / "clips.csv", *lines))


def test_which_of_two_csv_files_must_be_said(folders: Path) -> None:
    for name in ("a.csv", "b.csv"):
        _write(folders / name, "filename,label", "cat/0.wav,cat")
    with pytest.raises(DataError, match="holds 2 CSV files; give the one that lists the clips"):
        list_clips(folders)


def test_what_is_no_table_is_refused(folders: Path) -> None:
    with pytest.raises(DataError, match=r"0\.wav cannot be read as a table"):
        list_clips(folders / "cat" / "0.wav")

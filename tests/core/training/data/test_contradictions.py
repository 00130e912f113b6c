from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.training.data.contradictions import consistent, digests

Write = Callable[..., bytes]


def _clips(tmp_path: Path, rows: Sequence[tuple[str, str]], **more: object) -> pd.DataFrame:
    """List clips by name and label; files that are not there yet are made, each of its own."""
    for name, _ in rows:
        path = tmp_path / name
        if not path.exists():
            path.write_bytes(f"sound {name}".encode())
    names = [name for name, _ in rows]
    columns = {"path": [tmp_path / name for name in names], "name": names, "source": names}
    return pd.DataFrame({**columns, "label": [label for _, label in rows], **more})


@pytest.mark.parametrize(
    "labels",
    [
        ("Bell", "bell"),
        ("bell", "bell "),
        ("old bell", "old  bell"),
        (unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")),
        ("1", "1.0"),
        ("STRASSE", "Straße"),
    ],
)
def test_classes_that_look_like_one_are_refused(labels: tuple[str, str], tmp_path: Path) -> None:
    clips = _clips(tmp_path, [("a", labels[0]), ("b", labels[1])])
    with pytest.raises(DataError, match="look like one; give both the same name") as caught:
        consistent(clips)
    assert repr(labels[0]) in str(caught.value)
    assert repr(labels[1]) in str(caught.value)


@pytest.mark.parametrize("labels", [("1", "01"), ("iPhone ring", "phone ring"), ("cafe", "café")])
def test_classes_that_differ_stay_as_they_were_written(
    labels: tuple[str, str], tmp_path: Path
) -> None:
    assert tuple(consistent(_clips(tmp_path, [("a", labels[0]), ("b", labels[1])]))["label"]) == (
        labels
    )


def test_a_clip_listed_twice_is_used_once_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = consistent(_clips(tmp_path, [("a", "bell"), ("a", "bell"), ("b", "bell")]))
    assert clips["name"].to_dict() == {0: "a", 1: "b"}  # by their number in the list
    assert list(clips) == ["path", "name", "source", "label", "digest"]
    assert [record.getMessage() for record in caplog.records] == [
        "1 clip is listed more than once and used once: a."
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("ab", "2 clips are listed more than once and used once: a, b."),
        ("abc", "3 clips are listed more than once and used once: a, b, c."),
        ("abcd", "4 clips are listed more than once and used once: a, b, c, ...."),
    ],
)
def test_three_clips_are_named_and_more_are_counted(
    names: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(name, "bell") for name in names]
    assert len(consistent(_clips(tmp_path, rows + rows))) == len(names)
    assert [record.getMessage() for record in caplog.records] == [told]


def test_a_clip_of_two_classes_or_folds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a is listed in the classes bell and fan; keep one"):
        consistent(_clips(tmp_path, [("a", "bell"), ("a", "fan")]))
    with pytest.raises(DataError, match=r"^a is listed in the folds 1 and 5; keep one"):
        consistent(_clips(tmp_path, [("a", "bell"), ("a", "bell")], fold=[1, 5]))


@pytest.fixture
def alike(tmp_path: Path, noise: NDArray[np.float32], sound_file: Write) -> Path:
    """Two names for the same sound."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(sound_file(noise[:4_000]))
    return tmp_path


def test_equal_bytes_are_one_recording_and_told(
    alike: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = consistent(_clips(alike, [("a", "bell"), ("b", "bell"), ("c", "bell")]))
    assert list(clips["source"]) == ["a", "a", "c"]
    assert caplog.records[0].getMessage() == (
        "2 clips are equal to another clip, byte by byte, and count as one recording: a, b."
    )


def test_equal_bytes_in_two_classes_are_refused(alike: Path) -> None:
    told = r"^a holds the same bytes as another clip and is in the classes bell and fan; keep one"
    with pytest.raises(DataError, match=told):
        consistent(_clips(alike, [("a", "bell"), ("b", "fan")]))


def test_silence_is_alike_in_all_classes_and_says_nothing(
    tmp_path: Path, sound_file: Write, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(sound_file(np.zeros(4_000, np.float32)))
    clips = consistent(_clips(tmp_path, [("a", "bell"), ("b", "fan")]))
    assert list(clips["source"]) == ["a", "b"]
    assert not caplog.records


def test_what_is_no_sound_or_is_not_there_is_alike_without_meaning_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = _clips(tmp_path, [("a", "bell"), ("b", "fan"), ("c", "bell"), ("d", "fan")])
    for name in "ab":
        (tmp_path / name).write_bytes(b"no sound")
    for name in "cd":
        (tmp_path / name).unlink()
    found = consistent(clips)
    assert list(found["source"]) == ["a", "b", "c", "d"]
    assert found["digest"].iloc[0] == found["digest"].iloc[1] != ""
    assert list(found["digest"].iloc[2:]) == ["", ""]
    assert not caplog.records


def test_a_recording_in_two_folds_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips = _clips(tmp_path, [("a", "bell"), ("b", "bell"), ("c", "bell")], fold=[1, 2, 2])
    consistent(clips.assign(source=["barn", "barn", "attic"]))
    (record,) = caplog.records
    assert record.getMessage().startswith("1 recording has clips in several folds, first barn: ")


def test_the_first_three_recordings_in_several_folds_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(name, "bell") for name in "abcdefghij"]
    clips = _clips(tmp_path, rows, fold=[1, 2] * 5)
    consistent(clips.assign(source=[*"ssrrqqpp", "own", "other"]))
    (record,) = caplog.records
    told = "4 recordings have clips in several folds, first p, q, r: what is learnt of them"
    assert record.getMessage().startswith(told)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_sound_in_one_of_two_channels_is_no_silence(
    silent: int, tmp_path: Path, noise: NDArray[np.float32], sound_file: Write
) -> None:
    channels = np.stack([noise[:4_000]] * 2, axis=1)
    channels[:, silent] = 0
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(sound_file(channels))
    with pytest.raises(DataError, match="holds the same bytes as another clip"):
        consistent(_clips(tmp_path, [("a", "bell"), ("b", "fan")]))


def test_of_three_classes_of_a_clip_two_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a is listed in the classes bell and fan; keep one"):
        consistent(_clips(tmp_path, [("a", "bell"), ("a", "fan"), ("a", "owl")]))


def test_a_digest_is_of_the_bytes_and_empty_without_a_file(tmp_path: Path) -> None:
    for name, data in {"a": b"one", "b": b"one", "c": b"two"}.items():
        (tmp_path / name).write_bytes(data)
    first, same, other, missing = digests([tmp_path / name for name in "abcd"])
    assert first == same != other
    assert len(first) == 12
    assert missing == ""

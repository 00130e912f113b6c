"""Sounds of no class: how a collection is read, and what each maker promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.data.clips import load_clips
from resona_core.training.data.others import KINDS, read_others
from tests.conftest import ROOT, TINY_FRONT_END

COLLECTION = ROOT.parent / "shared" / "data" / "other"

KIND_OF_NAME = {
    "speech": "speech", "singing": "music", "music": "music", "instrument": "music",
    "drums": "music", "electronic": "other", "noise": "other", "game": "other",
}  # fmt: skip


def _listed(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Write meta.csv with rows of file name, kind and source."""
    lines = ["filename,kind,source,licence", *(",".join([*row, "CC0"]) for row in rows)]
    (folder / "meta.csv").write_text("\n".join(lines))
    return folder


def _rows() -> list[tuple[str, str, str]]:
    """Each of the eight kinds from six sources, two clips each; one source has two kinds."""
    rows = [
        (f"{kind}-{i}-{take}.ogg", kind, f"{kind} source {i}")
        for kind in KIND_OF_NAME
        for i in range(6)
        for take in range(2)
    ]
    return [*rows, ("both-1.ogg", "speech", "both"), ("both-2.ogg", "game", "both")]


def _folds_of_sources(table: ClipTable) -> dict[str, set[int]]:
    folds: defaultdict[str, set[int]] = defaultdict(set)
    for source, fold in zip(table.table["source"], table.table["fold"], strict=True):
        folds[source].add(int(fold))
    return folds


def test_a_list_of_clips_is_read_with_its_kinds(tmp_path: Path) -> None:
    table = read_others(_listed(tmp_path, _rows()))
    assert table.labels == KINDS == ("known", "speech", "music", "other")
    first = table.table.iloc[0]
    assert first["path"] == tmp_path / "audio" / "speech-0-0.ogg"
    for path, label, target in zip(
        table.table["path"], table.table["label"], table.table["target"], strict=True
    ):
        name = path.name.partition("-")[0]
        if name != "both":
            assert label == KIND_OF_NAME[name]
        assert KINDS[target] == label


def test_a_kind_it_has_no_word_for_is_other(tmp_path: Path) -> None:
    table = read_others(_listed(tmp_path, [(f"{i}.ogg", "whale", str(i)) for i in range(5)]))
    assert set(table.table["target"]) == {KINDS.index("other")}


def test_five_folds_each_hold_every_kind_and_no_source_is_in_two(tmp_path: Path) -> None:
    table = read_others(_listed(tmp_path, _rows()))
    kinds_of = table.table.groupby("fold")["label"].agg(set)
    assert list(kinds_of.index) == [1, 2, 3, 4, 5]
    assert all(kinds == {"speech", "music", "other"} for kinds in kinds_of)
    assert all(len(folds) == 1 for folds in _folds_of_sources(table).values())


def test_the_same_clips_fall_into_the_same_folds_in_any_order(tmp_path: Path) -> None:
    first = read_others(_listed(tmp_path, _rows())).table.set_index("path")["fold"]
    again = read_others(_listed(tmp_path, _rows()[::-1])).table.set_index("path")["fold"]
    assert first.to_dict() == again.to_dict()


def test_sounds_stay_in_the_folds_that_earlier_weights_were_tested_on(tmp_path: Path) -> None:
    rows = [(f"{i}.ogg", "whale", str(i)) for i in range(6)]
    rows += [(f"s{i}.ogg", "speech", f"voice {i}") for i in range(5)]
    folds = read_others(_listed(tmp_path, rows)).table["fold"]
    assert list(folds) == [4, 3, 2, 1, 1, 5, 2, 4, 5, 1, 3]


def test_a_folder_for_each_kind_is_read_too(
    tmp_path: Path, tone: Callable[..., NDArray], sound_file: Callable[..., bytes]
) -> None:
    for kind in ("speech", "drums", "game"):
        (tmp_path / kind).mkdir()
        for i in range(5):
            (tmp_path / kind / f"{i}.wav").write_bytes(sound_file(tone(440.0)))
    table = read_others(tmp_path)
    assert Counter(table.table["label"]) == {"speech": 5, "music": 5, "other": 5}
    assert sorted(Counter(table.table["fold"]).values()) == [3] * 5
    clips = load_clips(table.folds([2]), TINY_FRONT_END)
    assert clips.waveforms.shape == (3, 16_000)
    assert sorted(clips.targets.tolist()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,kind\na.ogg,speech", r"meta\.csv lacks the column source; its first line"),
        ("name,label\na.ogg,x", r"meta\.csv lacks the column filename, kind, source; its first"),
        ("filename,kind,source\n", r"meta\.csv lists no clips; add a line for each"),
        ("filename,kind,source\na.ogg,speech,", r"meta\.csv, line 2, has no source; fill it in"),
        ("", r"meta\.csv is empty; name its columns"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_others(tmp_path)


def test_no_collection_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is nothing at"):
        read_others(tmp_path / "nowhere")


def test_a_kind_of_too_few_sources_is_told_with_a_cure_that_helps(tmp_path: Path) -> None:
    rows = [(f"s{i}.ogg", "speech", f"voice {i}") for i in range(9)]
    rows += [(f"d{i}.ogg", "drums", f"kit {i % 4}") for i in range(9)]
    with pytest.raises(DataError, match=r"holds 4 sources of music, too few for 5 folds; add more"):
        read_others(_listed(tmp_path, rows))


def test_the_collection_beside_the_repository_is_read_whole() -> None:
    if not (COLLECTION / "meta.csv").is_file():
        pytest.skip("no sounds of no class next to the repository")
    table = read_others(COLLECTION)
    # its README: 504 speech; singing, music, instrument, drums 88 + 223 + 228 + 103;
    # electronic, noise, game 89 + 72 + 98
    assert Counter(table.table["label"]) == {"speech": 504, "music": 642, "other": 259}
    assert len(table.table) == 1_405
    assert set(table.table["fold"]) == {1, 2, 3, 4, 5}
    assert all(len(folds) == 1 for folds in _folds_of_sources(table).values())
    assert all(path.is_file() for path in table.table["path"])

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resona_core.whole import whole_file


def test_what_is_written_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.csv"
    path.write_text("old")
    with whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.csv"]  # noqa: PTH208 # names alone


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_ends_half_way_leaves_the_old_file_or_none(
    error: type[BaseException], tmp_path: Path
) -> None:
    old, none = tmp_path / "old.csv", tmp_path / "none.csv"
    old.write_text("old")
    for path in (old, none):
        with pytest.raises(error), whole_file(path) as part:
            part.write_text("ha")
            raise error
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_name_as_long_as_can_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 125 + ".json")  # 255 bytes
    with whole_file(path) as part:
        part.write_text("{}")
    assert path.read_text() == "{}"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link, path = tmp_path / "link.csv", tmp_path / "disk" / "result.csv"
    link.symlink_to(path)
    with whole_file(link) as part:
        part.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(path.read_text)
        with whole_file(path) as part:
            part.write_text("new")
        assert read.result() == "new"
    assert path.is_fifo()

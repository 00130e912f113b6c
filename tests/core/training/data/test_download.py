"""Downloads from a server in this process; the archive holds twelve clips, 0.1 s each."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from zipfile import ZipFile

import pytest

from resona_core.errors import DataError
from resona_core.training.data.download import Contents, download_esc50, fetch, find_flaw, unpack
from resona_core.training.data.layouts import list_clips
from tests.core.training.archive_server import Server, miniature, zipped

MINIATURE = Contents(clips=12, classes=3, folds=2)


@pytest.fixture
def server(archive: bytes) -> Iterator[Server]:
    with Server() as server:
        server.data, server.etag = archive, '"one"'
        thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def archive(tone: Callable[..., object], sound_file: Callable[..., bytes]) -> bytes:
    return zipped(miniature(sound_file(tone(440.0, duration_s=0.1))))


def _download(server: Server, output: Path, **options: str) -> None:
    download_esc50(output, server.url, contents=MINIATURE, **options)


def test_a_download_leaves_the_dataset_and_nothing_else(server: Server, tmp_path: Path) -> None:
    output = tmp_path / "data" / "ESC-50"
    _download(server, output)
    assert len(list_clips(output)) == 12
    assert len(list((output / "audio").iterdir())) == 12
    assert list(output.parent.iterdir()) == [output]
    assert server.ranges == [None]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    _download(server, tmp_path / "ESC-50")
    _download(server, tmp_path / "ESC-50")
    assert len(server.ranges) == 1


def test_an_empty_folder_is_filled(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ESC-50").mkdir()
    _download(server, tmp_path / "ESC-50")
    assert find_flaw(tmp_path / "ESC-50", MINIATURE) == ""


def test_an_incomplete_dataset_is_left_alone_and_told(server: Server, tmp_path: Path) -> None:
    output = tmp_path / "ESC-50"
    _download(server, output)
    (output / "audio" / "7.wav").unlink()
    with pytest.raises(
        DataError, match=r"ESC-50 is not a complete dataset: 1 recordings are missing"
    ):
        _download(server, output)
    assert len(server.ranges) == 1
    assert len(list((output / "audio").iterdir())) == 11


def test_an_archive_brought_by_other_means_is_used(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "ESC-50.zip").write_bytes(archive)
    download_esc50(tmp_path / "ESC-50", "http://127.0.0.1:9/", contents=MINIATURE)
    assert find_flaw(tmp_path / "ESC-50", MINIATURE) == ""


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', ""])
def test_a_cut_download_goes_on_where_it_stopped(
    etag: str, tells_length: bool, server: Server, tmp_path: Path
) -> None:
    server.etag, server.tells_length, server.cut_after = etag, tells_length, 1_000
    output = tmp_path / "ESC-50"
    with pytest.raises(DataError, match=r"The connection was lost \(.+\); run the same"):
        _download(server, output)
    assert (tmp_path / "ESC-50.zip.part").stat().st_size == 1_000
    server.cut_after = None
    _download(server, output)
    assert server.ranges == [None, "bytes=1000-"]
    assert list(tmp_path.iterdir()) == [output]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    _cut(server, tmp_path / "archive.zip")
    server.knows_ranges = False
    fetch(server.url, tmp_path / "archive.zip")
    assert (tmp_path / "archive.zip").read_bytes() == server.data


@pytest.mark.parametrize("kind", ['"{}"', 'W/"{}"'])
def test_a_file_that_has_changed_is_not_glued_to_the_old_one(
    kind: str, server: Server, tmp_path: Path
) -> None:
    server.etag = kind.format("one")
    _cut(server, tmp_path / "archive.zip")
    server.data, server.etag = bytes(reversed(server.data)), kind.format("two")
    fetch(server.url, tmp_path / "archive.zip")
    assert (tmp_path / "archive.zip").read_bytes() == server.data


def test_a_file_that_has_become_shorter_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    server.etag = ""
    _cut(server, tmp_path / "archive.zip")
    server.data = server.data[:900]
    fetch(server.url, tmp_path / "archive.zip")
    assert (tmp_path / "archive.zip").read_bytes() == server.data


def test_what_another_address_sent_is_not_gone_on_with(server: Server, tmp_path: Path) -> None:
    _cut(server, tmp_path / "archive.zip")
    fetch(server.url + "?other", tmp_path / "archive.zip")
    assert server.ranges == [None, None]
    assert (tmp_path / "archive.zip").read_bytes() == server.data


def _cut(server: Server, target: Path) -> None:
    """Fetch the first thousand bytes."""
    server.cut_after = 1_000
    with pytest.raises(DataError, match="The connection was lost"):
        fetch(server.url, target)
    server.cut_after = None


def test_the_right_checksum_is_accepted(server: Server, tmp_path: Path) -> None:
    _download(server, tmp_path / "ESC-50", sha256=hashlib.sha256(server.data).hexdigest().upper())
    assert (tmp_path / "ESC-50").is_dir()


def test_a_wrong_checksum_unpacks_nothing(server: Server, tmp_path: Path) -> None:
    found = hashlib.sha256(server.data).hexdigest()
    with pytest.raises(DataError, match=f"has the SHA-256 {found}, not {'ab' * 32}; delete it"):
        _download(server, tmp_path / "ESC-50", sha256="ab" * 32)
    assert [path.name for path in tmp_path.iterdir()] == ["ESC-50.zip"]


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_told_with_its_status(status: int, server: Server, tmp_path: Path) -> None:
    server.status = status
    with pytest.raises(DataError, match=rf"archive\.zip answered {status} .+; check the address"):
        _download(server, tmp_path / "ESC-50")
    assert list(tmp_path.iterdir()) == []


def test_being_offline_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody answers here
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"cannot be reached \(.*refused.*\); check the net"):
            download_esc50(tmp_path / "ESC-50", url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "archive.zip"])
def test_only_web_addresses_are_opened(url: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{re.escape(url)} is not a web address"):
        download_esc50(tmp_path / "ESC-50", url)


def test_a_full_disk_is_told_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.data = bytes(3_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000))
    with pytest.raises(DataError, match="has 2 MB free, 3 MB are needed; free some space"):
        _download(server, tmp_path / "ESC-50")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_unpacking_and_the_archive_kept(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ESC-50.zip").write_bytes(archive)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(DataError, match="MB are needed"):
        download_esc50(tmp_path / "ESC-50", contents=MINIATURE)
    assert [path.name for path in tmp_path.iterdir()] == ["ESC-50.zip"]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt"])
def test_an_archive_that_reaches_outside_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    path = tmp_path / "archive.zip"
    path.write_bytes(zipped({"ESC-50-master/meta/esc50.csv": b"", name: b"evil"}))
    with pytest.raises(DataError, match="names a file outside its folder"):
        unpack(path, tmp_path / "inside")
    assert [found.name for found in tmp_path.rglob("*")] == ["inside"]


@pytest.mark.parametrize("damage", ["truncated", "one bit", "a web page"])
def test_a_damaged_archive_is_deleted_and_told(
    damage: str, archive: bytes, server: Server, tmp_path: Path
) -> None:
    flipped = bytearray(archive)
    flipped[200] ^= 1
    server.data = {
        "truncated": archive[:-500], "one bit": bytes(flipped), "a web page": b"<html></html>"
    }[damage]  # fmt: skip
    with pytest.raises(DataError, match=r"ESC-50\.zip is damaged \(.+\)\. It was deleted; down"):
        _download(server, tmp_path / "ESC-50")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"audio/3.wav": b"RIFF"}, "1 recordings are missing or damaged, first 3.wav"),
        ({"audio/3.wav": None}, "1 recordings are missing or damaged, first 3.wav"),
        ({"meta/esc50.csv": b"filename,fold,target,category\n0.wav,1,0,a\n1.wav,1,1,b"},
         "it lists 2 clips of 2 classes, not 12 of 3"),
        ({"meta/esc50.csv": b"filename\n0.wav"}, "esc50.csv lacks the column fold"),
        ({"meta/esc50.csv": None}, "holds no meta/esc50.csv"),
    ],
)  # fmt: skip
def test_an_archive_of_something_else_is_deleted_and_told(
    change: dict[str, bytes | None], flaw: str, server: Server, archive: bytes, tmp_path: Path
) -> None:
    with ZipFile(io.BytesIO(archive)) as file:
        files = {name: file.read(name) for name in file.namelist()}
    files |= {f"ESC-50-master/{name}": data for name, data in change.items()}
    server.data = zipped({name: data for name, data in files.items() if data is not None})
    with pytest.raises(DataError, match=rf"{re.escape(flaw)}.* It was deleted; download it again"):
        _download(server, tmp_path / "ESC-50")
    assert list(tmp_path.iterdir()) == []


def test_folds_of_unequal_size_are_a_flaw(archive: bytes, tmp_path: Path) -> None:
    with ZipFile(io.BytesIO(archive)) as file:
        file.extractall(tmp_path)
    listing = tmp_path / "ESC-50-master" / "meta" / "esc50.csv"
    listing.write_text(listing.read_text().replace("0.wav,1,", "0.wav,2,", 1))
    assert find_flaw(listing.parents[1], MINIATURE) == "it lists folds of 7, 5 clips, not 2 equal."

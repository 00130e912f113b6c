"""Downloads from a file, or from a server in this process; the archive holds twelve short clips."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest

from resona_core.errors import DataError
from resona_core.training.data.download import download_esc50, fetch, find_flaw
from resona_core.training.data.layouts import list_clips

Download = Callable[..., None]


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip file, everything in a folder of its own as GitHub packs it."""
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_STORED) as file:
        for name, data in files.items():
            file.writestr(f"ESC-50-master/{name}", data)
    return archive.getvalue()


@pytest.fixture(scope="module")
def files(tone: Callable[..., object], sound_file: Callable[..., bytes]) -> dict[str, bytes]:
    """ESC-50 in miniature: twelve clips of three classes in two folds."""
    sound = sound_file(tone(440.0, duration_s=0.1))
    lines = [f"{i}.wav,{1 + i // 6},{i % 3},class {i % 3}" for i in range(12)]
    table = "\n".join(["filename,fold,target,category", *lines]).encode()
    return {"meta/esc50.csv": table} | {f"audio/{i}.wav": sound for i in range(12)}


@pytest.fixture
def download(files: dict[str, bytes], tmp_path: Path) -> Download:
    """A function that downloads an archive to tmp_path/data/ESC-50: (archive, sha256="")."""

    def run(archive: bytes | None = None, sha256: str = "") -> None:
        source = tmp_path / "source.zip"
        source.write_bytes(archive or zipped(files))
        download_esc50(tmp_path / "data" / "ESC-50", source.as_uri(), sha256, clips=12)

    return run


def test_the_folders_above_a_dataset_are_made(files: dict[str, bytes], tmp_path: Path) -> None:
    source, output = tmp_path / "source.zip", tmp_path / "all" / "data" / "ESC-50"
    source.write_bytes(zipped(files))
    download_esc50(output, source.as_uri(), "", clips=12)
    assert len(list_clips(output)) == 12


def left(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "data").iterdir()]


def test_a_download_leaves_the_dataset_and_nothing_else(download: Download, tmp_path: Path) -> None:
    download()
    output = tmp_path / "data" / "ESC-50"
    assert len(list_clips(output)) == 12
    assert len(list((output / "audio").iterdir())) == 12
    assert left(tmp_path) == ["ESC-50"]


def test_a_complete_dataset_is_not_fetched_again(download: Download) -> None:
    download()
    download(b"no archive at all")


def test_of_two_datasets_in_an_archive_the_first_is_taken(
    download: Download, files: dict[str, bytes], tmp_path: Path
) -> None:
    download(zipped({**files, "old/meta/esc50.csv": b"filename,fold,target,category"}))
    assert len(list_clips(tmp_path / "data" / "ESC-50")) == 12


def test_an_empty_folder_is_filled(download: Download, tmp_path: Path) -> None:
    (tmp_path / "data" / "ESC-50").mkdir(parents=True)
    download()
    assert find_flaw(tmp_path / "data" / "ESC-50", 12) == ""


def test_an_incomplete_dataset_is_left_alone_and_told(download: Download, tmp_path: Path) -> None:
    download()
    (tmp_path / "data" / "ESC-50" / "audio" / "7.wav").unlink()
    with pytest.raises(DataError, match=r"not a complete dataset: 1 of its recordings .* 7\.wav"):
        download()
    assert len(list((tmp_path / "data" / "ESC-50" / "audio").iterdir())) == 11


def test_the_right_checksum_is_accepted(
    download: Download, files: dict[str, bytes], tmp_path: Path
) -> None:
    download(sha256=hashlib.sha256(zipped(files)).hexdigest().upper())
    assert left(tmp_path) == ["ESC-50"]


def test_a_wrong_checksum_unpacks_nothing(download: Download, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"has the SHA-256 [0-9a-f]{{64}}, not {'ab' * 32}; give"):
        download(sha256="ab" * 32)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("free", "told"), [(2_000_000, "2"), (1_599_499_900, "1,599"), (1_599_500_100, "1,600")]
)
def test_a_full_disk_is_told_before_the_download(
    free: int, told: str, download: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(DataError, match=f"has {told} MB free, 1,600 MB are needed; free some"):
        download()
    assert left(tmp_path) == []


def test_just_enough_room_is_enough(
    download: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_600_000_000))
    download()
    assert left(tmp_path) == ["ESC-50"]


def test_a_recording_without_a_sample_is_a_flaw(
    download: Download, sound_file: Callable[..., bytes], tmp_path: Path
) -> None:
    download()
    folder = tmp_path / "data" / "ESC-50"
    (folder / "audio" / "4.wav").write_bytes(sound_file(np.zeros(0, np.float32)))
    told = "1 of its recordings are missing or damaged, first 4.wav."
    assert find_flaw(folder, 12) == told
    (folder / "audio" / "4.wav").write_bytes(sound_file(np.ones(1, np.float32)))
    assert find_flaw(folder, 12) == ""


def test_a_file_where_the_dataset_should_be_is_left_alone_and_told(tmp_path: Path) -> None:
    output = tmp_path / "ESC-50"
    output.write_text("notes")
    with pytest.raises(DataError, match=r"ESC-50 is not a complete dataset: .* choose another"):
        download_esc50(output)
    assert output.read_text() == "notes"


@pytest.mark.parametrize("damage", ["truncated", "one bit", "a web page"])
def test_a_damaged_archive_is_told(
    damage: str, download: Download, files: dict[str, bytes], tmp_path: Path
) -> None:
    archive = zipped(files)
    flipped = bytearray(archive)
    flipped[1000] ^= 1
    data = {"truncated": archive[:-500], "one bit": flipped, "a web page": b"<html></html>"}
    with pytest.raises(DataError, match=r"The archive is damaged \(.+\); download it again"):
        download(bytes(data[damage]))
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"audio/3.wav": b"RIFF"}, "1 of its recordings are missing or damaged, first 3.wav"),
        ({"audio/3.wav": None}, "1 of its recordings are missing or damaged, first 3.wav"),
        (
            {"audio/3.wav": b"", "audio/5.wav": None},
            "2 of its recordings are missing or damaged, first 3.wav",
        ),
        (
            {"meta/esc50.csv": b"filename,fold,target,category\n0.wav,1,0,a\n1.wav,1,1,b"},
            "it lists 2 clips, not 12",
        ),
        ({"meta/esc50.csv": b"filename\n0.wav"}, "esc50.csv lacks the column fold"),
        ({"meta/esc50.csv": None}, "holds no meta/esc50.csv"),
    ],
)
def test_an_archive_of_something_else_is_told(
    change: dict[str, bytes | None],
    flaw: str,
    download: Download,
    files: dict[str, bytes],
    tmp_path: Path,
) -> None:
    changed = {name: data for name, data in {**files, **change}.items() if data is not None}
    with pytest.raises(DataError, match=re.escape(flaw)):
        download(zipped(changed))
    assert left(tmp_path) == []


class Answer(BaseHTTPRequestHandler):
    """Promises three bytes and sends two, or refuses with the status in the address."""

    def do_GET(self) -> None:
        status = int(self.path.strip("/"))
        self.send_response(status)
        self.send_header("Content-Length", "3" if status == 200 else "0")
        self.end_headers()
        self.wfile.write(b"ab" if status == 200 else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as http:
        thread = Thread(target=partial(http.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_told_with_its_status(status: int, server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"/{status} answered {status} .+; check the address"):
        fetch(f"{server}/{status}", tmp_path / "archive.zip")


def test_a_download_that_ends_early_is_told(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="/200 ended early; run the same command again"):
        fetch(f"{server}/200", tmp_path / "archive.zip")


def test_being_offline_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody answers here
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"could not be downloaded \(.*refused.*\); check the"):
            fetch(url, tmp_path / "archive.zip")


def test_what_is_no_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"archive\.zip could not be downloaded \(unknown url type"):
        fetch("archive.zip", tmp_path / "archive.zip")

"""ESC-50 from where it is published: fetched, unpacked, counted.

GitHub packs an archive anew when asked for it: it tells no length, goes on with no download that
was cut, and does not promise the same bytes twice; so no checksum is built in. What is verified is
the CRC-32 of every file in the archive, then the dataset: as many clips as were published, each
with its recording. Whoever knows the SHA-256 of the archive they want can give it.

Source: GitHub Docs, "Downloading source code archives", stability of source code archives.
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile

import soundfile
from tqdm import tqdm

from resona_core.errors import DataError
from resona_core.training.data.layouts import list_clips

ESC50_URL = "https://github.com/karoldvl/ESC-50/archive/master.zip"
ESC50_CLIPS = 2000
_NEEDED_BYTES = 1_600_000_000  # archive and recordings side by side, while it is unpacked
_TIMEOUT_S = 30.0  # without a byte


def download_esc50(
    output: Path, url: str = ESC50_URL, sha256: str = "", clips: int = ESC50_CLIPS
) -> None:
    """Put the dataset into the folder `output`; a complete one there is left as it is.

    Parameters
    ----------
    output : Path
        Will hold audio/ and meta/. It appears when everything in it was found right.
    url : str
        Address of the archive; file:// for one on this computer.
    sha256 : str
        The archive's checksum, 64 hexadecimal digits; empty: none is known.
    clips : int
        How many the dataset must have.

    Raises
    ------
    DataError
        If the archive cannot be fetched, there is no room for it, or it is not what it
        should be.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        if flaw := find_flaw(output, clips):
            raise DataError(
                f"{output} is not a complete dataset: {flaw} Remove it, or choose another folder."
            )
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    _check_space(output.parent)
    with TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        archive = Path(scratch) / "archive.zip"
        fetch(url, archive)
        _check_sha256(archive, sha256)
        found = unpack(archive, Path(scratch))
        if flaw := find_flaw(found, clips):
            raise DataError(f"The archive does not hold ESC-50 as published: {flaw}")
        if output.exists():  # and is empty
            output.rmdir()
        found.rename(output)


def fetch(url: str, target: Path) -> None:
    """Download `url` to `target`.

    Raises
    ------
    DataError
        If the server cannot be reached, refuses, or stops early.
    """
    try:
        request = Request(url, headers={"User-Agent": "resona"})
        with urlopen(request, timeout=_TIMEOUT_S) as response, target.open("wb") as file:
            length = int(response.headers.get("Content-Length", 0))
            with tqdm.wrapattr(response, "read", total=length or None, desc="Downloading") as body:
                shutil.copyfileobj(body, file)
    except HTTPError as error:
        error.close()
        raise DataError(
            f"{url} answered {error.code} {error.reason}; check the address or try again later."
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(
            f"{url} could not be downloaded ({error}); check the network and the address."
        ) from None
    if target.stat().st_size < length:
        raise DataError(f"{url} ended early; run the same command again.")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into `folder`, and return the one inside it that holds ``meta/esc50.csv``.

    Raises
    ------
    DataError
        If the archive is damaged or holds no such table.
    """
    try:
        with ZipFile(archive) as zipped:
            zipped.extractall(folder)
    except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(f"The archive is damaged ({error}); download it again.") from None
    tables = sorted(folder.glob("**/meta/esc50.csv"))
    if not tables:
        raise DataError("The archive holds no meta/esc50.csv; check the address.")
    return tables[0].parents[1]


def find_flaw(folder: Path, clips: int = ESC50_CLIPS) -> str:
    """Return one sentence about what is missing from a dataset; empty when nothing is."""
    try:
        table = list_clips(folder)
    except DataError as error:
        return str(error)
    if len(table) != clips:
        return f"it lists {len(table)} clips, not {clips}."
    unusable = [path.name for path in table["path"] if not _begins_as_sound(path)]
    if unusable:
        return f"{len(unusable)} of its recordings are missing or damaged, first {unusable[0]}."
    return ""


def _check_space(folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _NEEDED_BYTES:
        raise DataError(
            f"{folder} has {free_bytes / 1e6:,.0f} MB free, {_NEEDED_BYTES / 1e6:,.0f} MB are "
            "needed; free some space or choose a folder on another disk."
        )


def _check_sha256(archive: Path, expected: str) -> None:
    if not expected:
        return
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise DataError(
            f"The archive has the SHA-256 {found}, not {expected.lower()}; give the right checksum "
            "or another address."
        )


def _begins_as_sound(path: Path) -> bool:
    try:
        return int(soundfile.info(path).frames) > 0
    except soundfile.LibsndfileError:
        return False

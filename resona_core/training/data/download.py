"""ESC-50 from where it is published: fetched, unpacked, counted.

    DIR.zip.part   what has arrived; DIR.zip.part.from holds its address and ETag
    DIR.zip        the whole archive; one brought by other means is used as well
    DIR            the dataset, moved here when everything in it was found right

No checksum is built in: GitHub packs the archive anew when asked, does not promise the same
bytes twice, and the author publishes none. What can be verified is: the CRC-32 of every file
inside the archive, then the dataset itself (rows, classes, folds, and that each recording is
there and begins as one). Whoever knows the SHA-256 of the archive they want can give it.

Source: GitHub Docs, "Downloading source code archives", stability of source code archives;
RFC 9110, sections 13.1.5 (If-Range) and 14 (ranges).
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile

import soundfile
from tqdm import tqdm

from resona_core.errors import DataError
from resona_core.training.data.layouts import list_clips

ESC50_URL = "https://github.com/karoldvl/ESC-50/archive/master.zip"
_BLOCK_BYTES = 262_144
_TIMEOUT_S = 30.0  # without a byte


@dataclass(frozen=True)
class Contents:
    """What a complete dataset holds; every fold has the same number of clips."""

    clips: int = 2000
    classes: int = 50
    folds: int = 5


def download_esc50(
    output: Path, url: str = ESC50_URL, sha256: str = "", contents: Contents | None = None
) -> None:
    """Put the dataset into the folder `output`; a complete one there is left as it is.

    Parameters
    ----------
    output : Path
        Will hold audio/ and meta/; the archive lies beside it until it is unpacked.
    url : str
        Address of the archive.
    sha256 : str
        The archive's checksum, 64 hexadecimal digits; empty: none is known.
    contents : Contents, optional
        What to count; by default ESC-50's.

    Raises
    ------
    DataError
        If the archive cannot be fetched, there is no room for it, or it is not what it
        should be.
    """
    contents = contents or Contents()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        if flaw := find_flaw(output, contents):
            raise DataError(
                f"{output} is not a complete dataset: {flaw} Remove it, or choose another folder."
            )
        return
    archive = output.with_name(f"{output.name}.zip")
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not archive.exists():
        fetch(url, archive)
    _check_sha256(archive, sha256)
    with TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as folder:
        found = unpack(archive, Path(folder))
        if flaw := find_flaw(found, contents):
            raise _discard(archive, f"does not hold ESC-50 as published: {flaw}")
        if output.exists():  # and is empty
            output.rmdir()
        found.rename(output)
    archive.unlink()


def fetch(url: str, target: Path) -> None:
    """Download `url` to `target`, going on where an earlier call stopped, if the server can.

    Raises
    ------
    DataError
        If the server cannot be reached, refuses, or stops early, or the disk has no room.
    """
    part = target.with_name(f"{target.name}.part")
    note = target.with_name(f"{target.name}.part.from")
    have, etag = _left_over(part, note, url)
    response = _open(url, have, etag)
    if not _goes_on(response, have, etag):
        have = 0
        if response.status == 206:  # of another file
            response.close()
            response = _open(url, 0, "")
    with response:
        length = response.headers.get("Content-Length")
        missing = int(length) if length else None  # not told by GitHub
        total = have + missing if missing is not None else None
        _check_space(target.parent, missing or 0)
        note.write_text(f"{url}\n{response.headers.get('ETag', '')}")
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(desc="Downloading", total=total, initial=have, unit="B", unit_scale=True) as bar,
        ):
            for block in _blocks(response, missing):
                file.write(block)
                bar.update(len(block))
    part.replace(target)
    note.unlink()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into `folder`, and return the one inside it that holds ``meta/esc50.csv``.

    Raises
    ------
    DataError
        If the archive is damaged, names files outside the folder, or holds no such table
        (it is deleted then), or the disk has no room.
    """
    try:
        with ZipFile(archive) as zipped:
            members = zipped.infolist()
            if outside := [m.filename for m in members if not _stays_inside(m.filename)]:
                raise _discard(archive, f"names a file outside its folder, {outside[0]!r}.")
            _check_space(folder, sum(member.file_size for member in members))
            for member in tqdm(members, desc="Unpacking", unit="file"):
                zipped.extract(member, folder)
    except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise _discard(archive, f"is damaged ({error}).") from None
    tables = sorted(folder.glob("**/meta/esc50.csv"))
    if not tables:
        raise _discard(archive, "holds no meta/esc50.csv.")
    return tables[0].parents[1]


def find_flaw(folder: Path, contents: Contents) -> str:
    """Return one sentence about what is missing from a dataset; empty when nothing is."""
    try:
        clips = list_clips(folder)
    except DataError as error:
        return str(error)
    sizes, n_classes = clips["fold"].value_counts(), clips["label"].nunique()
    if (len(clips), n_classes) != (contents.clips, contents.classes):
        return (
            f"it lists {len(clips)} clips of {n_classes} classes, "
            f"not {contents.clips} of {contents.classes}."
        )
    if len(sizes) != contents.folds or sizes.nunique() != 1:
        return f"it lists folds of {', '.join(map(str, sizes))} clips, not {contents.folds} equal."
    unusable = [path.name for path in clips["path"] if not _begins_as_sound(path)]
    if unusable:
        return f"{len(unusable)} recordings are missing or damaged, first {unusable[0]}."
    return ""


def _left_over(part: Path, note: Path, url: str) -> tuple[int, str]:
    """Return how many bytes of `url` have arrived before, and the ETag they came with."""
    if not (part.is_file() and note.is_file()):
        return 0, ""
    origin, _, etag = note.read_text().partition("\n")
    return (part.stat().st_size, etag) if origin == url else (0, "")


def _open(url: str, have: int, etag: str) -> HTTPResponse:
    """Ask for all of `url`, or for what follows the first `have` bytes."""
    if not url.startswith(("https://", "http://")):
        raise DataError(f"{url} is not a web address; give one that begins with https://.")
    headers = {"User-Agent": "resona"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if etag and not etag.startswith("W/"):  # a weak one may not be sent
            headers["If-Range"] = etag
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=_TIMEOUT_S)
        return response
    except HTTPError as error:
        error.close()
        if have and error.code == 416:  # nothing follows: the file has become shorter
            return _open(url, 0, "")
        raise DataError(
            f"{url} answered {error.code} {error.reason}; check the address or try again later."
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(
            f"{url} cannot be reached ({error}); check the network and the address."
        ) from None


def _goes_on(response: HTTPResponse, have: int, etag: str) -> bool:
    """Tell whether the answer is the rest of the file that the first bytes came from."""
    return (
        have > 0
        and response.status == 206
        and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        and response.headers.get("ETag", "") == etag
    )


def _blocks(response: HTTPResponse, missing: int | None) -> Iterator[bytes]:
    """Read the answer to its end, which comes after `missing` bytes where that is known.

    Raises
    ------
    DataError
        If the connection breaks or ends before.
    """
    received = 0
    reason = "it ended early"
    try:
        # Not read: where the connection breaks, it keeps what came last to itself.
        while block := response.read1(_BLOCK_BYTES):
            received += len(block)
            yield block
    except (HTTPException, OSError) as error:
        reason = str(error)
    else:
        if missing is None or received == missing:
            return
    raise DataError(f"The connection was lost ({reason}); run the same command again to resume.")


def _check_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise DataError(
            f"{folder} has {free_bytes / 1e6:,.0f} MB free, {needed_bytes / 1e6:,.0f} MB are "
            "needed; free some space or choose a folder on another disk."
        )


def _check_sha256(archive: Path, expected: str) -> None:
    if not expected:
        return
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise DataError(
            f"{archive} has the SHA-256 {found}, not {expected.lower()}; delete it and download "
            "again, or give the right checksum."
        )


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name)


def _begins_as_sound(path: Path) -> bool:
    try:
        return int(soundfile.info(path).frames) > 0
    except soundfile.LibsndfileError:
        return False


def _discard(archive: Path, flaw: str) -> DataError:
    """Delete an archive that is of no use, and return the error that says so."""
    archive.unlink()
    return DataError(f"{archive.name} {flaw} It was deleted; download it again.")

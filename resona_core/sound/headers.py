"""What a file's header says of its length: whether to believe it, and what to read instead.

Recorders that lose power, and programs that write into a pipe, never come back to fill in how
much follows. FFmpeg reads such WAV and CAF files to their end; for RF64, W64 and AIFF the sizes
are filled in here, in what FFmpeg is shown.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

UNKNOWN_FROM = 0x7F000000
"""Sizes in bytes from here on are what programs write that do not know: SoX 0x7F000000 and
0x7FFFF000, others 0x7FFFFFFF, 0xFFFFFFFF or -1."""

_STRIDE_BYTES = 1 << 20
_BEHIND_BYTES = 1 << 20  # what may follow the sound: notes, markers
_HEAD_BYTES = 65_536  # the sound of unfinished files begins well within
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"

# FFmpeg's names of formats whose header or index says how long the sound is. Of others it
# guesses from their size.
_STATING = {"aiff", "ape", "au", "flac", "mov", "mpc", "mpc8", "tak", "tta", "wv"}
RF64 = (b"RF64", b"BW64")


class View:
    """A file from byte `first` on, with `head` in place of its first bytes; it has no name.

    FFmpeg guesses from names too, and the same bytes are to get the same answer from anywhere.
    """

    def __init__(self, file: BinaryIO, first: int = 0, head: bytes = b"") -> None:
        self._file, self._first, self._head = file, first, head
        file.seek(first)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes from the current place on."""
        place = self.tell()
        data = self._file.read(size)
        if place >= len(self._head):
            return data
        new = self._head[place : place + len(data)]
        return new + data[len(new) :]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, as files do."""
        return self._file.seek(offset + (0 if whence else self._first), whence) - self._first

    def tell(self) -> int:
        """Return the current place."""
        return self._file.tell() - self._first

    @property
    def n_bytes(self) -> int:
        """How many bytes there are; the current place stays."""
        here = self.tell()
        end = self.seek(0, 2)
        self.seek(here)
        return end

    def peek(self, place: int, size: int) -> bytes:
        """Return bytes from anywhere and stay at the current place."""
        here = self.tell()
        self.seek(place)
        data = self.read(size)
        self.seek(here)
        return data

    def find(self, mark: bytes, start: int) -> int | None:
        """Return where `mark` next stands, from `start` on, and stay at the current place."""
        here, found = self.tell(), None
        self.seek(start)
        kept = b""
        while found is None and (data := self.read(_STRIDE_BYTES)):
            at = (kept + data).find(mark)
            found = None if at < 0 else start - len(kept) + at
            start += len(data)
            kept = data[-len(mark) + 1 :]
        self.seek(here)
        return found

    def onwards(self, place: int) -> View:
        """Return the file from `place` on."""
        return View(self._file, self._first + place)


def filled_in(file: BinaryIO, n_bytes: int) -> View:
    """Return the file with those sizes filled in that its writer never came back to."""
    file.seek(0)
    head = bytearray(file.read(_HEAD_BYTES))
    if head.startswith(RF64):
        begins = head.find(b"data", 36) + 8
        if begins >= 8 and _unknown(head, "<q", 28, n_bytes - begins):
            struct.pack_into("<qqq", head, 20, n_bytes - 8, n_bytes - begins, 0)
    elif head[:4] == b"riff":
        begins = head.find(_W64_DATA) + 24
        if begins >= 24 and _unknown(head, "<q", begins - 8, n_bytes - begins, own=24):
            struct.pack_into("<q", head, 16, n_bytes)
            struct.pack_into("<q", head, begins - 8, n_bytes - begins + 24)
    elif head[:4] == b"FORM" and bytes(head[8:12]) in (b"AIFF", b"AIFC"):
        begins, common = head.find(b"SSND") + 16, head.find(b"COMM") + 8
        if min(begins - 8, common) >= 8 and _unknown(head, ">I", begins - 12, n_bytes - begins, 8):
            channels, _, bits = struct.unpack_from(">hIh", head, common)
            frame_bytes = max(1, channels * -(-bits // 8))
            struct.pack_into(">I", head, 4, n_bytes - 8)
            struct.pack_into(">I", head, begins - 12, n_bytes - begins + 8)
            struct.pack_into(">I", head, common + 2, (n_bytes - begins) // frame_bytes)
    return View(file, head=bytes(head))


def _unknown(head: bytearray, kind: str, at: int, held: int, own: int = 0) -> bool:
    """Tell whether a size was never filled in: nothing, "unknown", or far more than is held.

    `own` bytes of it are the chunk's, not the sound's.
    """
    (size,) = struct.unpack_from(kind, head, at)
    return held > 0 and (size <= own or (size - own > held and size >= UNKNOWN_FROM))


def promised_s(
    container: InputContainer, track: AudioStream, view: View, begins: int | None
) -> float | None:
    """Return how long a track is as its header says, in seconds, from its own beginning.

    None where it does not say, or where it says what programs write that do not know.

    Parameters
    ----------
    begins : int or None
        Where the track's first packet lies in the file, in bytes.
    """
    kind = container.format.name.split(",")[0]
    pcm, bits_per_s = track.codec_context.name.startswith("pcm_"), track.codec_context.bit_rate or 0
    if (kind in ("wav", "w64") or (kind == "caf" and pcm)) and begins and bits_per_s:
        n_bytes = _sound_bytes(view, begins)
        if n_bytes is None or not _believed(n_bytes, view.n_bytes - begins):
            return None
        return 8 * n_bytes / bits_per_s
    if kind == "matroska":
        alone = len(container.streams) == 1
        return container.duration / 1e6 if container.duration and alone else None
    if track.duration is None or track.time_base is None:
        return None
    told_s = float(track.duration * track.time_base)
    if pcm and not _believed(round(told_s * bits_per_s / 8), view.n_bytes - (begins or 0)):
        return None
    rate_hz = track.codec_context.sample_rate
    counted = kind == "mp3" and _counted(view, told_s, rate_hz)
    return told_s if kind in _STATING or counted else None


def _believed(size: int, held: int) -> bool:
    """Tell whether a size is one; a night's, as large as "unknown", where the file ends with it."""
    return 0 < size < UNKNOWN_FROM or 0 <= held - size <= _BEHIND_BYTES


def _sound_bytes(view: View, begins: int) -> int | None:
    """Return how many bytes of sound are promised by the chunk that begins there."""
    before = view.peek(max(0, begins - 24), 24)
    if before[:16] == _W64_DATA:
        return int.from_bytes(before[-8:], "little") - 24
    if before[-16:-12] == b"data":  # CAF, which counts four bytes of its own
        return int.from_bytes(before[-12:-4], "big") - 4
    if before[-8:-4] == b"data" and view.peek(0, 4) in RF64:
        return int.from_bytes(view.peek(28, 8), "little")
    return int.from_bytes(before[-4:], "little") if before[-8:-4] == b"data" else None


def _counted(view: View, told_s: float, rate_hz: int) -> bool:
    """Tell whether an MP3's length is counted by its first frame (Xing, VBRI), and no guess.

    FFmpeg guesses too where the count does not fit the file, because it is several put together.
    """
    tag = view.peek(0, 10)  # ID3v2: the last four of ten bytes count the others, seven bits each
    counted = sum(byte << 7 * i for i, byte in enumerate(reversed(tag[6:])))
    first = view.peek(10 + counted if tag[:3] == b"ID3" else 0, 2_000)
    for mark, place in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
        at = first.find(mark)
        if at >= 0:
            frames = int.from_bytes(first[at + place : at + place + 4], "big")
            frame_s = (1_152 if rate_hz >= 32_000 else 576) / rate_hz
            return abs(frames * frame_s - told_s) < 4 * frame_s
    return False


def breaks_off(view: View, n_bytes: int) -> bool:
    """Tell whether an Ogg file ends in the middle of a page (RFC 3533), which FFmpeg passes over.

    The end-of-stream flag is not asked for: recorders that were stopped leave it out.
    """
    longest = 65_307
    end = view.peek(max(0, n_bytes - longest), longest)
    if view.peek(0, 4) != b"OggS":
        return False
    header = end[end.rfind(b"OggS") :]
    segments = header[27 : 27 + header[26]] if len(header) >= 27 else b""
    whole = 27 + len(segments) + sum(segments)
    return len(header) < max(27, whole) or len(segments) < header[26]

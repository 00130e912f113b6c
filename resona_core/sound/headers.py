"""What a file's header says of its length: whether to believe it, and what to read instead.

Recorders that lose power, and programs that write into a pipe, never come back to fill in how
much follows. FFmpeg reads such WAV and CAF files to their end; for RF64, W64 and AIFF the sizes
are filled in here, in what FFmpeg is shown.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO, Literal

from av.audio.stream import AudioStream
from av.container import InputContainer

UNKNOWN_FROM = 0x7F000000
"""Sizes in bytes from here on are what programs write that do not know: SoX 0x7F000000 and
0x7FFFF000, others 0x7FFFFFFF, 0xFFFFFFFF or -1."""

_STRIDE_BYTES = 1 << 20
_BEHIND_BYTES = 1 << 20  # what may follow the sound: notes, markers
_HEAD_BYTES = 65_536  # the sound of unfinished files begins well within
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"

# Heads up to the sound, with the sizes in them that may never have been filled in.
_RF64_HEAD = re.compile(
    rb"(?:RF64|BW64).{16}(?P<file>.{8})(?P<sound>.{8})(?P<frames>.{8}).*?data.{4}", re.DOTALL
)
_W64_HEAD = re.compile(
    rb"riff.{12}(?P<file>.{8}).*?%b(?P<sound>.{8})" % re.escape(_W64_DATA), re.DOTALL
)
_AIFF_HEAD = re.compile(
    rb"FORM(?P<file>.{4})AIF[FC](?=.*?COMM.{4}(?P<channels>.{2})(?P<frames>.{4})(?P<bits>.{2}))"
    rb".*?SSND(?P<sound>.{4}).{8}",
    re.DOTALL,
)

_FIRST_FRAME_BYTES = 2_000  # more than an MP3's has
_FRAMES = re.compile(rb"(?:(?:Xing|Info).{4}|VBRI.{10})(?P<frames>.{4})", re.DOTALL)

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
            kept = data[-len(mark) :]
        self.seek(here)
        return found

    def onwards(self, place: int) -> View:
        """Return the file from `place` on."""
        return View(self._file, self._first + place)


def filled_in(file: BinaryIO, n_bytes: int) -> View:
    """Return the file with those sizes filled in that its writer never came back to."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if found := _RF64_HEAD.match(head):
        held = n_bytes - found.end()
        head = _filled(head, found, "little", {"sound": held, "file": n_bytes - 8, "frames": 0})
    elif found := _W64_HEAD.match(head):
        held = n_bytes - found.end()
        head = _filled(head, found, "little", {"sound": held, "file": n_bytes}, own=24)
    elif found := _AIFF_HEAD.match(head):
        held = n_bytes - found.end()
        channels, bits = struct.unpack(">hh", found["channels"] + found["bits"])
        frames = held // max(1, channels * -(-bits // 8))
        sizes = {"sound": held, "file": n_bytes - 8, "frames": frames}
        head = _filled(head, found, "big", sizes, own=8)
    return View(file, head=head)


def _filled(
    head: bytes,
    found: re.Match[bytes],
    order: Literal["little", "big"],
    sizes: dict[str, int],
    own: int = 0,
) -> bytes:
    """Return the head with these sizes where that of the sound was never filled in.

    That is: where it is nothing, or "unknown" and more than is held. `own` bytes are counted in
    it that are the chunk's, not the sound's.
    """
    told, held = int.from_bytes(found["sound"], order) - own, sizes["sound"]
    if held <= 0 or 0 < told <= max(held, UNKNOWN_FROM - 1):
        return head
    filled = bytearray(head)
    for name, size in (sizes | {"sound": held + own}).items():
        first, end = found.span(name)
        largest = 256 ** (end - first) - 1  # an AIFF of more than 4 GB tells as much as it can
        filled[first:end] = min(size, largest).to_bytes(end - first, order)
    return bytes(filled)


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
    w64, w64_size = struct.unpack("<16sQ", before)
    caf, caf_size = struct.unpack(">8x4sQ4x", before)
    wav, wav_size = struct.unpack("<16x4sI", before)
    if w64 == _W64_DATA:
        return int(w64_size) - 24
    if caf == b"data":  # which counts four bytes of its own
        return int(caf_size) - 4
    if wav == b"data" and view.peek(0, 4) in RF64:
        (wav_size,) = struct.unpack("<Q", view.peek(28, 8))
    return int(wav_size) if wav == b"data" else None


def _counted(view: View, told_s: float, rate_hz: int) -> bool:
    """Tell whether an MP3's length is counted by its first frame (Xing, VBRI), and no guess.

    FFmpeg guesses too where the count does not fit the file, because it is several put together.
    """
    tag = view.peek(0, 10)  # ID3v2: the last four of ten bytes count the others, seven bits each
    counted = sum(byte << 7 * i for i, byte in enumerate(reversed(tag[6:])))
    first = view.peek(10 + counted if tag.startswith(b"ID3") else 0, _FIRST_FRAME_BYTES)
    if found := _FRAMES.search(first):
        frames = int.from_bytes(found["frames"], "big")
        frame_s = (1_152 if rate_hz >= 32_000 else 576) / rate_hz
        return abs(frames * frame_s - told_s) < 4 * frame_s
    return False


def breaks_off(view: View, n_bytes: int) -> bool:
    """Tell whether an Ogg file ends in the middle of a page (RFC 3533), which FFmpeg passes over.

    The end-of-stream flag is not asked for: recorders that were stopped leave it out.
    """
    if view.peek(0, 4) != b"OggS":
        return False
    longest = 65_307
    end = view.peek(max(0, n_bytes - longest), longest)
    page = end[end.rfind(b"OggS") :]
    if len(page) < 27:
        return True
    segments = page[26]  # whose lengths follow
    return len(page) < 27 + segments + sum(page[27 : 27 + segments])

"""What a file's own framing says about its length, where the decoders would stay silent.

libsndfile plays a WAV whose header promises more than the file holds, and an Ogg stream
that was cut off, without a word. A truncated recording is a wrong answer waiting to
happen, so it is refused here, before decoding.
"""

from __future__ import annotations

import struct
from mmap import mmap

from resona_core.errors import DamagedAudioError

Data = bytes | mmap  # a file's content, in memory or on the disk

# Programs that stream a WAV, and never return to fill in its length, write sizes from here on.
_UNKNOWN_FROM = 0x7FFFFF00

_EBML = b"\x1aE\xdf\xa3"  # Matroska and WebM
_SEGMENT = b"\x18S\x80g"
_SIGNATURES = {b"RIFF": 0, b"FORM": 0, b"OggS": 0, b"fLaC": 0, b"ID3": 0, b"ftyp": 4,
               _EBML: 0}  # fmt: skip


def check_whole(data: Data, name: str) -> None:
    """Raise if `data` is a WAV, AIFF, Ogg or WebM file that ends before it says it does.

    Raises
    ------
    DamagedAudioError
        Naming what was promised and what is there.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        promised, held = _data_chunk(data, b"data", "<")
        if promised > held and promised < _UNKNOWN_FROM:
            raise _shorter(name, promised, held)
    elif data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        promised, held = _data_chunk(data, b"SSND", ">")
        if promised > held:
            raise _shorter(name, promised, held)
    elif data[:4] == _EBML:
        promised, held = _matroska_segment(data)
        if promised > held:
            raise _shorter(name, promised, held)
    elif data[:4] == b"OggS" and not _ogg_is_finished(data):
        raise DamagedAudioError(
            f"{name} is damaged: its Ogg stream breaks off before its end; copy it again."
        )


def looks_like_sound(data: bytes) -> bool:
    """Tell whether `data` begins as a sound or film file does, readable or not."""
    return any(data[at : at + len(mark)] == mark for mark, at in _SIGNATURES.items())


def _data_chunk(data: Data, wanted: bytes, order: str) -> tuple[int, int]:
    """Return the size the sound chunk claims and the bytes that follow it; (0, 0) if absent."""
    position = 12
    while position + 8 <= len(data):
        chunk, size = struct.unpack_from(f"{order}4sI", data, position)
        if chunk == wanted:
            return size, len(data) - position - 8
        position += 8 + size + size % 2
    return 0, 0


def _matroska_segment(data: Data) -> tuple[int, int]:
    """Return the size the segment claims and the bytes that follow it; (0, 0) if unknown."""
    size, position = _ebml_size(data, len(_EBML))
    position += size
    if data[position : position + len(_SEGMENT)] != _SEGMENT:
        return 0, 0
    size, position = _ebml_size(data, position + len(_SEGMENT))
    return size, len(data) - position


def _ebml_size(data: Data, position: int) -> tuple[int, int]:
    """Return the size written at `position`, 0 for "unknown", and where it ends (RFC 8794).

    The leading zero bits of the first byte count the bytes that follow it.
    """
    length = 9 - int.from_bytes(data[position : position + 1]).bit_length()
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(data[position : position + length]) & unknown
    return size if size < unknown else 0, position + length


def _shorter(name: str, promised: int, held: int) -> DamagedAudioError:
    return DamagedAudioError(
        f"{name} is damaged: its header promises {promised:,} bytes of sound, the file holds "
        f"{held:,}; copy or export it again."
    )


def _ogg_is_finished(data: Data) -> bool:
    """Tell whether the last Ogg page is whole (RFC 3533).

    The end-of-stream flag is not asked for: recorders that were stopped leave it out.
    """
    last = data.rfind(b"OggS")
    header = data[last : last + 27]
    if len(header) < 27:
        return False
    segments = data[last + 27 : last + 27 + header[26]]
    return last + 27 + header[26] + sum(segments) <= len(data)

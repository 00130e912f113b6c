"""One track of an open file -> its decoded frames, with their places in time.

Errors of FFmpeg's are no end: the frame that cannot be decoded is left out and the next one says
so. Ogg files are often several put together ("chained"); where FFmpeg does not follow, because the
next part has other channels, it is opened anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame, format_dtypes
from av.audio.stream import AudioStream
from av.container import InputContainer

from resona_core.sound.axis import TOLERANCE_S, Block
from resona_core.sound.formats import DEMUXERS
from resona_core.sound.headers import View

_Form = tuple[str, str, int]  # sample format, layout, rate in Hz

_PATIENCE = 1_000  # errors in a row, of a file that cannot be read on
_BEGINS_PART = b"OggS\0\2"  # a page that is the first of its stream (RFC 3533)
# What these files' clocks say counts from the beginning of the film, even without a picture.
_CLOCK_FROM_ZERO = ("mov", "matroska")
# Formats with time stamps of their own, from which something may be lost on the way; in others a
# gap is what could not be decoded.
_STAMPED = ("asf", "avi", "flv", "matroska", "mov", "mpeg", "mpegts", "mxf", "nut", "ogg", "rm")
# Where FFmpeg lands after a seek is a guess in other formats.
_EXACT_SEEK = ("aiff", "au", "flac", "w64", "wav")
_MOST_PLANES = 8
_FULL_SCALE = {"i2": 2.0**15, "i4": 2.0**31}


@dataclass(frozen=True)
class Decoded:
    """A frame: its samples (frame, channel), float32, and where it is, if that is known.

    `damaged`: something before it could not be decoded.
    """

    samples: Block
    at_s: float | None
    damaged: bool


def open_container(view: View) -> InputContainer:
    """Open a file with FFmpeg.

    Raises
    ------
    av.error.FFmpegError, ValueError
        If it is none that is let in.
    """
    # One packet is enough to tell what codec it is: WAV would be searched for DTS for 30 ms.
    options = {"format_whitelist": DEMUXERS, "max_probe_packets": "1"}
    container = av.open(view, "r", metadata_errors="replace", container_options=options)
    for track in sound_tracks(container):
        if track.codec_context.name == "flac":  # checks its frames' sums only when told to
            track.codec_context.options = {"err_detect": "crccheck+explode"}
    return container


def kind_of(container: InputContainer) -> str:
    """Return FFmpeg's name of a file's format, the first of several."""
    return container.format.name.split(",")[0]


def sound_tracks(container: InputContainer) -> list[AudioStream]:
    """Return the tracks that can be decoded; one in a codec nobody knows has no context."""
    return [track for track in container.streams.audio if track.codec_context is not None]


class Frames:
    """The frames of one track.

    Parameters
    ----------
    view : View
        The file that `container` has open.
    container : InputContainer
        Is closed with this.
    track : AudioStream

    Attributes
    ----------
    rate_hz, channels : int
        Of the first frame; what comes later in another form is converted.
    bits : int
        Resolution of its samples.
    begins : int or None
        Where its first packet lies in the file, in bytes.
    begins_s : float
        When its first frame is heard.

    Raises
    ------
    EOFError
        If the track is empty.
    ValueError
        If not a single frame can be decoded.
    """

    def __init__(self, view: View, container: InputContainer, track: AudioStream) -> None:
        self._view, self._container, self._track = view, container, track
        self._kind = kind_of(container)
        self._lossy = track.codec_context.codec.lossy
        self.begins: int | None = None
        self._last_page = 0
        self._apart = self._damaged = False
        self._clock_s = self._clock_from_s()
        self._converters: dict[_Form, av.AudioResampler] = {}
        self._waiting = self._parts()
        first = next(self._waiting, None)
        if first is None:
            raise ValueError if self._damaged else EOFError
        frame, at_s = first
        self.begins_s = max(0.0, at_s or 0.0)
        self.rate_hz, self.channels = frame.sample_rate, frame.layout.nb_channels
        self.bits = frame.format.bits
        kind, layout = frame.format.name, frame.layout.name
        # What NumPy has no type for is converted too, and what has a plane for each of many
        # channels: PyAV (18.1) reads on behind the eighth.
        readable = kind in format_dtypes and not (
            frame.format.is_planar and self.channels >= _MOST_PLANES
        )
        self._form = (kind if readable else "flt", layout, self.rate_hz)
        self._waiting = chain([first], self._waiting)

    def __iter__(self) -> Iterator[Decoded]:
        """Yield the frames in their order, as many together as follow each other; only once."""
        run, last_form = _Run(self.rate_hz, None, damaged=False), self._form
        for frame, at_s in self._waiting:
            form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if self._apart or form != last_form or not run.goes_on(at_s):
                yield from self._samples(run)
                damaged = self._damaged or self._kind not in _STAMPED
                run, self._apart, self._damaged = _Run(self.rate_hz, at_s, damaged), False, False
            last_form = form
            for own in [frame] if form == self._form else self._converted(frame, form):
                run.add(own)
        yield from self._samples(run)

    def seek(self, at_s: float) -> None:
        """Go to a frame at or before `at_s`, where the format lets one do so exactly."""
        exact = self._track.time_base == Fraction(1, self.rate_hz) and self._kind in _EXACT_SEEK
        if at_s <= 0 or not exact:
            return
        place = round((at_s + (self._clock_s or 0)) * self.rate_hz)
        with suppress(av.error.FFmpegError):
            self._container.seek(place, stream=self._track)
            self._waiting = self._parts()

    def close(self) -> None:
        """Let go of the decoder."""
        self._container.close()

    def _parts(self) -> Iterator[tuple[AudioFrame, float | None]]:
        """Yield each frame and its place in seconds; also those of what is chained to the file."""
        offset_s = 0.0
        while True:
            ends_s, stamp_unit_s = offset_s, float(self._track.time_base or 0)
            for frame in self._part():
                at_s = None
                if frame.pts is not None:
                    stamp_s = frame.pts * stamp_unit_s
                    self._clock_s = stamp_s if self._clock_s is None else self._clock_s
                    ends_s = at_s = stamp_s - self._clock_s + offset_s
                ends_s += frame.samples / frame.sample_rate
                yield frame, at_s
            if not self._open_next_part():
                return
            offset_s, self._apart, self._clock_s = ends_s, True, self._clock_from_s()

    def _part(self) -> Iterator[AudioFrame]:
        packets, failures = self._container.demux(self._track), 0
        while failures < _PATIENCE:
            try:
                packet = next(packets)
                if self.begins is None:
                    self.begins = packet.pos
                self._last_page = packet.pos or self._last_page
                yield from packet.decode()
                failures = 0
            except (StopIteration, av.error.EOFError, av.error.PatchWelcomeError):
                return
            except av.error.FFmpegError:
                self._apart = self._damaged = True
                failures += 1
                packets = self._container.demux(self._track)

    def _open_next_part(self) -> bool:
        """Open what follows in an Ogg file that FFmpeg has left, with other channels, say."""
        ogg = self._kind == "ogg"
        place = self._view.find(_BEGINS_PART, self._last_page + 1) if ogg else None
        if place is None:
            return False
        with suppress(av.error.FFmpegError, ValueError):
            view = self._view.onwards(place)
            container = open_container(view)
            self._container.close()
            self._view, self._container, self._last_page = view, container, 0
            tracks = sound_tracks(container)
            self._track = tracks[0] if tracks else self._track
            return bool(tracks)
        return False

    def _clock_from_s(self) -> float | None:
        """Return what the file's time stamps say at its beginning; None: what they say first."""
        container, track = self._container, self._track
        start_s = None if container.start_time is None else container.start_time / 1e6
        length_s = (container.duration or 0) / 1e6
        if self._kind in _CLOCK_FROM_ZERO and (track.frames or length_s > (start_s or 0)):
            return 0.0
        return start_s

    def _converted(self, frame: AudioFrame, form: _Form) -> list[AudioFrame]:
        """Return a frame in the form of the first one."""
        try:
            if form not in self._converters:
                self._converters[form] = av.AudioResampler(*self._form)
            return self._converters[form].resample(frame)
        except (av.error.FFmpegError, ValueError):  # a layout nobody can convert
            self._apart = self._damaged = True
            return []

    def _samples(self, run: _Run) -> Iterator[Decoded]:
        if frame := run.frames.read():
            samples = _as_float(frame)
            # Where an original touched full scale a lossy codec goes beyond; players clip that.
            samples = np.clip(samples, -1, 1, out=samples) if self._lossy else samples
            yield Decoded(samples, run.at_s, run.damaged)


class _Run:
    """Frames that follow each other without a gap, for a second at most."""

    def __init__(self, rate_hz: int, at_s: float | None, damaged: bool) -> None:
        self._rate_hz, self.at_s, self.damaged = rate_hz, at_s, damaged
        self.frames, self.n_samples = av.AudioFifo(), 0

    def goes_on(self, at_s: float | None) -> bool:
        """Tell whether a frame at `at_s` still belongs to it."""
        if self.n_samples > self._rate_hz:
            return False
        if at_s is None or self.at_s is None or not self.n_samples:
            return self.n_samples > 0
        return abs(at_s - self.at_s - self.n_samples / self._rate_hz) < TOLERANCE_S

    def add(self, frame: AudioFrame) -> None:
        """Add a frame; its place is known."""
        frame.pts = None
        self.frames.write(frame)
        self.n_samples += frame.samples


def _as_float(frame: AudioFrame) -> Block:
    """Return a frame as (frame, channel), float32; full scale is +-1."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    as_float = samples.T.astype(np.float32)
    if samples.dtype == np.uint8:
        return (as_float - 128) / np.float32(128)
    full_scale = _FULL_SCALE.get(samples.dtype.str[1:])
    return as_float / np.float32(full_scale) if full_scale else as_float

"""What becomes of packets, one by one: written by hand, 100 samples a second."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import av.error
import numpy as np
import pytest
from av.audio.frame import format_dtypes

from resona_core.sound import frames
from resona_core.sound.frames import Frames
from resona_core.sound.headers import View

RATE_HZ = 100
DAMAGED = av.error.InvalidDataError(1, "damaged")


def frame(n_samples: int, stamp: int | None, level: float = 0.5) -> av.AudioFrame:
    """Return samples of one level that are heard at `stamp`, in samples."""
    made = av.AudioFrame.from_ndarray(np.full((1, n_samples), level, np.float32), "flt", "mono")
    made.sample_rate, made.pts, made.time_base = RATE_HZ, stamp, Fraction(1, RATE_HZ)
    return made


@dataclass
class Packet:
    """What is decoded from it, or the error; `pos` is where it lies in the file."""

    holds: av.AudioFrame | av.error.FFmpegError
    pos: int | None = 44

    def decode(self) -> list[av.AudioFrame]:
        if isinstance(self.holds, av.AudioFrame):
            return [self.holds]
        raise self.holds


@dataclass
class Container:
    """A file of these packets; times in microseconds, as FFmpeg tells them."""

    packets: deque[Packet]
    format: SimpleNamespace
    start_time: int | None = None
    duration: int | None = None
    sought: list[int] = field(default_factory=list)
    tracks: list[object] = field(default_factory=list)

    @property
    def streams(self) -> SimpleNamespace:
        return SimpleNamespace(audio=self.tracks)

    def close(self) -> None:
        self.packets.clear()

    def demux(self, track: object) -> Iterator[Packet]:
        while self.packets:
            yield self.packets.popleft()

    def seek(self, place: int, stream: object) -> None:
        self.sought.append(place)


def container_of(
    holds: Iterable[av.AudioFrame | av.error.FFmpegError], kind: str = "ogg", frames: int = 0,
    lossy: bool = False, **more: Any,
) -> Container:  # fmt: skip
    packets = deque(Packet(each, 100 + i) for i, each in enumerate(holds))
    codec = SimpleNamespace(codec=SimpleNamespace(lossy=lossy))
    track = SimpleNamespace(codec_context=codec, frames=frames, time_base=Fraction(1, RATE_HZ))
    return Container(packets, SimpleNamespace(name=f"{kind},others"), tracks=[track], **more)


def opened(
    holds: Iterable[av.AudioFrame | av.error.FFmpegError], *how: Any, data: bytes = b"", **more: Any
) -> Frames:
    file = container_of(holds, *how, **more)
    return Frames(View(io.BytesIO(data)), file, file.tracks[0])  # type: ignore[arg-type]


def heard(sound: Frames) -> list[tuple[int, float | None, bool]]:
    """Return of all that comes together how long it is, where, and whether damage was before."""
    return [
        (len(each.samples), None if each.at_s is None else round(each.at_s, 6), each.damaged)
        for each in sound
    ]


@pytest.mark.parametrize(
    ("length", "together"),
    [(40, [120, 120, 40]), (50, [150, 150]), (100, [200, 200, 100]), (101, [101] * 4)],
)
def test_frames_in_a_row_come_together_until_they_last_more_than_a_second(
    length: int, together: list[int]
) -> None:
    n_frames = sum(together) // length
    whole = heard(opened(frame(length, i * length) for i in range(n_frames)))
    starts = [sum(together[:i]) / RATE_HZ for i in range(len(together))]
    assert whole == [(n, at_s, False) for n, at_s in zip(together, starts, strict=True)]


@pytest.mark.parametrize(("stamp", "goes_on"), [(48, True), (52, True), (46, False), (54, False)])
def test_a_stamp_off_by_less_than_30_ms_is_no_gap(stamp: int, goes_on: bool) -> None:
    expected = [(70, 0.0, False)] if goes_on else [(50, 0.0, False), (20, stamp / 100, False)]
    assert heard(opened([frame(50, 0), frame(20, stamp)])) == expected


def test_frames_without_a_stamp_follow_what_came_before() -> None:
    stamps = [None, None, 0, None]
    assert heard(opened(frame(1, stamp) for stamp in stamps)) == [(4, None, False)]
    assert heard(opened([frame(20, 0), frame(20, None), frame(20, 40)])) == [(60, 0.0, False)]


@pytest.mark.parametrize(("kind", "gap_is_damage"), [("ogg", False), ("wav", True)])
def test_what_is_missing_was_lost_or_could_not_be_decoded(kind: str, gap_is_damage: bool) -> None:
    """Formats with time stamps of their own can lose something on the way; others cannot."""
    parts = [frame(20, 0), frame(20, 60), DAMAGED, frame(20, 90), frame(20, 150)]
    assert [damaged for *_, damaged in heard(opened(parts, kind))][1:] == [
        gap_is_damage,
        True,
        gap_is_damage,
    ]


def test_a_frame_behind_damage_stands_alone_though_its_stamp_goes_on() -> None:
    parts = [frame(20, 0), DAMAGED, frame(20, 20), frame(20, 40)]
    assert heard(opened(parts)) == [(20, 0.0, False), (40, 0.2, True)]


@pytest.mark.parametrize(
    ("before", "behind", "lengths"),
    [(999, 0, [60]), (1_000, 0, []), (0, 999, [20, 40]), (0, 1_000, [20]), (999, 999, [20, 40])],
)
def test_a_thousand_errors_in_a_row_end_a_file(
    before: int, behind: int, lengths: list[int]
) -> None:
    parts = [DAMAGED] * before + [frame(20, 0)] + [DAMAGED] * behind
    parts += [frame(20, 20), frame(20, 40)]
    if lengths:
        assert [length for length, *_ in heard(opened(parts))] == lengths
    else:
        with pytest.raises(ValueError, match=r"^$"):
            opened(parts)


def test_nothing_is_an_empty_track_and_only_damage_a_damaged_one() -> None:
    with pytest.raises(EOFError):
        opened([])
    with pytest.raises(ValueError, match=r"^$"):
        opened([DAMAGED])


def test_the_first_packet_tells_where_the_sound_begins_in_the_file() -> None:
    assert opened([frame(20, 0), frame(20, 20)]).begins == 100
    assert opened([DAMAGED, frame(20, 20)]).begins == 100


def test_what_is_chained_to_an_ogg_file_follows_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts begin at bytes 101 (that of the last page), 150 and 170."""
    data = bytearray(200)
    for place in (101, 150, 170):
        data[place : place + 6] = b"OggS\0\2"
    left = [container_of([frame(30, 70)]), container_of([frame(10, 5), frame(10, 15)])]
    begins: list[int] = []

    def open_next(view: View) -> Container:
        begins.append(len(data) - view.n_bytes)
        return left.pop(0)

    monkeypatch.setattr(frames, "open_container", open_next)
    sound = opened([frame(20, 0), frame(20, 20)], data=bytes(data))
    left[0].packets[0].pos = 10  # of its own bytes
    left[0].tracks.append(SimpleNamespace(codec_context=0))  # a second track, which is not heard
    assert heard(sound) == [(40, 0.0, False), (30, 0.4, False), (20, 0.7, False)]
    assert begins == [150, 170]


def test_files_whose_packets_lie_nowhere_are_chained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what has no stamp takes its time too."""
    files = [container_of([frame(5, 0), frame(15, None)]), container_of([frame(30, 0)])]
    for packet in [*files[0].packets, *files[1].packets]:
        packet.pos = None
    data = b"OggS\0\2" + bytes(100) + b"OggS\0\2" + bytes(100)
    monkeypatch.setattr(frames, "open_container", lambda view: files.pop())
    first = files.pop(0)
    sound = Frames(View(io.BytesIO(data)), first, first.tracks[0])  # type: ignore[arg-type]
    assert heard(sound) == [(20, 0.0, False), (30, 0.2, False)]
    assert sound.begins is None


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_a_chain_that_breaks_ends_the_sound(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[View] = []

    def refuse(view: View) -> Container:
        asked.append(view)
        raise DAMAGED

    monkeypatch.setattr(frames, "open_container", refuse)
    sound = opened([frame(20, 0)], kind, data=bytes(150) + b"OggS\0\2")
    assert [(length, at_s) for length, at_s, _ in heard(sound)] == [(20, 0.0)]
    assert len(asked) == (kind == "ogg")


@pytest.mark.parametrize(
    ("kind", "n_frames", "start_time", "duration", "begins_s"),
    [
        ("mpegts", 0, None, None, 0.0),  # the clock begins with what the first stamp says
        ("mpegts", 0, 5_000_000, None, 2.0),
        ("mpegts", 5, 5_000_000, 60_000_000, 2.0),
        ("mpegts", 0, 8_000_000, None, 0.0),  # heard from the beginning at the earliest
        ("mov", 1, 5_000_000, None, 7.0),  # a film's clock begins at 0
        ("mov", 0, 5_000_000, None, 2.0),  # unless it is a piece of a broadcast
        ("mov", 0, 5_000_000, 5_000_000, 2.0),
        ("mov", 0, 5_000_000, 5_000_001, 7.0),
        ("matroska", 0, None, 1, 7.0),
        ("matroska", 0, None, None, 0.0),
        ("matroska", 0, 5_000_000, 5_000_001, 7.0),
    ],
)
def test_a_stamp_of_seven_seconds_is_heard_by_the_files_clock(
    kind: str, n_frames: int, start_time: int | None, duration: int | None, begins_s: float
) -> None:
    times = {"start_time": start_time, "duration": duration}
    sound = opened([frame(20, 700), frame(20, 720)], kind, n_frames, **times)
    assert sound.begins_s == pytest.approx(begins_s)


@pytest.mark.parametrize(
    ("kind", "at_s", "sought"),
    [("wav", 3.0, [350]), ("wav", 0.01, [51]), ("wav", 0.0, []), ("wav", -1.0, []),
     ("flac", 3.0, [350]), ("mp3", 3.0, []), ("ogg", 3.0, [])],
)  # fmt: skip
def test_only_where_ffmpeg_lands_exactly_is_anything_sought(
    kind: str, at_s: float, sought: list[int]
) -> None:
    sound = opened([frame(20, 50)], kind, start_time=500_000)
    sound.seek(at_s)
    assert sound._container.sought == sought  # type: ignore[attr-defined]


def test_without_time_stamps_the_first_sample_is_sought_from() -> None:
    sound = opened([frame(20, None)], "wav")
    sound.seek(3.0)
    assert sound._container.sought == [300]  # type: ignore[attr-defined]


def test_a_track_that_counts_in_other_units_than_samples_is_not_sought_in() -> None:
    sound = opened([frame(20, 0)], "wav")
    sound._track.time_base = Fraction(1, 1_000)  # type: ignore[misc]
    sound.seek(3.0)
    assert sound._container.sought == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", sorted(format_dtypes))
def test_full_scale_is_one_in_every_form_of_samples(form: str) -> None:
    extremes: dict[str, Sequence[float]] = {
        "u8": [0, 128, 192], "s16": [-(2**15), 0, 2**14], "s32": [-(2**31), 0, 2**30],
        "flt": [-1, 0, 0.5], "dbl": [-1, 0, 0.5],
    }  # fmt: skip
    left = np.array(extremes[form.removesuffix("p")], format_dtypes[form])
    planes = np.stack([left, left[::-1]])
    packed = planes if form.endswith("p") else planes.T.reshape(1, -1)
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), form, "stereo")
    made.sample_rate, made.pts = RATE_HZ, 0
    (decoded,) = opened([made])
    np.testing.assert_array_equal(decoded.samples, [[-1, 0.5], [0, 0], [0.5, -1]])
    assert decoded.samples.dtype == np.float32


@pytest.mark.parametrize(("lossy", "loudest"), [(True, 1.0), (False, 1.5)])
def test_what_a_lossy_codec_makes_of_full_scale_is_clipped(lossy: bool, loudest: float) -> None:
    levels = (-1.5, -0.5, 0.5, 1.5)
    (decoded,) = opened([frame(1, i, level) for i, level in enumerate(levels)], lossy=lossy)
    np.testing.assert_array_equal(decoded.samples[:, 0], [-loudest, -0.5, 0.5, loudest])


def test_what_comes_in_another_form_is_converted_to_that_of_the_first() -> None:
    other = av.AudioFrame.from_ndarray(np.full((1, 20), 2**13, np.int16), "s16", "mono")
    other.sample_rate, other.pts, other.time_base = RATE_HZ, 30, Fraction(1, RATE_HZ)
    first, second, third = opened([frame(30, 0), other, frame(10, 50)])
    np.testing.assert_array_equal(first.samples, np.full((30, 1), 0.5))
    np.testing.assert_array_equal(second.samples, np.full((20, 1), 0.25))
    np.testing.assert_array_equal(third.samples, np.full((10, 1), 0.5))
    assert [each.at_s for each in (first, second, third)] == [0.0, 0.3, 0.5]

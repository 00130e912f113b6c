"""When a sound is heard: at the time a player shows, whatever is missing before it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from resona_core.sound import audio

Samples = NDArray[np.float32]
Encode = Callable[..., bytes]
SoundFile = Callable[..., bytes]
Tone = Callable[..., Samples]

RATE_HZ = 48_000
STAMPED = [
    ("mp4", "aac"), ("mov", "aac"), ("matroska", "libopus"), ("webm", "libopus"),
    ("matroska", "flac"),
]  # fmt: skip


def with_burst(at_s: float, length_s: float = 6.0) -> Samples:
    """Return very quiet noise with a tenth of a second of loud noise."""
    random = np.random.default_rng(0)
    sound = random.normal(0, 1e-3, round(length_s * RATE_HZ))
    burst = round(at_s * RATE_HZ)
    sound[burst : burst + RATE_HZ // 10] += random.normal(0, 0.2, RATE_HZ // 10)
    return sound.astype(np.float32)


def burst_s(samples: Samples, rate_hz: int = RATE_HZ) -> float:
    """Return when the loud noise begins, in seconds."""
    return float(np.flatnonzero(np.abs(samples) > 0.1)[0] / rate_hz)


@pytest.mark.parametrize(("container", "codec"), STAMPED)
@pytest.mark.parametrize("video", [None, "mpeg4"])
def test_a_track_that_begins_late_is_heard_late(
    container: str, codec: str, video: str | None, encode: Encode
) -> None:
    film = "libvpx" if video and container == "webm" else video
    data = encode(with_burst(2.0), RATE_HZ, container, codec, film, late_s=3.0)
    clip = audio.load(data, RATE_HZ)
    assert burst_s(clip.samples) == pytest.approx(5.0, abs=0.05)
    assert clip.duration_s == pytest.approx(9.0, abs=0.06)
    assert np.abs(clip.samples[: 2 * RATE_HZ]).max() == 0
    assert clip.notices.sentences() == (
        "The sound begins 3.0 s into the file; silence stands before it.",
    )


def test_a_clock_that_begins_anywhere_is_no_silence(encode: Encode) -> None:
    """A recording cut out of a broadcast begins at the time of day, not after hours of silence."""
    data = encode(with_burst(2.0), RATE_HZ, "mpegts", "aac", late_s=3_000.0)
    clip = audio.load(data, RATE_HZ)
    assert burst_s(clip.samples) == pytest.approx(2.0, abs=0.05)
    assert clip.notices.sentences() == ()


@pytest.mark.parametrize(("container", "codec"), [*STAMPED, ("ogg", "libopus")])
def test_lost_packets_are_silence_and_what_follows_is_heard_when_it_was(
    container: str, codec: str, encode: Encode
) -> None:
    data = encode(with_burst(4.5), RATE_HZ, container, codec, without=(1.0, 3.5))
    clip = audio.load(data, RATE_HZ)
    assert burst_s(clip.samples) == pytest.approx(4.5, abs=0.05)
    assert clip.duration_s == pytest.approx(6.0, abs=0.06)
    assert np.abs(clip.samples[round(1.2 * RATE_HZ) : 3 * RATE_HZ]).max() == 0
    (told,) = clip.notices.sentences()
    assert re.fullmatch(r"2\.5 s of sound are missing at 1\.[01] s; silence stands in\.", told)


def test_small_gaps_add_up_to_no_drift(encode: Encode) -> None:
    """One packet of 20 ms lost in every 200: a fifth of a second in two."""
    sound = with_burst(19.0, 20.0)
    data = encode(sound, RATE_HZ, "matroska", "libopus")
    whole = burst_s(audio.load(data, RATE_HZ).samples)
    holed = _without_every_tenth_packet(data)
    clip = audio.load(holed, RATE_HZ)
    assert burst_s(clip.samples) == pytest.approx(whole, abs=0.045)
    assert clip.notices.missing.total_s == pytest.approx(2.0, abs=0.05)


def _without_every_tenth_packet(data: bytes) -> bytes:
    import av

    written = io.BytesIO()
    with av.open(io.BytesIO(data)) as given, av.open(written, "w", format="matroska") as output:
        track = output.add_stream_from_template(given.streams.audio[0])
        for number, packet in enumerate(given.demux(audio=0)):
            if packet.pts is not None and number % 10 != 5:
                packet.stream = track
                output.mux(packet)
    return written.getvalue()


def test_the_axis_of_an_excerpt_is_the_file_s(encode: Encode) -> None:
    data = encode(with_burst(2.0), RATE_HZ, "mp4", "aac", "mpeg4", late_s=3.0)
    stretch, rate_hz = soundfile.read(io.BytesIO(audio.excerpt(data, 1.0, 6.0)), dtype="float32")
    assert len(stretch) == 5 * rate_hz
    assert burst_s(stretch) == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")],
)
@pytest.mark.parametrize("second", [(48_000, 1), (24_000, 2)])
def test_files_put_together_are_heard_one_after_the_other(
    container: str, subtype: str, second: tuple[int, int], sound_file: SoundFile
) -> None:
    rate_hz, channels = second
    part = with_burst(1.0, 2.0)[:: RATE_HZ // rate_hz]
    first = sound_file(with_burst(1.5, 3.0), RATE_HZ, container, subtype)
    chained = first + sound_file(np.stack([part] * channels, 1), rate_hz, container, subtype)
    clip = audio.load(chained, RATE_HZ)
    assert clip.duration_s == pytest.approx(5.0, abs=0.1)
    assert burst_s(clip.samples) == pytest.approx(1.5, abs=0.05)
    assert burst_s(clip.samples[2 * RATE_HZ :]) + 2 == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("adts", "aac"),
     ("mp4", "aac"), ("matroska", "flac")],
)  # fmt: skip
def test_damage_in_the_middle_ends_nothing(
    container: str, codec: str, sound_file: SoundFile, encode: Encode
) -> None:
    write = encode if container.islower() else sound_file
    data = bytearray(write(with_burst(8.0, 10.0), RATE_HZ, container, codec))
    middle = len(data) // 2
    data[middle : middle + 40] = np.random.default_rng(1).bytes(40)
    clip = audio.load(bytes(data), RATE_HZ)
    assert burst_s(clip.samples) == pytest.approx(8.0, abs=0.06)
    assert clip.duration_s == pytest.approx(10.0, abs=0.1)


def test_what_could_not_be_decoded_is_told(sound_file: SoundFile) -> None:
    data = bytearray(sound_file(with_burst(8.0, 10.0), RATE_HZ, "FLAC"))
    middle = len(data) // 2
    data[middle : middle + 40] = np.random.default_rng(1).bytes(40)
    clip = audio.load(bytes(data), RATE_HZ)
    lost = clip.notices.undecoded
    assert (lost.count, lost.total_s) == (1, pytest.approx(4_096 / RATE_HZ, abs=1e-3))
    first, end = (round(at_s * RATE_HZ) for at_s in (lost.first_s, lost.last_end_s))
    assert np.abs(clip.samples[first:end]).max() == 0
    assert clip.notices.sentences() == (
        f"0.09 s could not be decoded at {lost.first_s:.1f} s; silence stands in.",
    )


def test_a_sample_that_is_no_number_is_silence_and_told(tone: Tone, sound_file: SoundFile) -> None:
    sound = tone(440.0, duration_s=3.0)
    sound[32_000:32_160] = np.nan
    clip = audio.load(sound_file(sound, 16_000, "WAV", "FLOAT"), 16_000)
    np.testing.assert_array_equal(clip.samples, np.nan_to_num(sound))
    assert clip.notices.sentences() == ("0.01 s could not be decoded at 2.0 s; silence stands in.",)

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from resona_core.errors import AudioLimitError, EmptyAudioError, NotAudioError, RequestError
from resona_core.settings import Limits
from resona_core.sound import audio
from resona_core.sound.sources import as_file

RATE_HZ = 16_000
Samples = NDArray[np.float32]


@pytest.fixture
def sound(noise: Samples) -> Samples:
    return noise[:RATE_HZ]


def _loaded(source: Any, rate_hz: int = RATE_HZ) -> Samples:
    return audio.load(source, rate_hz).samples


@pytest.mark.parametrize("form", ["Path", "str", "bytes", "bytearray", "memoryview", "file", "io"])
def test_a_file_is_taken_in_any_form(
    form: str, sound: Samples, tmp_path: Path, sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(sound, RATE_HZ, "WAV", "FLOAT")
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    with path.open("rb") as file:
        sources = {
            "Path": path, "str": str(path), "bytes": data, "bytearray": bytearray(data),
            "memoryview": memoryview(data), "file": file, "io": io.BytesIO(data),
        }  # fmt: skip
        np.testing.assert_array_equal(_loaded(sources[form]), sound)


@pytest.mark.parametrize(
    ("make", "tolerance"),
    [
        (lambda x: x, 0),
        (lambda x: x.astype(np.float64), 0),
        (lambda x: torch.from_numpy(x), 0),
        (lambda x: x.tolist(), 1e-7),
        (lambda x: (x * 32_768).round().astype(np.int16), 2e-5),
        (lambda x: (x * 2.0**31).astype(np.int32), 1e-7),
        (lambda x: (x * 128 + 128).round().astype(np.uint8), 5e-3),
        (lambda x: np.stack([x, x], axis=1), 1e-7),  # (sample, channel), as soundfile reads
        (lambda x: np.stack([x, x]), 1e-7),  # (channel, sample), as torchaudio and librosa do
    ],
)
def test_samples_are_taken_with_their_rate_and_scale(
    make: Callable[[Samples], Any], tolerance: float, sound: Samples
) -> None:
    np.testing.assert_allclose(_loaded((make(sound), RATE_HZ)), sound, atol=tolerance)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4"])
def test_the_ends_of_an_integers_range_are_full_scale(kind: str) -> None:
    """-1 at its lowest, 0 in its middle, and one step below 1 at its highest."""
    lowest, highest = np.iinfo(kind).min, np.iinfo(kind).max
    middle, steps = (lowest + highest + 1) // 2, 2 ** (8 * int(kind[1]) - 1)
    written = as_file((np.array([lowest, middle, highest], kind), RATE_HZ))
    read, rate_hz = soundfile.read(io.BytesIO(written), dtype="float32")  # type: ignore[arg-type]
    assert (read.tolist(), rate_hz) == ([-1, 0, np.float32(1 - 1 / steps)], RATE_HZ)


def test_the_longer_axis_is_time_and_the_first_of_two_that_are_equal() -> None:
    stereo = np.array([[0.5, -0.5], [0.25, 0.0]], np.float32)
    for samples, expected in [
        (stereo, stereo),
        (stereo[:1], [[0.5], [-0.5]]),
        (stereo[:, :1], [[0.5], [0.25]]),
    ]:
        written = as_file((samples, 1))  # the lowest rate there is
        read, rate_hz = soundfile.read(io.BytesIO(written), always_2d=True)  # type: ignore[arg-type]
        np.testing.assert_array_equal(read, expected)
        assert rate_hz == 1


def test_the_rate_of_samples_is_changed(tone: Callable[..., Samples]) -> None:
    clip = audio.load((tone(440.0, 44_100, 1.0), 44_100), RATE_HZ)
    assert (clip.source_rate_hz, len(clip.samples)) == (44_100, RATE_HZ)
    spectrum = np.abs(np.fft.rfft(clip.samples))
    assert int(spectrum.argmax()) == 440


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (np.zeros(5, np.float32), r"given as ndarray; give a path, .*, or \(samples, rate in Hz\)"),
        (None, "given as NoneType; give a path"),
        ((np.zeros(5), RATE_HZ, 1), "given as tuple; give a path"),
        (io.StringIO("text"), "given as StringIO; give .* opened in binary mode"),
        ((np.zeros((2, 2, 2)), RATE_HZ), "an array of float64 with 3 axes; give floats"),
        ((np.array(["a"]), RATE_HZ), "an array of <U1 with 1 axes; give floats"),
        ((np.zeros(5), 0), "The rate is 0 Hz; give a whole number above 0"),
        ((np.zeros(5), 22_050.5), "The rate is 22050.5 Hz; give a whole number"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(source: Any, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        as_file(source)


def test_no_samples_are_told() -> None:
    with pytest.raises(EmptyAudioError, match="The array holds no samples"):
        as_file((np.zeros(0), RATE_HZ))


def test_a_named_pipe_is_read_to_its_end(
    sound: Samples, tmp_path: Path, sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(sound, RATE_HZ, "WAV", "FLOAT")
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(pipe.write_bytes, data)
        np.testing.assert_array_equal(_loaded(str(pipe)), sound)
        assert written.result() == len(data)


def test_an_open_file_that_gives_a_little_at_a_time_is_read_to_its_end(
    sound: Samples, sound_file: Callable[..., bytes]
) -> None:
    def write() -> None:
        with os.fdopen(writes, "wb") as file:
            file.write(data)

    data = sound_file(sound, RATE_HZ, "WAV", "FLOAT")
    reads, writes = os.pipe()
    with os.fdopen(reads, "rb", buffering=0) as file, ThreadPoolExecutor(1) as pool:
        pool.submit(write)
        np.testing.assert_array_equal(_loaded(file), sound)


def test_what_never_ends_is_read_to_the_limit_only() -> None:
    limits = Limits(max_bytes=2_000_000)
    assert as_file(io.BytesIO(bytes(2_000_000)), limits) == bytes(2_000_000)
    told = r"^zero goes on after 2 MB, the limit is 2 MB; cut it shorter or save it in a compressed"
    with pytest.raises(AudioLimitError, match=told):
        as_file("/dev/zero", limits)
    told = r"^The sound goes on after 2 MB"
    with Path("/dev/zero").open("rb") as endless, pytest.raises(AudioLimitError, match=told):
        as_file(endless, limits)


def test_a_path_with_nothing_there_is_told_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "none.wav"
    assert as_file(str(path)) == path
    with pytest.raises(NotAudioError, match=r"^none\.wav is not a file; give the path of a sound"):
        _loaded(path)


class _Failing(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        """Fail as a disk does, behind the header."""
        if self.tell() > 60_000:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(min(size or 0, 20_000))


def test_a_disk_that_fails_is_told_in_a_sentence(
    sound: Samples,
    tmp_path: Path,
    sound_file: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = sound_file(sound.repeat(3), RATE_HZ, "WAV", "FLOAT")
    told = r"^.* cannot be read \(Input/output error\); check the disk and your permission\.$"
    with pytest.raises(NotAudioError, match=told):
        as_file(_Failing(data))
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    monkeypatch.setattr(Path, "open", lambda *_: _Failing(data))
    with pytest.raises(NotAudioError, match=told.replace(".*", r"sound\.wav", 1)):
        audio.load(path, RATE_HZ)


def test_a_file_that_may_not_be_opened_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = tmp_path / "sound.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(NotAudioError, match=r"^n{252} cannot be read \(File name too long\);"):
        audio.load(tmp_path / ("n" * 252 + ".wav"), RATE_HZ, name="n" * 252)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(NotAudioError, match=r"^sound\.wav cannot be read \(Permission denied\);"):
        audio.load(path, RATE_HZ)

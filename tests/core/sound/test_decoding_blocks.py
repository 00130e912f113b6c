"""What comes out of a file block by block: from where, how long, and what of it is sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.errors import AudioLimitError, DamagedAudioError
from resona_core.settings import SOUND_LIMITS, Limits
from resona_core.sound.decoding import OpenSound, too_long
from resona_core.sound.frames import Decoded
from resona_core.sound.notices import Notices
from resona_core.sound.opening import open_sound

SoundFile = Callable[..., bytes]
RATE_HZ = 16_000


def ramp(length_s: float) -> NDArray[np.float32]:
    """Frames whose samples tell their number, two channels."""
    frames = np.arange(round(length_s * RATE_HZ), dtype=np.float32) / 2**16
    return np.stack([frames, -frames], axis=1)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AIFF", "CAF"])
@pytest.mark.parametrize("start_s", [0.0, 0.3, 1.00003, 2.2])
def test_blocks_of_half_a_second_begin_at_the_nearest_frame(
    container: str, start_s: float, sound_file: SoundFile
) -> None:
    sound = ramp(2.2)
    data = sound_file(sound, RATE_HZ, container, "PCM_24")
    with open_sound(data) as opened:
        blocks = list(opened.blocks(start_s))
    expected = sound[round(start_s * RATE_HZ) :]
    np.testing.assert_allclose(np.concatenate([sound[:0], *blocks]), expected, atol=2.0**-22)
    assert [len(block) for block in blocks[:-1]] == [8_000] * (len(expected) // 8_000)


@pytest.mark.parametrize(
    ("subtype", "quietest"),
    [("PCM_U8", 1.5 * 2.0**-7), ("PCM_16", 1.5 * 2.0**-15), ("PCM_24", 1e-5), ("FLOAT", 1e-5)],
)
def test_the_quietest_sound_is_louder_than_dither(
    subtype: str, quietest: float, sound_file: SoundFile
) -> None:
    with open_sound(sound_file(ramp(0.1), RATE_HZ, "WAV", subtype)) as opened:
        assert opened.quietest == pytest.approx(quietest)


@pytest.mark.parametrize("wrong", [np.nan, -np.inf, 1e10, -1e10])
@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_what_is_no_sample_is_silenced_in_both_channels_and_told_to_the_frame(
    wrong: float, start_s: float, sound_file: SoundFile
) -> None:
    sound = ramp(3.0)
    sound[32_000, 0] = sound[32_100, 0] = sound[32_159, 1] = wrong
    with open_sound(sound_file(sound, RATE_HZ, "WAV", "FLOAT")) as opened:
        heard = np.concatenate(list(opened.blocks(start_s)))
    sound[[32_000, 32_100, 32_159]] = 0
    np.testing.assert_array_equal(heard, sound[round(start_s * RATE_HZ) :])
    lost = opened.notices.undecoded
    assert (lost.count, lost.first_s, lost.last_end_s) == (1, 2.0, 32_160 / RATE_HZ)


@pytest.mark.parametrize(("level", "is_sound"), [(np.nan, False), (1e10, False), (9e9, True)])
def test_a_file_of_nothing_but_wrong_samples_is_refused(
    level: float, is_sound: bool, sound_file: SoundFile
) -> None:
    with open_sound(sound_file(np.full(9_000, level), RATE_HZ, "WAV", "FLOAT"), name="a") as opened:
        if is_sound:
            assert sum(len(block) for block in opened.blocks()) == 9_000
        else:
            with pytest.raises(DamagedAudioError, match=r"a holds nothing but .*\(above 1e\+10,"):
                list(opened.blocks())


@pytest.mark.parametrize(("length_s", "is_heard"), [(2.0, True), (2.1, True), (2.11, False)])
def test_a_sound_of_unknown_length_may_exceed_the_limit_by_what_codecs_add(
    length_s: float, is_heard: bool, sound_file: SoundFile
) -> None:
    data = bytearray(sound_file(ramp(length_s), RATE_HZ, "WAV", "PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    with open_sound(bytes(data), Limits(max_duration_s=2.0)) as opened:
        assert opened.duration_s is None
        if is_heard:
            assert sum(len(block) for block in opened.blocks()) == round(length_s * RATE_HZ)
        else:
            with pytest.raises(AudioLimitError, match="lasts more than 2 s"):
                list(opened.blocks())


@pytest.mark.parametrize(("missing_s", "is_told"), [(0.09, False), (0.11, True)])
def test_an_end_that_is_missing_is_told_beyond_a_tenth_of_a_second(
    missing_s: float, is_told: bool, sound_file: SoundFile
) -> None:
    data = sound_file(ramp(2.0), RATE_HZ, "WAV", "PCM_16")
    with open_sound(data[: len(data) - 4 * round(missing_s * RATE_HZ)]) as opened:
        assert opened.duration_s == 2.0
        list(opened.blocks())
    told = (opened.notices.ends_s, opened.notices.promised_s)
    assert told == ((pytest.approx(2.0 - missing_s), 2.0) if is_told else (None, None))


@dataclass
class Stamped:
    """Frames at 100 a second, ten together, numbered from 0 on; each ten at its stamp."""

    stamps_s: tuple[float | None, ...]
    rate_hz: int = 100
    channels: int = 1
    bits: int = 16
    sought_s: list[float] = field(default_factory=list)

    def seek(self, at_s: float) -> None:
        """Stay at the beginning, as in formats where FFmpeg lands anywhere."""
        self.sought_s.append(at_s)

    def __iter__(self) -> Iterator[Decoded]:
        for i, at_s in enumerate(self.stamps_s):
            samples = np.arange(10 * i, 10 * i + 10, dtype=np.float32)[:, None]
            yield Decoded(samples, at_s, damaged=False)


def sound_of(*stamps_s: float | None, duration_s: float | None = None) -> OpenSound:
    limits, frames = Limits(max_duration_s=60.0), Stamped(stamps_s)
    return OpenSound("a", limits, "WAV", duration_s, 0.1, False, Notices(), frames)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", range(31))
def test_blocks_begin_at_any_frame_wherever_decoding_begins(first: int) -> None:
    opened = sound_of(0.0, None, 0.2)
    blocks = list(opened.blocks(first / 100))
    heard = np.concatenate([np.zeros((0, 1)), *blocks])
    assert heard[:, 0].tolist() == list(range(first, 30))


def test_an_excerpt_is_decoded_from_a_second_before_it() -> None:
    for start_s, sought_s in ((0.0, []), (30.0, [29.0])):
        opened = sound_of(0.0)
        list(opened.blocks(start_s))
        assert opened.frames.sought_s == sought_s  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("duration_s", "stamp_s", "ends_s"),
    [(5.0, 6.0, 6.1), (5.0, 6.01, 0.2), (None, 61.01, 0.2), (99.0, 61.01, 0.2)],
)
def test_a_stamp_more_than_a_second_behind_the_end_is_not_believed(
    duration_s: float | None, stamp_s: float, ends_s: float
) -> None:
    opened = sound_of(0.0, stamp_s, duration_s=duration_s)
    assert sum(len(block) for block in opened.blocks()) == round(100 * ends_s)


def test_a_sound_known_to_be_too_long_is_told_with_its_length() -> None:
    told = str(too_long("night.wav", SOUND_LIMITS, 66_587.4))
    assert told.startswith("night.wav lasts 66,587 s, the limit is ")

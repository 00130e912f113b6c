from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig
from resona_core.errors import DataError
from resona_core.network.spectrogram import LogMel
from resona_core.sound import audio
from resona_core.sound.windows import window_at
from resona_core.training.data.clip_table import ClipTable, read_table
from resona_core.training.data.clips import load_clips, to_float


def test_clips_are_loaded_in_the_tables_order(
    dataset: Path, tiny_front_end: FrontEndConfig
) -> None:
    clips = load_clips(read_table(dataset), tiny_front_end)
    assert len(clips) == 6
    assert clips.waveforms.shape == (6, 16_000)
    assert clips.waveforms.dtype == torch.int16
    assert clips.targets.tolist() == [2, 1, 0, 2, 1, 0]
    crossings = (clips.waveforms[:, 1:] >= 0) != (clips.waveforms[:, :-1] >= 0)
    expected = [10_000, 2_400, 600] * 2  # twice the frequency, for one second
    np.testing.assert_allclose(crossings.sum(dim=1), expected, rtol=0.01)


def test_every_clip_is_stored_at_its_own_peak(
    dataset: Path, tiny_front_end: FrontEndConfig
) -> None:
    clips = load_clips(read_table(dataset), tiny_front_end)
    assert clips.waveforms.abs().amax(dim=1).tolist() == [32_767] * 6
    assert float(to_float(clips.waveforms).abs().max()) == 1.0


def test_a_silent_clip_is_left_out_and_named(
    dataset: Path, tiny_front_end: FrontEndConfig, sound_file: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (dataset / "audio" / "1-siren.wav").write_bytes(sound_file(np.zeros(8_000, np.float32)))
    clips = load_clips(read_table(dataset), tiny_front_end)
    assert clips.table is not None
    assert "1-siren.wav" not in set(clips.table.table["name"])
    assert len(clips) == len(clips.targets) == 5
    (record,) = caplog.records
    assert record.getMessage() == "1 clip is silent throughout and left out: 1-siren.wav."


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (2, "2 clips are silent throughout and left out: 1-siren.wav, 1-rain.wav."),
        (5, "5 clips are silent throughout and left out: 1-siren.wav, 1-rain.wav, 1-dog.wav, "
         "3-siren.wav, 3-rain.wav."),
        (6, "Nothing sounds in any clip that can be read: 1-siren.wav, 1-rain.wav, 1-dog.wav, "
         "3-siren.wav, 3-rain.wav, ...; add others."),
    ],
)  # fmt: skip
def test_five_silent_clips_are_named(
    count: int, told: str, dataset: Path, tiny_front_end: FrontEndConfig,
    sound_file: Callable[..., bytes], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    table = read_table(dataset)
    silence = sound_file(np.zeros(8_000, np.float32))
    for path in table.table["path"][:count]:
        path.write_bytes(silence)
    if count < 6:
        assert len(load_clips(table, tiny_front_end)) == 6 - count
        assert [record.getMessage() for record in caplog.records] == [told]
    else:
        with pytest.raises(DataError, match=rf"^{re.escape(told)}$"):
            load_clips(table, tiny_front_end)


def test_of_a_long_clip_the_first_window_that_sounds_is_kept(
    dataset: Path, tiny_front_end: FrontEndConfig, noise: NDArray[np.float32],
    sound_file: Callable[..., bytes],
) -> None:  # fmt: skip
    rate_hz, n_samples = tiny_front_end.sample_rate_hz, tiny_front_end.window_samples
    late = np.concatenate([np.zeros(4 * n_samples, np.float32), noise[: n_samples // 4]])
    (dataset / "audio" / "1-siren.wav").write_bytes(sound_file(late, rate_hz, "WAV", "FLOAT"))
    kept = to_float(load_clips(read_table(dataset), tiny_front_end).waveforms[0])
    assert float(kept.abs().max()) == 1.0
    np.testing.assert_allclose(
        kept[-(n_samples // 4) :], late[-(n_samples // 4) :] / np.abs(late).max(), atol=1e-3
    )


def _largest_difference_db(clips: ClipTable, front_end: FrontEndConfig) -> float:
    """Return how far the pictures training sees are from those serving makes, in dB."""
    trained = LogMel(front_end).decibels(to_float(load_clips(clips, front_end).waveforms))
    windows = [
        window_at(audio.load(path, front_end.sample_rate_hz).samples, 0, front_end.window_samples)
        for path in clips.table["path"]
    ]
    served = LogMel(front_end).decibels(torch.from_numpy(np.stack(windows)))
    loud = served > -60  # int16 adds its own noise, 98 dB under a full-scale sine in all bands
    return float((trained - served)[loud].abs().max())


def test_training_sees_what_serving_sees(
    dataset: Path,
    tiny_front_end: FrontEndConfig,
    noise: NDArray[np.float32],
    sound_file: Callable[..., bytes],
) -> None:
    for i, path in enumerate(sorted((dataset / "audio").iterdir())):
        path.write_bytes(sound_file(noise[:30_000] * 10 ** -(i / 2), 44_100, "WAV", "FLOAT"))
    assert _largest_difference_db(read_table(dataset), tiny_front_end) < 0.1


def test_clips_that_cannot_be_read_are_named_with_the_cure(
    dataset: Path, tiny_front_end: FrontEndConfig
) -> None:
    (dataset / "audio" / "3-rain.wav").write_bytes(b"rain")
    (dataset / "audio" / "1-dog.wav").unlink()
    with pytest.raises(DataError) as caught:
        load_clips(read_table(dataset), tiny_front_end)
    message = str(caught.value)
    assert message.startswith("2 of 6 clips cannot be read; repair or remove them, or leave them")
    assert "--skip-unreadable. 1-dog.wav is not a file" in message
    assert " 3-rain.wav is not a sound" in message
    assert "more)" not in message


def test_of_many_unreadable_clips_five_are_named(
    dataset: Path, tiny_front_end: FrontEndConfig
) -> None:
    for path in (dataset / "audio").iterdir():
        path.write_bytes(b"noise")
    with pytest.raises(DataError, match=r"^6 of 6 clips .* \(and 1 more\)$") as caught:
        load_clips(read_table(dataset), tiny_front_end)
    assert str(caught.value).count("is not a sound") == 5


def test_unreadable_clips_are_left_out_when_asked_with_one_warning(
    dataset: Path, tiny_front_end: FrontEndConfig, caplog: pytest.LogCaptureFixture
) -> None:
    whole = load_clips(read_table(dataset), tiny_front_end)
    for name in ("1-siren.wav", "3-rain.wav"):  # the first and the fifth
        (dataset / "audio" / name).write_bytes(b"noise")
    clips = load_clips(read_table(dataset), tiny_front_end, skip_unreadable=True)
    assert torch.equal(clips.waveforms, whole.waveforms[[1, 2, 3, 5]])
    assert clips.targets.tolist() == [1, 0, 2, 0]
    assert clips.table is not None
    names = [path.name for path in clips.table.table["path"]]
    assert names == ["1-rain.wav", "1-dog.wav", "3-siren.wav", "3-dog.wav"]
    (record,) = caplog.records
    assert record.getMessage().startswith("2 of 6 clips cannot be read and are left out:\n")
    assert "1-siren.wav" in record.getMessage()
    assert "3-rain.wav" in record.getMessage()


def test_something_must_remain_when_clips_are_left_out(
    dataset: Path, tiny_front_end: FrontEndConfig
) -> None:
    for path in (dataset / "audio").iterdir():
        path.write_bytes(b"noise")
    with pytest.raises(DataError, match="6 of 6 clips cannot be read; repair or remove them\\. "):
        load_clips(read_table(dataset), tiny_front_end, skip_unreadable=True)


def test_training_sees_what_serving_sees_of_real_clips(esc50: Path) -> None:
    clips = read_table(esc50)
    some = ClipTable(clips.table.iloc[::230], clips.labels)
    assert _largest_difference_db(some, FrontEndConfig()) < 0.5

"""Sounds of no class that the program makes: each is what its maker promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from resona_core.training.data import others
from resona_core.training.data.others import KINDS, synthesise

RATE_HZ = 44_100


def _random(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_synthesised_is_loud_finite_and_of_a_kind() -> None:
    pool = 0.1 * torch.randn(3, RATE_HZ, generator=_random(1))
    sounds, targets = synthesise(pool, 200, RATE_HZ, _random(2))
    assert (sounds.shape, sounds.dtype) == ((200, RATE_HZ), torch.float32)
    assert (targets.shape, targets.dtype) == ((200,), torch.int64)
    assert bool(sounds.isfinite().all())
    assert bool((sounds.abs().amax(dim=1) > 0).all())
    counts = Counter(KINDS[target] for target in targets.tolist())
    assert set(counts) == {"music", "other"}  # of six makers the chords' is music
    assert 15 < counts["music"] < 55


def test_the_same_source_of_chance_makes_the_same_sounds() -> None:
    pool = 0.1 * torch.randn(3, 4_000, generator=_random(1))
    first, again, other = (synthesise(pool, 20, RATE_HZ, _random(seed)) for seed in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_the_pool_stays_as_it_is() -> None:
    pool = 0.1 * torch.randn(3, RATE_HZ, generator=_random(1))
    before = pool.clone()
    synthesise(pool, 30, RATE_HZ, _random(2))
    assert torch.equal(pool, before)


def _spectrum(sound: Tensor) -> NDArray[np.float64]:
    """Power of each Hz of a second."""
    assert len(sound) == RATE_HZ
    window = np.hanning(RATE_HZ)
    power: NDArray[np.float64] = np.abs(np.fft.rfft(sound.double().numpy() * window)) ** 2
    return power / power.sum()


def test_a_tone_stands_as_one_line_or_glides_between_50_hz_and_16_khz() -> None:
    empty = torch.zeros(1, RATE_HZ)
    standing = 0
    for seed in range(40):
        sound = others._tone(empty, RATE_HZ, _random(seed))
        assert float(sound.abs().max()) == pytest.approx(1.0, abs=1e-3)
        power = _spectrum(sound)
        assert power[47:16_004].sum() > 0.9999
        line = int(power.argmax())
        if power[max(0, line - 4) : line + 5].sum() > 0.9999:
            assert 50 <= line <= 16_000
            standing += 1
    assert 10 < standing < 30


def test_a_glide_is_even_in_pitch() -> None:
    ends = torch.tensor([100.0, 1_600.0])
    phase = others._phase(ends, 2 * RATE_HZ, RATE_HZ).double().numpy()
    cycles = np.unwrap(phase) / (2 * np.pi)
    for share, expected_hz in ((0.25, 200.0), (0.5, 400.0), (0.75, 800.0)):
        i = int(share * 2 * RATE_HZ)
        frequency_hz = (cycles[i + 441] - cycles[i - 441]) / 0.02  # over 20 ms
        assert frequency_hz == pytest.approx(expected_hz, rel=2e-3)
    assert (cycles[441] - cycles[0]) / 0.01 == pytest.approx(100.0, rel=0.01)
    assert (cycles[-1] - cycles[-442]) / 0.01 == pytest.approx(1_600.0, rel=0.01)


@pytest.mark.parametrize("frequency_hz", [50, 440, 15_999])
def test_a_standing_tone_keeps_its_pitch_to_the_end(frequency_hz: int) -> None:
    ends = torch.full((2,), float(frequency_hz))
    sound = torch.sin(others._phase(ends, 5 * RATE_HZ, RATE_HZ))
    for second in (0, 4):
        power = _spectrum(sound[second * RATE_HZ : (second + 1) * RATE_HZ])
        assert int(power.argmax()) == frequency_hz
        assert power[frequency_hz - 3 : frequency_hz + 4].sum() > 0.999


def test_hum_has_lines_at_multiples_of_50_or_60_hz_that_fall_off() -> None:
    mains = Counter[int]()
    for seed in range(12):
        sound = others._hum(torch.zeros(1, RATE_HZ), RATE_HZ, _random(seed))
        amplitude = np.abs(np.fft.rfft(sound.double().numpy())) / (RATE_HZ / 2)
        lines = np.flatnonzero(amplitude > 1e-3)
        base_hz = 50 if (lines % 50 == 0).all() else 60
        assert (lines % base_hz == 0).all()
        assert lines.max() <= 20 * base_hz
        assert all(amplitude[line] <= base_hz / line + 1e-4 for line in lines)
        mains[base_hz] += 1
    assert set(mains) == {50, 60}


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_click_is_at_one_end_of_nothing_and_at_most_3_ms_long(rate_hz: int) -> None:
    longest = int(0.003 * rate_hz) + 1
    ends, lengths = Counter[str](), []
    for seed in range(40):
        sound = others._click(torch.ones(1, rate_hz), rate_hz, _random(seed))
        loud = torch.nonzero(sound).flatten()
        at_start = int(loud[0]) == 0
        ends["start" if at_start else "end"] += 1
        lengths.append(len(loud))
        assert int(loud[-1]) == len(loud) - 1 if at_start else int(loud[-1]) == rate_hz - 1
        assert float(sound[loud[0]]) == 1.0
        assert bool((sound[loud].diff() < 0).all())  # it dies away
    assert max(lengths) <= longest
    assert max(lengths) > longest / 2 > min(lengths)
    assert min(ends["start"], ends["end"]) > 8


def test_a_fragment_is_a_short_stretch_of_a_recording_with_its_loudest_moment() -> None:
    pool = 0.1 * torch.randn(4, RATE_HZ, generator=_random(1))
    pool[0, 0], pool[1, -1], pool[2, 20_000], pool[3, 100] = 1.0, -1.0, 1.0, -1.0
    chosen, lengths = Counter[int](), []
    for seed in range(60):
        sound = others._fragment(pool, RATE_HZ, _random(seed))
        kept = torch.nonzero(sound).flatten()
        start, end = int(kept[0]), int(kept[-1]) + 1
        assert float(sound.abs().max()) == 1.0
        row = next(i for i in range(4) if torch.equal(sound[start:end], pool[i, start:end]))
        chosen[row] += 1
        lengths.append(end - start)
    assert set(chosen) == {0, 1, 2, 3}
    assert max(lengths) <= 0.2 * RATE_HZ + 1
    assert max(lengths) > 0.1 * RATE_HZ
    assert 0.01 * RATE_HZ - 1 <= min(lengths) < 0.02 * RATE_HZ


def _draws_of(root_hz: float, decay_s: float) -> Callable[..., Tensor]:
    """Draws of a chord: the root where 65 Hz is the least, the time of decay elsewhere."""
    return lambda count, low, *rest: torch.tensor([root_hz if low == 65.0 else decay_s])


def test_a_held_chord_is_lines_of_tempered_tones_and_their_harmonics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(others, "_log_uniform", _draws_of(220.0, 1e9))
    tempered_hz = 220.0 * 2 ** (np.arange(25) / 12)  # two octaves
    allowed_hz = np.outer(tempered_hz, np.arange(1, 6)).ravel()
    for seed in range(10):
        power = _spectrum(others._chord(torch.zeros(1, RATE_HZ), RATE_HZ, _random(seed)))
        lines = np.flatnonzero(power > 1e-5)
        distance = np.abs(lines[:, None] - allowed_hz).min(axis=1)
        assert distance.max() < 4.0  # Hz: the window's width
        assert power[[round(f) + i for f in allowed_hz for i in range(-3, 4)]].sum() > 0.99
        assert lines.min() > 215


def test_a_chords_harmonics_fall_as_the_order_to_the_power_of_one_and_a_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(others, "_log_uniform", _draws_of(220.0, 1e9))
    monkeypatch.setattr(torch, "randint", lambda *rest, **kwargs: torch.zeros(3).long())
    sound = others._chord(torch.zeros(1, RATE_HZ), RATE_HZ, _random(0))  # three times the root
    amplitude = np.abs(np.fft.rfft(sound.double().numpy())) / (RATE_HZ / 2)
    expected = [3.0, 3 / 2**1.5, 3 / 3**1.5, 3 / 8, 3 / 5**1.5]
    np.testing.assert_allclose(amplitude[[220, 440, 660, 880, 1_100]], expected, atol=2e-3)
    assert np.sort(amplitude)[-6] < 2e-3


def test_a_chord_has_three_to_five_tones(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, randint = [], torch.randint

    def note(low: int, high: int, size: tuple[int, ...], **kwargs: object) -> Tensor:
        assert (low, high) == (0, 25)
        counts.append(size[0])
        return randint(low, high, size, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(torch, "randint", note)
    for seed in range(40):
        others._chord(torch.zeros(1, 100), RATE_HZ, _random(seed))
    assert set(counts) == {3, 4, 5}


def test_a_struck_chord_dies_away(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = torch.zeros(1, RATE_HZ)
    monkeypatch.setattr(others, "_log_uniform", _draws_of(220.0, 1e9))
    held = others._chord(silent, RATE_HZ, _random(5))
    monkeypatch.setattr(others, "_log_uniform", _draws_of(220.0, 0.3))
    struck = others._chord(silent, RATE_HZ, _random(5))
    envelope = torch.exp(-torch.arange(RATE_HZ) / RATE_HZ / 0.3)
    torch.testing.assert_close(struck, held * envelope, atol=1e-5, rtol=0)


def test_hiss_lies_between_white_and_pink_and_stays() -> None:
    slopes = []
    for seed in range(20):
        sound = others._hiss(torch.zeros(1, RATE_HZ), RATE_HZ, _random(seed))
        power = np.abs(np.fft.rfft(sound.double().numpy())) ** 2
        octaves = [power[2**i : 2 ** (i + 1)].mean() for i in range(5, 14)]
        slopes.append(np.polyfit(np.arange(9), np.log2(octaves), 1)[0])  # white 0, pink -1
        quarters = sound[: RATE_HZ // 4 * 4].reshape(4, -1).square().mean(dim=1)
        assert float(quarters.max() / quarters.min()) < 2.0
    assert min(slopes) > -1.1
    assert max(slopes) < 0.1
    assert max(slopes) - min(slopes) > 0.6


def test_a_clip_of_an_odd_number_of_samples_can_be_made() -> None:
    sounds, _ = synthesise(torch.rand(2, 15_999), 60, 16_000, _random(0))
    assert sounds.shape == (60, 15_999)

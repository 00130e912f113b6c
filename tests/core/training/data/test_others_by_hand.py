"""What given draws make of sounds of no class, beside what one works out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resona_core.training.data import others

ALMOST_1 = 1 - 2**-24  # the largest that is drawn


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> float:
    """Have this number drawn wherever one from 0 to 1 is, and the first wherever one of many."""
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), request.param))
    monkeypatch.setattr(torch, "randint", lambda low, high, size, **_: torch.full(size, low))
    share: float = request.param
    return share


def _made(maker: str, rate_hz: int, pool: Tensor | None = None) -> Tensor:
    """Return what a maker makes in a second."""
    pool = torch.zeros(1, rate_hz) if pool is None else pool
    sound: Tensor = getattr(others, maker)(pool, rate_hz, torch.Generator())
    return sound.double()


def _lines(sound: Tensor, hz: list[int]) -> list[float]:
    """Return the amplitudes at whole frequencies."""
    return [float(x) for x in torch.fft.rfft(sound)[hz].abs() * 2 / len(sound)]


@pytest.mark.parametrize(
    ("drawn", "rate_hz", "hz"),
    [(0.0, 44_100, 50), (ALMOST_1, 44_100, 16_000), (ALMOST_1, 16_000, 7_200)],
    indirect=["drawn"],
)
def test_the_ends_of_a_tone_are_50_hz_and_16_khz_or_what_the_rate_holds(
    drawn: float, rate_hz: int, hz: int
) -> None:
    assert _lines(_made("_tone", rate_hz), [hz]) == pytest.approx([1.0], abs=0.01)


@pytest.mark.parametrize(("draw", "glides"), [(0.0, False), (0.49, False), (0.5, True)])
def test_half_of_the_tones_stand_where_they_begin(
    draw: float, glides: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends drawn are 50 Hz and 16 kHz; half way in pitch lies their geometric mean."""
    draws = iter([torch.tensor([0.0, 1.0]), torch.tensor([draw])])
    monkeypatch.setattr(torch, "rand", lambda *_, **__: next(draws))
    sound = _made("_tone", 44_100).numpy()
    crossings = np.flatnonzero(np.diff(np.signbit(sound)))
    middle = crossings[(crossings > 21_000) & (crossings < 23_100)]
    expected_hz = (50 * 16_000) ** 0.5 if glides else 50
    assert 22_050 / np.diff(middle).mean() == pytest.approx(expected_hz, rel=0.05)


def test_the_longest_decay_takes_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), ALMOST_1))
    sound = others._chord(torch.zeros(1, 31 * 2_000), 2_000, torch.Generator().manual_seed(0))
    first, last = (sound[second * 2_000 :][:2_000].square().mean() for second in (0, 30))
    assert float(last / first) == pytest.approx(np.exp(-2), rel=0.02)


@pytest.mark.parametrize(
    ("drawn", "n_tones", "root_hz", "decay_s"),
    [(0.0, 3, 65, 0.3), (0.5, 4, 65 * 8**0.5, 3.0), (ALMOST_1, 5, 520, 30.0)],
    indirect=["drawn"],
)
def test_a_chord_has_a_root_and_dies_away(
    drawn: float, n_tones: int, root_hz: float, decay_s: float
) -> None:
    """All tones of these are the root; its five harmonics fall as the order to the 1.5."""
    time_s = np.arange(44_100) / 44_100
    tone = sum(np.sin(2 * np.pi * root_hz * n * time_s) / n**1.5 for n in range(1, 6))
    expected = n_tones * tone * np.exp(-time_s / decay_s)
    np.testing.assert_allclose(_made("_chord", 44_100), expected, atol=0.02)


@pytest.mark.parametrize(
    ("drawn", "mains_hz"), [(0.49, 50), (0.5, 60), (ALMOST_1, 60)], indirect=["drawn"]
)
def test_hum_has_twenty_lines_that_fall_as_their_order(drawn: float, mains_hz: int) -> None:
    orders = range(1, 22)
    found = _lines(_made("_hum", 16_000), [mains_hz * order for order in orders])
    expected = [drawn / order if order <= 20 else 0.0 for order in orders]
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("drawn", "slope"), [(0.0, 0.0), (0.5, -0.5), (ALMOST_1, -1.0)], indirect=["drawn"]
)
def test_the_power_of_hiss_falls_by_up_to_3_db_an_octave(drawn: float, slope: float) -> None:
    pool = torch.zeros(1, 160_000)
    sound = others._hiss(pool, 16_000, torch.Generator().manual_seed(0))
    power = torch.fft.rfft(sound.double()).abs().square()
    octaves = [float(power[2**n : 2 ** (n + 1)].mean().log2()) for n in range(6, 16)]
    assert np.polyfit(range(10), octaves, 1)[0] == pytest.approx(slope, abs=0.03)


@pytest.mark.parametrize(
    ("drawn", "length", "fading", "at_end"),
    [(0.0, 1, 1.0, True), (0.05, 3, 1.0, True), (0.49, 24, 4.8, True), (0.5, 25, 5.0, False),
     (ALMOST_1, 48, 9.6, False)],
    indirect=["drawn"],
)  # fmt: skip
def test_a_click_fades_over_a_fifth_of_its_length(
    drawn: float, length: int, fading: float, at_end: bool
) -> None:
    sound = _made("_click", 16_000).numpy()
    heard = sound[-length:] if at_end else sound[:length]
    np.testing.assert_allclose(heard, np.exp(-np.arange(length) / fading), rtol=1e-5)
    assert np.count_nonzero(sound) == length


@pytest.mark.parametrize(
    ("drawn", "loudest", "row", "start", "length"),
    [
        (0.0, 9_000, 0, 9_000, 160),  # a hundredth of a second from the loudest moment on
        (ALMOST_1, 9_000, 3, 5_801, 3_200),  # a fifth, up to it
        (0.5, 9_000, 2, 8_642, 716),  # between them on a logarithmic scale, and around it
        (0.5, 100, 2, 0, 716),  # no earlier than the recording, nor later
        (0.0, 15_950, 0, 15_840, 160),
    ],
    indirect=["drawn"],
)
def test_a_fragment_is_cut_around_the_loudest_moment(
    drawn: float, loudest: int, row: int, start: int, length: int
) -> None:
    pool = 0.1 + 0.1 * torch.arange(4.0)[:, None].expand(4, 16_000).clone()
    pool[:, loudest] = -1.0
    expected = torch.zeros(16_000)
    expected[start : start + length] = pool[row, start : start + length]
    torch.testing.assert_close(_made("_fragment", 16_000, pool), expected.double())

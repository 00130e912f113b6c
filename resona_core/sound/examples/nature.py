"""Weather, water and fire."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from resona_core.sound.examples.elements import (
    DURATION_S,
    Samples,
    amplitude,
    burst,
    finish,
    noise,
    phase_of,
    place,
    room,
    times_s,
    wander,
)


def rain(rng: Generator, drops_per_s: float = 90.0) -> Samples:
    """Return steady rain: the hiss of far drops and the patter of near ones."""
    track = noise(rng, {40: -16, 200: -3, 900: 0, 3_000: -1, 8_000: -4, 20_000: -14})
    track *= 1 + 0.05 * wander(rng, 2)
    for _ in range(rng.poisson(drops_per_s * DURATION_S)):
        low_hz = rng.uniform(1_500, 5_000)
        drop = noise(rng, {low_hz / 3: -30, low_hz: 0, 12_000: -6}, 0.02)
        level = amplitude(rng.uniform(-10, 8))
        place(track, drop * burst(0.0005, 0.003, 0.02), rng.uniform(0, 4.9), level)
    return finish(track)


def wind(rng: Generator, whistle_hz: float = 520.0) -> Samples:
    """Return gusts around a corner: dark noise, and a whistling band that rises with the gust."""
    gust = 0.25 * wander(rng, 0.5) + 0.2 * wander(rng, 2)
    rumble = noise(rng, {30: 0, 120: -2, 400: -14, 1_500: -32, 6_000: -52, 20_000: -60})
    breath = noise(rng, {60: -6, 300: 0, 700: -4, 2_000: -22, 8_000: -44})
    carrier = noise(rng, {2: 0, 9: -3, 30: -40})
    quadrature = noise(rng, {2: 0, 9: -3, 30: -40})
    phase = phase_of(whistle_hz * 2 ** (0.35 * gust))
    whistle = carrier * np.cos(phase) + quadrature * np.sin(phase)
    force = 10 ** (0.3 * gust)
    return finish(force * (rumble + 0.1 * breath) + 0.12 * force**1.6 * whistle)


def sea_waves(rng: Generator, period_s: float = 3.4) -> Samples:
    """Return surf: noise that swells, turns bright as the wave breaks, and runs out."""
    time = times_s()
    turn = ((time - 0.3) / period_s) % 1
    swell = np.where(turn < 0.35, (turn / 0.35) ** 2, np.exp(-(turn - 0.35) / 0.28))
    swell = np.convolve(swell, np.ones(4_001) / 4_001, mode="same")
    body = noise(rng, {30: -6, 150: 0, 600: -2, 1_500: -8, 4_000: -20, 12_000: -38})
    foam = noise(rng, {300: -14, 900: 0, 3_000: -4, 8_000: -14, 16_000: -24})
    distant = noise(rng, {40: -3, 200: 0, 800: -8, 3_000: -20, 10_000: -36})
    lively = 1 + 0.12 * wander(rng, 6)
    return finish((0.9 * swell * body + 0.8 * swell**2 * foam) * lively + 0.22 * distant)


def thunderstorm(rng: Generator, strike_s: float = 0.9, n_echoes: int = 50) -> Samples:
    """Return a lightning strike: a crack, then rolling echoes that grow darker and die."""
    track = np.zeros_like(times_s())
    length_s = DURATION_S - strike_s
    crack = noise(rng, {40: 0, 300: -2, 1_000: -12, 3_500: -32, 9_000: -56}, length_s)
    rumble = noise(rng, {30: 0, 120: 1, 400: -12, 1_500: -34, 6_000: -60}, length_s)
    place(track, 1.5 * crack * burst(0.01, 0.5, length_s), strike_s)
    place(track, 0.5 * rumble * burst(0.1, 1.8, length_s), strike_s)
    for delay_s in rng.exponential(2.0, n_echoes):
        cut_hz = max(100.0, 620 * np.exp(-delay_s / 2.5))
        echo = noise(rng, {30: -2, 90: 0, cut_hz: -6, 3 * cut_hz: -22, 12 * cut_hz: -60}, 0.6)
        level = 1.3 * np.exp(-delay_s / 3.2) * rng.uniform(0.2, 1)
        place(track, echo * burst(0.008, 0.12, 0.6), strike_s + delay_s, level)
    hush = noise(rng, {30: 0, 200: -8, 1_000: -18, 5_000: -22, 16_000: -30})
    return finish(track + 0.012 * hush)


def crackling_fire(rng: Generator, cracks_per_s: float = 20.0) -> Samples:
    """Return a wood fire: a soft low roar, and sharp bright cracks of every size."""
    roar = noise(rng, {30: 0, 150: -3, 500: -18, 2_000: -34, 8_000: -40, 20_000: -46})
    track = 0.2 * roar * (1 + 0.25 * wander(rng, 5))
    for _ in range(rng.poisson(cracks_per_s * DURATION_S)):
        low_hz = rng.uniform(800, 4_000)
        crack = noise(rng, {low_hz / 6: -24, low_hz: 0, 9_000: 0, 18_000: -8}, 0.04)
        level = amplitude(-24 + min(rng.exponential(8.0), 26))
        shape = burst(0.0004, rng.uniform(0.001, 0.005), 0.04)
        place(track, crack * shape, rng.uniform(0.05, 4.9), level)
    return finish(room(rng, track, 0.03, 0.1))

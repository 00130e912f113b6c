"""Crickets and crows."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from resona_core.sound.examples.elements import (
    Samples,
    Signal,
    finish,
    gate,
    harmonics,
    noise,
    phase_of,
    place,
    room,
    times_s,
    wander,
)


def crickets(rng: Generator, chirp_hz: float = 4_600.0) -> Samples:
    """Return a summer night: one near cricket's chirps of four pulses over a far chorus."""
    time = times_s()
    track = np.zeros_like(time)
    for start_s in np.arange(0.1, 4.8, 0.42):
        for pulse in range(4):
            place(track, _pulse(chirp_hz * rng.uniform(0.995, 1.005)), start_s + 0.038 * pulse)
    chorus = noise(rng, {3_500: -44, 4_000: -6, 4_250: 0, 4_500: -6, 5_000: -44})
    chorus *= 1 + 0.4 * np.sin(2 * np.pi * 17 * time)
    night = noise(rng, {40: 0, 200: -10, 1_000: -20, 4_000: -20, 12_000: -26})
    return finish(track + 0.09 * chorus + 0.015 * night)


def _pulse(pitch_hz: float) -> Signal:
    """Return one stroke of the wings, 22 ms."""
    tone = np.sin(2 * np.pi * pitch_hz * times_s(0.024))
    return tone * gate(0, 0.022, 0.009, 0.024)


def crow(rng: Generator, pitch_hz: float = 470.0) -> Samples:
    """Return a crow: hoarse caws, a rough harmonic tone strongest around 1.5 kHz."""
    track = np.zeros_like(times_s())
    for start_s in (0.3, 1.05, 1.8, 3.2, 3.95):
        place(track, _caw(rng, pitch_hz * rng.uniform(0.97, 1.03)), start_s, rng.uniform(0.8, 1))
    outdoors = noise(rng, {40: 0, 200: -6, 1_000: -16, 4_000: -24, 12_000: -34})
    return finish(room(rng, track, 0.2, 0.25) + 0.02 * outdoors)


def _caw(rng: Generator, pitch_hz: float, duration_s: float = 0.42) -> Signal:
    """Return one caw: the pitch arches, and noise roughens it."""
    turn = times_s(duration_s) / duration_s
    arch = pitch_hz * (0.88 + 0.14 * np.sin(np.pi * turn**0.7))
    phase = phase_of(arch * (1 + 0.03 * wander(rng, 60, duration_s)))
    comb = [np.exp(-((np.log2(order * pitch_hz / 1_600) / 0.75) ** 2)) for order in range(1, 17)]
    breath = noise(rng, {500: -16, 1_500: 0, 2_500: -2, 6_000: -18}, duration_s)
    rough = 1 + 0.5 * wander(rng, 90, duration_s)
    return (harmonics(phase, comb) * rough + 0.7 * breath) * gate(0, duration_s, 0.05, duration_s)

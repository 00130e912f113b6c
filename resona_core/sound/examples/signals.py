"""Sounds that people made to be heard: sirens, horns, bells, alarms."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from resona_core.sound.examples.elements import (
    DURATION_S,
    Samples,
    Signal,
    burst,
    finish,
    gate,
    harmonics,
    noise,
    phase_of,
    place,
    ringing,
    room,
    times_s,
)

SIREN_RANGE_HZ = (600.0, 1_300.0)
SIREN_PERIOD_S = 4.0
STREET_DB: dict[float, float] = {30: 0, 150: -6, 600: -18, 2_000: -28, 8_000: -42}
"""Traffic far off: the level of its noise in dB at corners in Hz."""

BELL_PARTIALS = (
    # ratio to the strike note, amplitude, decay in s of a bell of 400 Hz
    (0.5, 0.55, 3.5), (1.0, 0.7, 2.2), (1.2, 0.9, 1.7), (1.5, 0.4, 1.2), (2.0, 1.0, 1.4),
    (2.52, 0.35, 0.8), (2.67, 0.35, 0.7), (3.01, 0.5, 0.7), (4.16, 0.4, 0.45),
    (5.43, 0.3, 0.3), (6.79, 0.22, 0.22), (8.21, 0.16, 0.16), (9.7, 0.1, 0.12),
    (11.2, 0.08, 0.09), (13.0, 0.05, 0.07),
)  # fmt: skip
"""Hum, prime, minor third, fifth, nominal and the partials above them."""

PEAL = ((1.0, 1.9, 0.05), (1.2, 1.55, 0.6), (1.5, 1.3, 0.95), (1.8, 1.15, 0.3))
"""Four bells: pitch as a ratio to the lowest, seconds between strokes, the first stroke in s."""

ALARM_HZ = 2_048.0


def siren(rng: Generator, period_s: float = SIREN_PERIOD_S) -> Samples:
    """Return a wailing siren: a rich tone gliding up and down over :data:`SIREN_RANGE_HZ`."""
    turn = (times_s() / period_s + 0.15) % 1
    height = np.where(turn < 0.4, np.sin(np.pi / 2 * turn / 0.4), (1 - turn) / 0.6)
    low_hz, high_hz = SIREN_RANGE_HZ
    phase = phase_of(low_hz * (high_hz / low_hz) ** height)
    horn = harmonics(phase, [1, 0.3, 0.35, 0.12, 0.14, 0.06, 0.06, 0.03, 0.03, 0.02])
    return finish(room(rng, horn, 0.25, 0.35) + 0.02 * noise(rng, STREET_DB), 0.75)


def car_horn(rng: Generator, low_hz: float = 405.0) -> Samples:
    """Return two honks of a pair of horns tuned a third apart, in a street."""
    phase = 2 * np.pi * low_hz * times_s()
    comb = [1 / (1 + abs(order - 5) / 3) for order in range(1, 20)]
    pair = harmonics(phase, comb) + 0.9 * harmonics(phase * 1.26, comb[:15])
    pressed = gate(0.4, 0.55, 0.012) + gate(1.35, 1.9, 0.012)
    street = noise(rng, STREET_DB)
    return finish(room(rng, pair * pressed, 0.18, 0.3) + 0.06 * street)


def church_bells(rng: Generator, lowest_hz: float = 330.0) -> Samples:
    """Return a peal of four bells, each swinging at a pace of its own."""
    track = np.zeros_like(times_s())
    for ratio, pace_s, first_s in PEAL:
        for start_s in np.arange(first_s, DURATION_S - 0.1, pace_s):
            bell = _bell(rng, lowest_hz * ratio)
            place(track, bell, start_s + rng.uniform(-0.02, 0.02), rng.uniform(0.7, 1))
    air = noise(rng, {40: 0, 300: -10, 2_000: -20, 10_000: -30})
    return finish(room(rng, track, 0.5, 0.4) + 0.02 * air)


def _bell(rng: Generator, strike_hz: float, duration_s: float = 4.0) -> Signal:
    """Return one stroke: the partials, each a close pair that beats, and the clapper's clank."""
    slow = 400 / strike_hz
    modes = [
        (strike_hz * ratio + split_hz, size / 2, decay_s * slow)
        for ratio, size, decay_s in BELL_PARTIALS
        for split_hz in (0.0, rng.uniform(0.5, 2))
    ]
    clank = noise(rng, {300: -20, 1_500: 0, 6_000: -4, 12_000: -20}, duration_s)
    return ringing(modes, duration_s) + 0.5 * clank * burst(0.001, 0.012, duration_s)


def clock_alarm(rng: Generator, beep_hz: float = ALARM_HZ) -> Samples:
    """Return a digital alarm clock: four short beeps of a piezo disc, once a second."""
    square = harmonics(2 * np.pi * beep_hz * times_s(), [1, 0.08, 0.33, 0.04, 0.15, 0, 0.08])
    pressed = np.zeros_like(square)
    for second in range(5):
        for beep in range(4):
            pressed += gate(0.15 + second + 0.125 * beep, 0.07, 0.003)
    hush = noise(rng, {40: 0, 300: -12, 2_000: -24, 12_000: -34})
    return finish(room(rng, square * pressed, 0.05, 0.12) + 0.004 * hush, 0.7)

"""Motors in the house and the garden."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from resona_core.sound.examples.elements import (
    Samples,
    Signal,
    finish,
    harmonics,
    noise,
    phase_of,
    room,
    times_s,
    wander,
)


def vacuum_cleaner(rng: Generator, motor_hz: float = 290.0) -> Samples:
    """Return a vacuum cleaner: rushing air, the motor's hum and its whine in the treble."""
    speed_hz = motor_hz * (1 + 0.002 * wander(rng, 0.8))
    phase = phase_of(speed_hz)
    air = noise(rng, {40: -14, 200: -4, 700: 0, 2_000: -3, 6_000: -6, 16_000: -16})
    tones = 0.6 * np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.2 * np.sin(4 * phase)
    whine = 0.55 * np.sin(18 * phase) + 0.2 * np.sin(9 * phase)
    return finish(air + tones + whine)


def chainsaw(rng: Generator, idle_hz: float = 70.0) -> Samples:
    """Return a two-stroke saw revved twice: the comb of harmonics climbs and buzzes."""
    time = times_s()
    throttle = _throttle(time - 0.5, 1.5) + _throttle(time - 2.7, 2.0)
    speed_hz = idle_hz * (1 + 1.3 * throttle) * (1 + 0.015 * wander(rng, 9))
    phase = phase_of(speed_hz)
    comb = [1 / (1 + abs(order - 6) / 5) for order in range(1, 46)]
    buzz = harmonics(phase + 0.25 * np.sin(phase / 2), comb)
    rasp = noise(rng, {150: -10, 600: 0, 2_500: -2, 7_000: -8, 16_000: -20})
    rasp *= 1 + 0.8 * np.sin(phase)
    return finish(room(rng, (0.2 + throttle) * (0.3 * buzz + 0.5 * rasp), 0.08, 0.3))


def _throttle(time: Signal, length_s: float) -> Signal:
    """Return one squeeze of the trigger, 0 to 1: a quick rise, a hold, a slower fall."""
    rise = 1 / (1 + np.exp(-(time - 0.15) / 0.05))
    fall = 1 / (1 + np.exp((time - length_s) / 0.12))
    return rise * fall

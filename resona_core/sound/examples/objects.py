"""Small mechanical things: clocks, knocks, clicks, keys, steps."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from resona_core.sound.examples.elements import (
    Samples,
    Signal,
    burst,
    finish,
    noise,
    place,
    ringing,
    room,
    times_s,
)

TICKS_PER_S = 2.0
QUIET_DB: dict[float, float] = {40: 0.0, 150: -6.0, 600: -18.0, 3_000: -26.0, 12_000: -32.0}


def clock_tick(rng: Generator, ticks_per_s: float = TICKS_PER_S) -> Samples:
    """Return a mechanical clock: tick and tock of the escapement, in a wooden case."""
    track = np.zeros_like(times_s())
    case = [(310, 0.25, 0.02), (870, 0.4, 0.012), (1_650, 0.6, 0.009), (2_900, 0.8, 0.008),
            (4_300, 0.9, 0.007), (5_900, 0.7, 0.006), (7_400, 0.5, 0.005)]  # fmt: skip
    for index, start_s in enumerate(np.arange(0.1, 5 - 0.05, 1 / ticks_per_s)):
        shift = 1.0 if index % 2 == 0 else 0.93
        tick = ringing([(hz * shift, size, decay_s) for hz, size, decay_s in case], 0.12)
        scrape = noise(rng, {500: -12, 3_000: 0, 14_000: -6}, 0.12)
        tick += 0.8 * scrape * burst(0.0005, 0.004, 0.12)
        place(track, tick, start_s, shift)
        place(track, tick, start_s + 0.018, 0.3)
    return finish(room(rng, track, 0.04, 0.15) + 0.012 * noise(rng, QUIET_DB))


def door_wood_knock(rng: Generator, knocks_per_s: float = 4.6) -> Samples:
    """Return knuckles on a wooden door: three groups of knocks in a hallway."""
    track = np.zeros_like(times_s())
    for first_s, count in ((0.25, 4), (1.9, 4), (3.5, 5)):
        for index in range(count):
            start_s = first_s + index / knocks_per_s + rng.normal(0, 0.006)
            place(track, _knock(rng), start_s, rng.uniform(0.75, 1))
    return finish(room(rng, track, 0.07, 0.4) + 0.001 * noise(rng, QUIET_DB))


def _knock(rng: Generator) -> Signal:
    """Return one knock: the panel's low modes and the dry tap of the knuckle."""
    panel = [(96, 0.7, 0.035), (168, 1, 0.03), (262, 0.9, 0.022), (395, 0.7, 0.016),
             (610, 0.5, 0.012), (930, 0.35, 0.008), (1_480, 0.2, 0.006)]  # fmt: skip
    detune = rng.uniform(0.97, 1.03)
    knock = ringing([(hz * detune, size, decay_s) for hz, size, decay_s in panel], 0.3)
    tap = noise(rng, {200: 0, 1_000: -4, 4_000: -18, 12_000: -34}, 0.3)
    return knock + tap * burst(0.0008, 0.006, 0.3)


def mouse_click(rng: Generator) -> Samples:
    """Return a computer mouse: each click is a snap down and a softer snap up."""
    track = np.zeros_like(times_s())
    for start_s in (0.35, 1.2, 1.42, 2.5, 3.3, 3.52, 4.4):
        hold_s = rng.uniform(0.07, 0.1)
        place(track, _snap(rng, 1.0), start_s)
        place(track, _snap(rng, 1.15), start_s + hold_s, 0.6)
    return finish(room(rng, track, 0.02, 0.12) + 0.002 * noise(rng, QUIET_DB))


def _snap(rng: Generator, pitch: float) -> Signal:
    """Return a micro switch's snap: plastic modes of a few milliseconds."""
    shell = [(420, 0.15, 0.006), (1_350, 0.5, 0.004), (2_600, 0.8, 0.0035), (4_100, 0.8, 0.003),
             (6_300, 0.6, 0.0025), (9_000, 0.4, 0.002)]  # fmt: skip
    snap = ringing([(hz * pitch, size, decay_s) for hz, size, decay_s in shell], 0.05)
    rattle = noise(rng, {600: -10, 3_000: 0, 14_000: -4}, 0.05)
    return snap + rattle * burst(0.0004, 0.002, 0.05)


def keyboard_typing(rng: Generator, keys_per_s: float = 8.0) -> Samples:
    """Return fast typing: every key has its own pitch, a press and a release."""
    track = np.zeros_like(times_s())
    start_s = 0.1
    while start_s < 4.7:
        pitch, level = rng.uniform(0.7, 1.3), rng.uniform(0.4, 1)
        place(track, _key(rng, pitch), start_s, level)
        place(track, _key(rng, 1.2 * pitch), start_s + rng.uniform(0.06, 0.09), 0.4 * level)
        pause_s = 0.35 if rng.uniform() < 0.08 else 0.0
        start_s += rng.gamma(6, 1 / (6 * keys_per_s)) + pause_s
    return finish(room(rng, track, 0.03, 0.25) + 0.01 * noise(rng, QUIET_DB))


def _key(rng: Generator, pitch: float) -> Signal:
    """Return one key's clack on its plate."""
    plate = [(240, 0.4, 0.012), (780, 0.35, 0.009), (1_900, 0.4, 0.006), (3_400, 0.4, 0.005)]
    key = ringing([(hz * pitch, size, decay_s) for hz, size, decay_s in plate], 0.08)
    clack = noise(rng, {150: -10, 1_500: 0, 4_500: 2, 12_000: -8}, 0.08)
    return key + 1.2 * clack * burst(0.001, 0.008, 0.08)


def footsteps(rng: Generator, steps_per_s: float = 1.9) -> Samples:
    """Return shoes on gravel: a heel, then the crunch as the foot rolls to the toe."""
    track = np.zeros_like(times_s())
    for start_s in np.arange(0.15, 4.6, 1 / steps_per_s):
        place(track, _step(rng), start_s + rng.normal(0, 0.012), rng.uniform(0.8, 1))
    return finish(room(rng, track, 0.05, 0.2) + 0.01 * noise(rng, QUIET_DB))


def _step(rng: Generator) -> Signal:
    """Return one step: a dull heel strike and two bursts of scraping grains."""
    step = 0.9 * ringing([(70, 1, 0.03), (130, 0.8, 0.025), (280, 0.5, 0.015)], 0.4)
    for delay_s, level in ((0.0, 0.8), (0.11, 0.6)):
        scrape = noise(rng, {150: 0, 600: 0, 2_500: -4, 8_000: -12}, 0.2)
        grains = np.abs(noise(rng, {40: 0, 400: -6, 2_000: -40}, 0.2))
        place(step, scrape * grains * burst(0.012, 0.035, 0.2), delay_s, level)
    return step

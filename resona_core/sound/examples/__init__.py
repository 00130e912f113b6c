"""Demo sounds, synthesised by this project: nothing here was recorded.

Each sound is built from noise, tones and ringing modes to resemble one ESC-50 class,
and is the same at every call, because its generator starts from a fixed seed.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from resona_core.errors import RequestError
from resona_core.sound.examples import animals, machines, nature, objects, signals
from resona_core.sound.examples.elements import DURATION_S, SAMPLE_RATE_HZ, place

__all__ = [
    "DEMO_SOUNDS",
    "DURATION_S",
    "EXAMPLE_PARTS",
    "SAMPLE_RATE_HZ",
    "DemoSound",
    "demo_samples",
    "demo_sound",
    "demo_wav",
    "example_recording",
]


@dataclass(frozen=True)
class DemoSound:
    """A sound to try the network with.

    Attributes
    ----------
    key : str
        How the program calls it.
    title : str
        How people call it.
    label : str
        The ESC-50 class it is meant to be.
    description : str
        How it is made, in one line.
    synthesise : callable
        Generator -> (sample,) float32 in [-1, 1], 5 s at 44.1 kHz.
    """

    key: str
    title: str
    label: str
    description: str
    synthesise: Callable[[np.random.Generator], NDArray[np.float32]]


DEMO_SOUNDS: tuple[DemoSound, ...] = (
    DemoSound(
        "church_bells", "Church bells", "church_bells",
        "Four bells, each a sum of 15 fading tones: hum, prime, minor third, fifth, octave ...",
        signals.church_bells,
    ),
    DemoSound(
        "siren", "Siren", "siren",
        "One tone and its harmonics, gliding between 600 and 1300 Hz and back every 4 s.",
        signals.siren,
    ),
    DemoSound(
        "rain", "Rain", "rain",
        "Soft noise for the far drops and 90 tiny noise bursts a second for the near ones.",
        nature.rain,
    ),
    DemoSound(
        "clock_tick", "Ticking clock", "clock_tick",
        "Two ticks a second, each a few thousandths of a second of ringing metal and wood.",
        objects.clock_tick,
    ),
    DemoSound(
        "crow", "Crow", "crow",
        "A rough 470 Hz tone whose harmonics are loudest near 1.6 kHz, in five arched caws.",
        animals.crow,
    ),
    DemoSound(
        "sea_waves", "Sea waves", "sea_waves",
        "Dark noise that swells every 3.4 s, with bright noise for the foam at each crest.",
        nature.sea_waves,
    ),
    DemoSound(
        "crickets", "Crickets", "crickets",
        "Chirps of four short 4.6 kHz pulses, over a narrow band of noise for the far chorus.",
        animals.crickets,
    ),
    DemoSound(
        "door_knock", "Knock on a door", "door_wood_knock",
        "Each knock strikes seven low, quickly fading modes of a wooden panel, in a hallway.",
        objects.door_wood_knock,
    ),
    DemoSound(
        "keyboard", "Typing", "keyboard_typing",
        "About eight keys a second, each with its own pitch, a press and a quieter release.",
        objects.keyboard_typing,
    ),
    DemoSound(
        "mouse_click", "Mouse clicks", "mouse_click",
        "Pairs of snaps 0.07 to 0.1 s apart: the micro switch goes down and comes up again.",
        objects.mouse_click,
    ),
    DemoSound(
        "alarm_clock", "Alarm clock", "clock_alarm",
        "Four beeps of a nearly square 2048 Hz wave, once a second, as a piezo disc makes them.",
        signals.clock_alarm,
    ),
    DemoSound(
        "footsteps", "Footsteps on gravel", "footsteps",
        "A dull thud for the heel, then two bursts of grainy noise as the foot rolls over.",
        objects.footsteps,
    ),
    DemoSound(
        "car_horn", "Car horn", "car_horn",
        "Two horns a third apart, 405 and 510 Hz, each with a long row of harmonics.",
        signals.car_horn,
    ),
    DemoSound(
        "fire", "Crackling fire", "crackling_fire",
        "A low roar of noise, and clicks of random size and colour at random moments.",
        nature.crackling_fire,
    ),
    DemoSound(
        "thunderstorm", "Thunder", "thunderstorm",
        "A crack of noise, then fifty echoes: the later they arrive, the darker and weaker.",
        nature.thunderstorm,
    ),
    DemoSound(
        "wind", "Wind", "wind",
        "Dark noise in gusts, and a narrow whistling band whose pitch rises with each gust.",
        nature.wind,
    ),
    DemoSound(
        "chainsaw", "Chainsaw", "chainsaw",
        "45 harmonics of a two-stroke motor that climb as the trigger is squeezed, and rasp.",
        machines.chainsaw,
    ),
    DemoSound(
        "vacuum_cleaner", "Vacuum cleaner", "vacuum_cleaner",
        "Rushing noise, the 290 Hz hum of the motor and its whine 18 times higher.",
        machines.vacuum_cleaner,
    ),
)  # fmt: skip
"""All demo sounds; a first visit shows the first one."""


EXAMPLE_PARTS: tuple[tuple[float, str], ...] = (
    (2.0, "church_bells"), (12.0, "crow"), (21.0, "car_horn"), (28.0, "vacuum_cleaner"),
    (38.0, "thunderstorm"), (43.0, "rain"), (55.0, "alarm_clock"),
)  # fmt: skip
"""The example recording: when each demo sound begins, in seconds, and its key."""


def demo_sound(key: str) -> DemoSound:
    """Return the demo sound called `key`.

    Raises
    ------
    RequestError
        For an unknown key; the message lists the keys there are.
    """
    for sound in DEMO_SOUNDS:
        if sound.key == key:
            return sound
    keys = ", ".join(sound.key for sound in DEMO_SOUNDS)
    raise RequestError(f"There is no demo sound {key!r}; choose one of {keys}.")


def demo_samples(key: str) -> NDArray[np.float32]:
    """Return the sound called `key`, (sample,), at :data:`SAMPLE_RATE_HZ`.

    The seed is a checksum of the key, so the sound is the same wherever it is made.
    """
    return demo_sound(key).synthesise(np.random.default_rng(zlib.crc32(key.encode())))


def demo_wav(key: str) -> bytes:
    """Return the sound called `key` as a 16-bit PCM WAV file.

    Examples
    --------
    >>> wav = demo_wav("siren")
    >>> wav[:4], wav == demo_wav("siren")
    (b'RIFF', True)
    """
    file = io.BytesIO()
    soundfile.write(file, demo_samples(key), SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return file.getvalue()


def example_recording() -> bytes:
    """Return a minute with seven demo sounds and silence between them, as a FLAC file."""
    minute = np.zeros(60 * SAMPLE_RATE_HZ)
    for start_s, key in EXAMPLE_PARTS:
        place(minute, demo_samples(key).astype(float), start_s)
    file = io.BytesIO()
    soundfile.write(file, minute, SAMPLE_RATE_HZ, subtype="PCM_16", format="FLAC")
    return file.getvalue()

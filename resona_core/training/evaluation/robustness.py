"""What real recordings do to a clip: quieter, noisier, narrower, shorter, shifted, compressed.

Training hears changes of the same kinds (noise, low-pass, gaps, another beginning;
:mod:`resona_core.training.fitting.augment`), drawn at random, so these say how well that worked;
level, telephone and MP3 it never hears as they are here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from resona_core.sound import audio

Samples = NDArray[np.float32]
Condition = Callable[[Samples, int], Samples]

_MP3_BITS_PER_SECOND = 48_000


def quieter(samples: Samples, sample_rate_hz: int) -> Samples:
    """Turn it down by 20 dB and store it in 16 bits, as a recorder far away would."""
    return np.asarray((samples * 0.1 * 32_767).round() / 32_767, dtype=np.float32)


def white_noise(samples: Samples, snr_db: float) -> Samples:
    """Add white noise `snr_db` under the clip's mean power; the same noise for the same clip."""
    generator = np.random.default_rng(int(np.abs(samples).sum() * 1e3))
    noise = generator.standard_normal(len(samples))
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-snr_db / 20)
    return np.asarray(samples + noise * level, dtype=np.float32)


def telephone(samples: Samples, sample_rate_hz: int) -> Samples:
    """Send it through 8 kHz: nothing above 4 kHz is left."""
    narrow = soxr.resample(samples, sample_rate_hz, 8_000)
    return _same_length(soxr.resample(narrow, 8_000, sample_rate_hz), len(samples))


def first_half(samples: Samples, sample_rate_hz: int) -> Samples:
    """Silence the second half."""
    kept = samples.copy()
    kept[len(kept) // 2 :] = 0
    return kept


def rolled(samples: Samples, sample_rate_hz: int) -> Samples:
    """Begin in the middle, and go on from the start at the end."""
    return np.asarray(np.roll(samples, len(samples) // 2))


def mp3(samples: Samples, sample_rate_hz: int) -> Samples:
    """Compress to MP3 at 48 kbit/s and decode it as serving does."""
    peak = max(1.0, float(np.abs(samples).max()))
    decoded = audio.load(_mp3_bytes(samples / peak, sample_rate_hz), sample_rate_hz).samples
    return _same_length(decoded * peak, len(samples))


CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "clean": lambda samples, rate: samples,
        "20 dB quieter": quieter,
        "white noise, 20 dB SNR": lambda samples, rate: white_noise(samples, 20.0),
        "white noise, 10 dB SNR": lambda samples, rate: white_noise(samples, 10.0),
        "telephone band (4 kHz)": telephone,
        "only the first half sounds": first_half,
        "rolled by half its length": rolled,
        "MP3 at 48 kbit/s": mp3,
    }
)
"""Every condition by the name the reports print, the untouched clip first."""


def _mp3_bytes(samples: Samples, sample_rate_hz: int) -> bytes:
    wav, compressed = io.BytesIO(), io.BytesIO()
    soundfile.write(wav, samples, sample_rate_hz, format="WAV", subtype="FLOAT")
    wav.seek(0)
    with av.open(wav, "r") as source, av.open(compressed, "w", format="mp3") as target:
        track = target.add_stream("libmp3lame", rate=sample_rate_hz, layout="mono")
        track.bit_rate = _MP3_BITS_PER_SECOND
        for frame in [*source.decode(audio=0), None]:  # None: what the encoder holds back
            target.mux(track.encode(frame))
    return compressed.getvalue()


def _same_length(samples: Samples, n_samples: int) -> Samples:
    padded = np.zeros(n_samples, np.float32)
    padded[: len(samples)] = samples[:n_samples]
    return padded

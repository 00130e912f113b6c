"""Sounds of none of the classes: recordings by kind and source, and what can be synthesised.

    DIR/meta.csv (filename, kind, source) and DIR/audio/*, or a folder of sounds for each kind

A network that has heard some learns to say "none of these" (outlier exposure), and what kind it
rather is.

Source: Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Generator, Tensor

from resona_core.errors import DataError
from resona_core.training.data import layouts
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.data.contradictions import digests
from resona_core.training.data.folds import split_folds
from resona_core.training.data.tables import read_csv

KINDS = ("known", "speech", "music", "other")
"""What the second last layer tells apart: any of the classes, and kinds of everything else."""

_KIND_OF = {
    "speech": "speech",
    "singing": "music",
    "music": "music",
    "instrument": "music",
    "drums": "music",
}
_N_FOLDS = 5
_NOT_NEEDED = ("licence", "duration_s", "source_rate_hz")


def read_others(source: Path) -> ClipTable:
    """Read a collection of sounds of no class; targets count in `KINDS`.

    The clips are divided into five folds by source, so that a network can be evaluated on
    sources it has not heard; the same clips always fall into the same folds.

    Raises
    ------
    DataError
        If there is no such collection, or a kind has too few sources to be divided.
    """
    listing = source / "meta.csv"
    if listing.is_file():
        table = read_csv(
            listing, ("filename", "kind", "source"), ("licence", "duration_s", "source_rate_hz")
        )
        clips = pd.DataFrame(
            {
                "path": [source / "audio" / name for name in table["filename"]],
                "name": table["filename"],
                "label": table["kind"],
                "source": table["source"],
            }
        )
    else:
        clips = layouts.list_clips(source)[["path", "name", "label", "source"]]
    clips["label"] = clips["label"].map(lambda kind: _KIND_OF.get(kind.lower(), "other"))
    clips["target"] = clips["label"].map(KINDS.index)
    sources = clips.groupby("label")["source"].nunique().sort_values()
    if sources.iloc[0] < _N_FOLDS:
        raise DataError(
            f"{source} holds {sources.iloc[0]} sources of {sources.index[0]}, too few for "
            f"{_N_FOLDS} folds; add more, or leave them out."
        )
    clips["digest"] = digests(clips["path"])
    clips["fold"] = split_folds(list(clips["label"]), list(clips["source"]), _N_FOLDS, seed=0)
    return ClipTable(clips, KINDS)


def synthesise(
    pool: Tensor, count: int, sample_rate_hz: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return sounds of no class made by this program, and their targets among `KINDS`.

    Tones that stand or glide, chords, mains hum, the hiss of a quiet input, a click at either
    end of nothing, and fragments under 0.2 s of the sounds in `pool`.

    Parameters
    ----------
    pool : Tensor (clip, sample)
        Recordings that fragments may be cut from.
    count : int
        Sounds wanted.

    Returns
    -------
    waveforms : Tensor (count, sample)
    targets : Tensor (count,), int64
    """
    makers: tuple[tuple[Callable[..., Tensor], str], ...] = (
        (_tone, "other"), (_chord, "music"), (_hum, "other"), (_hiss, "other"),
        (_click, "other"), (_fragment, "other"),
    )  # fmt: skip
    draws = torch.randint(len(makers), (count,), generator=generator, device=pool.device).tolist()
    sounds = [makers[draw][0](pool, sample_rate_hz, generator) for draw in draws]
    targets = torch.tensor([KINDS.index(makers[draw][1]) for draw in draws], device=pool.device)
    return torch.stack(sounds), targets


def _tone(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Make one sine, standing or gliding between two pitches, 50 Hz to 16 kHz."""
    ends = _log_uniform(2, 50.0, min(16_000.0, 0.45 * sample_rate_hz), pool, generator)
    if _draw(pool, generator) < 0.5:
        ends = ends[:1].expand(2)
    return torch.sin(_phase(ends, pool.shape[1], sample_rate_hz))


def _chord(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Make three to five tones of an equal-tempered scale, with harmonics, struck or held."""
    root_hz = _log_uniform(1, 65.0, 520.0, pool, generator)
    steps = torch.randint(
        0, 25, (3 + int(3 * _draw(pool, generator)),), generator=generator, device=pool.device
    )
    time_s = _times(pool, sample_rate_hz)
    sound = torch.zeros_like(time_s)
    for pitch_hz in (root_hz * 2 ** (steps / 12)).tolist():
        for order in range(1, 6):
            sound += torch.sin(2 * torch.pi * pitch_hz * order * time_s) / order**1.5
    decay_s = _log_uniform(1, 0.3, 30.0, pool, generator)
    return sound * torch.exp(-time_s / decay_s)


def _hum(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Make mains hum: 50 or 60 Hz, and harmonics that fall off."""
    mains_hz = 50.0 if _draw(pool, generator) < 0.5 else 60.0
    sizes = torch.rand(20, generator=generator, device=pool.device)
    time_s = _times(pool, sample_rate_hz)
    orders = torch.arange(1, 21, device=pool.device)[:, None]
    waves = torch.sin(2 * torch.pi * mains_hz * orders * time_s)
    hum: Tensor = (waves * (sizes[:, None] / orders)).sum(0)
    return hum


def _hiss(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Make steady noise between white and pink, as a quiet input has it."""
    n_samples = pool.shape[1]
    white = torch.randn(n_samples, generator=generator, device=pool.device)
    bins = torch.arange(1, n_samples // 2 + 2, device=pool.device)
    slope = _draw(pool, generator) / 2
    hiss: Tensor = torch.fft.irfft(torch.fft.rfft(white) * bins**-slope, n=n_samples)
    return hiss


def _click(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Make a click of up to 3 ms at the beginning or the end of nothing."""
    sound = torch.zeros(pool.shape[1], device=pool.device)
    length = 1 + int(0.003 * sample_rate_hz * _draw(pool, generator))
    decay = torch.exp(-torch.arange(length, device=pool.device) / max(1.0, length / 5))
    at_end = _draw(pool, generator) < 0.5
    sound[-length:] = decay if at_end else 0.0
    sound[:length] += 0.0 if at_end else decay
    return sound


def _fragment(pool: Tensor, sample_rate_hz: int, generator: Generator) -> Tensor:
    """Cut a hundredth to a fifth of a second of some recording, in silence."""
    n_samples = pool.shape[1]
    row = pool[int(len(pool) * _draw(pool, generator))]
    length = round(float(_log_uniform(1, 0.01, 0.2, pool, generator)) * sample_rate_hz)
    loudest = int(row.abs().argmax())
    start = min(max(0, loudest - int(length * _draw(pool, generator))), n_samples - length)
    sound = torch.zeros_like(row)
    sound[start : start + length] = row[start : start + length]
    return sound


def _times(pool: Tensor, sample_rate_hz: int) -> Tensor:
    return torch.arange(pool.shape[1], device=pool.device) / sample_rate_hz


def _phase(ends_hz: Tensor, n_samples: int, sample_rate_hz: int) -> Tensor:
    """Return the phase of a tone gliding evenly in pitch, (sample,)."""
    low, high = ends_hz.double().log2()
    along = torch.linspace(0, 1, n_samples, dtype=torch.float64, device=ends_hz.device)
    pitch = low + (high - low) * along
    return (2 * torch.pi * torch.cumsum(2**pitch, 0) / sample_rate_hz % (2 * torch.pi)).float()


def _log_uniform(count: int, low: float, high: float, pool: Tensor, generator: Generator) -> Tensor:
    share = torch.rand(count, generator=generator, device=pool.device)
    return low * (high / low) ** share


def _draw(pool: Tensor, generator: Generator) -> float:
    return float(torch.rand(1, generator=generator, device=pool.device))

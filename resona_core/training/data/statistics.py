"""What the training clips are like on the whole: mean and deviation of their decibels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.network.spectrogram import LogMel
from resona_core.training.data.clips import ClipSet, to_float

_BATCH = 64


def measure_front_end(clips: ClipSet, front_end: FrontEndConfig) -> FrontEndConfig:
    """Return `front_end` with the mean and deviation of these clips' decibels."""
    log_mel = LogMel(front_end)

    def sums(part: Tensor) -> tuple[float, float, int]:
        decibels = log_mel.decibels(to_float(part)).double()
        return decibels.sum().item(), decibels.square().sum().item(), decibels.numel()

    found = zip(*map(sums, torch.split(clips.waveforms, _BATCH)), strict=True)
    total, squares, count = map(sum, found)
    mean = total / count
    deviation = math.sqrt(squares / count - mean**2)
    values = front_end.to_dict() | {"mean_db": round(mean, 3), "std_db": round(deviation, 3)}
    return FrontEndConfig.from_dict(values)

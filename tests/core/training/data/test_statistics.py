from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resona_core.config import FrontEndConfig
from resona_core.network.spectrogram import LogMel
from resona_core.training.data.clips import ClipSet
from resona_core.training.data.statistics import measure_front_end


def test_the_front_ends_statistics_are_those_of_the_clips(tiny_front_end: FrontEndConfig) -> None:
    waveforms = torch.randint(-9_999, 9_999, (70, 4_000)).short()  # more than one part of 64
    measured = measure_front_end(ClipSet(waveforms, torch.zeros(70).long()), tiny_front_end)
    decibels = LogMel(tiny_front_end).decibels(waveforms.float()).double()
    figures = (float(decibels.mean()), float(decibels.std(correction=0)))
    assert (measured.mean_db, measured.std_db) == pytest.approx(figures, abs=6e-4)
    assert measured.mean_db == round(measured.mean_db, 3)
    assert measured.std_db == round(measured.std_db, 3)
    assert replace(measured, mean_db=-50.0, std_db=20.0) == tiny_front_end
    normalised = LogMel(measured)(waveforms.float())
    assert float(normalised.mean()) == pytest.approx(0.0, abs=1e-3)
    assert float(normalised.std()) == pytest.approx(1.0, abs=1e-3)

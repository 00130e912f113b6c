"""Few frames are transformed by NumPy, many by SciPy, to the same numbers."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from resona_core.sound import fourier


@pytest.mark.parametrize("calls", [0, fourier._FEW])
def test_a_cosine_lies_in_its_bin_whoever_transforms(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fourier, "_calls", count(calls))
    turn = 2 * np.pi * np.arange(64) / 64
    frames = np.stack([np.cos(5 * turn), 2 * np.sin(9 * turn)]).astype(np.float32)
    expected = np.zeros((2, 33), complex)
    expected[0, 5], expected[1, 9] = 32, -64j
    found = fourier.rfft(frames)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_scipy_is_loaded_only_after_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fourier, "_calls", count())
    by_numpy: list[int] = []
    transform = np.fft.rfft
    monkeypatch.setattr(np.fft, "rfft", lambda frames: by_numpy.append(1) or transform(frames))
    for _ in range(fourier._FEW + 3):
        fourier.rfft(np.ones((1, 8), np.float32))
    assert len(by_numpy) == fourier._FEW

"""Ranges, temperature and comparison of an 8-bit network, on a toy and six tones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.network import checkpoint, trial
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import FrontEnd
from resona_core.network.ranges import SOUNDS, quantised_values
from resona_core.network.weights import Weights
from resona_core.training import quantisation
from resona_core.training.data.clip_table import ClipTable
from resona_core.training.data.clips import load_clips, to_float

Samples = NDArray[np.float32]


@pytest.fixture
def toy(tmp_path: Path, uneven_classifier: Classifier) -> Weights:
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, uneven_classifier.info, uneven_classifier.network.state_dict())
    return Weights(path)


@pytest.fixture
def clips(
    tmp_path: Path, tone: Callable[..., Samples], sound_file: Callable[..., bytes]
) -> ClipTable:
    """Six tones of three classes in turn, from two folds."""
    rows = []
    for i, label in enumerate(("dog", "rain", "siren") * 2):
        path = tmp_path / f"{i}.wav"
        path.write_bytes(sound_file(tone(300.0 * (i + 1))))
        rows.append((path, path.name, label, i % 3, 3 - i % 2))
    columns = ["path", "name", "label", "target", "fold"]
    return ClipTable(pd.DataFrame(rows, columns=columns), ("dog", "rain", "siren"))


@pytest.fixture(autouse=True)
def _four_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantisation, "_BATCH", 4)


def test_what_is_measured_is_what_torch_computes(
    toy: Weights, uneven_classifier: Classifier, clips: ClipTable
) -> None:
    done: list[float] = []
    ranges = quantisation.measure(toy, clips, done.append)
    assert (ranges.weights, ranges.folds, ranges.clips) == (toy.digest(), (2, 3), 6)
    assert done == [0.25, 0.5, 0.75, 1.0]  # two batches in float32, then two in 8 bit
    waveforms = to_float(load_clips(clips, toy.info.front_end).waveforms)
    pictures = uneven_classifier.front_end(waveforms)
    _, layers = uneven_classifier.network.forward_intermediates(pictures)
    assert tuple(ranges.values) == quantised_values(toy.info.model)
    for name, values in {"picture": pictures, **layers}.items():
        if name in ranges.values:
            expected = min(0, float(values.min())), float(values.max())
            assert ranges.values[name] == pytest.approx(expected, rel=2e-3, abs=2e-3), name
    sounds = FrontEnd(toy.info.front_end)(trial.windows(toy.info.front_end))
    answers = uneven_classifier.probabilities(uneven_classifier.network(torch.from_numpy(sounds)))
    assert tuple(ranges.checks) == SOUNDS
    np.testing.assert_allclose(list(ranges.checks.values()), answers, atol=1e-4)  # four digits
    for row in ranges.checks.values():
        assert row == tuple(round(share, 4) for share in row)
    # rounding changes little: the temperature is near that of the checkpoint, 2
    assert ranges.temperature == pytest.approx(2.0, rel=0.1)


def test_the_temperature_has_four_digits(
    toy: Weights, clips: ClipTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantisation, "matching_temperature", lambda *_: 1.23456)
    assert quantisation.measure(toy, clips).temperature == 1.2346


class Session:
    """Answers clip after clip with given classes, however many are asked about at a time."""

    def __init__(self, classes: Sequence[int]) -> None:
        self._left: Iterator[int] = iter(classes)

    def run(self, names: list[str], given: dict[str, Samples]) -> list[Samples]:
        (pictures,) = given.values()
        return [np.eye(3, dtype=np.float32)[[next(self._left) for _ in pictures]]]


def test_the_answers_of_both_networks_are_counted_by_hand(
    toy: Weights, clips: ClipTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the classes are 0 1 2 0 1 2: of six, 8 bit is right in two and float32 in five; twice alike
    monkeypatch.setattr(quantisation, "_in_8_bit", lambda *_: Session([0, 0, 0, 1, 1, 1]))
    monkeypatch.setattr(quantisation, "_float32", lambda *_: Session([0, 1, 2, 0, 1, 0]))
    found = quantisation.compare(toy, SimpleNamespace(), clips)  # type: ignore[arg-type]
    assert (found.clips, found.agreement) == (6, pytest.approx(2 / 6))
    assert (found.accuracy, found.reference_accuracy) == pytest.approx((2 / 6, 5 / 6))


def test_an_8_bit_network_of_these_ranges_answers_nearly_as_in_float32(
    toy: Weights, clips: ClipTable
) -> None:
    found = quantisation.compare(toy, quantisation.measure(toy, clips), clips)
    assert (found.clips, found.agreement) == (6, 1.0)
    assert found.accuracy == found.reference_accuracy


def test_clips_of_a_class_that_the_network_does_not_know_are_refused(
    toy: Weights, clips: ClipTable
) -> None:
    strange = ClipTable(clips.table.replace({"label": {"dog": "owl", "rain": "elk"}}), ())
    with pytest.raises(DataError, match=r"^The network does not know the classes elk, owl\.$"):
        quantisation.compare(toy, SimpleNamespace(), strange)  # type: ignore[arg-type]


def test_a_range_is_what_any_batch_reached_with_0_in_it() -> None:
    reach = quantisation._Reach(["both", "above", "below", "nothing"])
    reach.add(*(np.array(each, np.float32) for each in ([-1, 2], [3, 4], [-5, -4], [0, 0])))
    reach.add(*(np.array(each, np.float32) for each in ([-3, 1], [2, 5], [-6, -3], [0, 0])))
    assert reach.ranges() == {
        "both": (-3, 2), "above": (0, 5), "below": (-6, pytest.approx(0.001)),
        "nothing": (0, pytest.approx(0.001)),
    }  # fmt: skip
    fine = quantisation._Reach(["fine"])
    fine.add(np.array([-1.2345678, 2.3456789], np.float32))
    assert fine.ranges()["fine"] == pytest.approx((-1.23457, 2.34568), abs=5e-7)  # five digits

"""What is packed on one side is unpacked on the other, and nothing else is accepted."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace

import numpy as np
import pytest

from resona_core import wire
from resona_core.classification import Classification
from resona_core.errors import RemoteAnswerError
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question
from resona_core.explain.shaping import kept_by
from resona_core.network.description import CheckpointInfo
from resona_core.results import LayerMaps, Spectrogram
from resona_core.sound import audio
from resona_core.sound.audio import Clip
from resona_core.sound.windows import Window

SENDER = wire.Sender("abc", "cuda")


def _answer() -> Classification:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 2).astype(np.float32)
    return Classification(
        ("dog", "rain", "siren"), 5.0, np.array([0.0, 2.5]), probabilities, np.array([False, True])
    )


def _maps(peak: float) -> dict[str, LayerMaps]:
    shares = np.random.default_rng(1).random((4, 3, 5)).astype(np.float32)
    shares[0, 0, 0] = 1.0
    layer = LayerMaps("stem", shares * np.float32(peak), np.arange(3.0), np.arange(5.0))
    silent = LayerMaps("layer1.0", np.zeros((2, 3, 5), np.float32), np.arange(3.0), np.arange(5.0))
    return {"stem": layer, "layer1.0": silent}


def test_a_clip_arrives_with_the_same_samples() -> None:
    samples = np.random.default_rng(0).normal(0, 0.5, 20_001).astype(np.float32)
    samples[7] = 1.7  # beyond full scale
    data = wire.pack_clip(Clip(samples, 16_000, 44_100, 2, "MP3"))
    np.testing.assert_array_equal(audio.load(data, 16_000).samples, samples)


@pytest.mark.parametrize("starts", [[480], [0, 500, 1000, 1200], [300, 1300, 2300]])
def test_windows_arrive_exactly_and_what_they_share_travels_once(starts: list[int]) -> None:
    sound = np.random.default_rng(0).normal(0, 2, 4_000).astype(np.float32)
    sent = [
        Window(start, start + 1000, sound[start : start + 1000], silent=start == 500)
        for start in starts
    ]
    data = wire.pack_windows(sent)
    assert len(data) < 4 * (starts[-1] - starts[0] + 1000) + 1_200
    arrived = wire.unpack_windows(data)
    assert [(window.start, window.end) for window in arrived] == [(s, s + 1000) for s in starts]
    assert [window.silent for window in arrived] == [start == 500 for start in starts]
    for one, other in zip(sent, arrived, strict=True):
        np.testing.assert_array_equal(other.samples, one.samples)


def test_shares_arrive_exactly() -> None:
    shares = np.array([0.25, -0.75], np.float32)
    arrived, sender = wire.unpack_shares(wire.pack_shares(shares, SENDER))
    np.testing.assert_array_equal(arrived, shares)
    assert sender == SENDER


def test_a_classification_arrives_exactly() -> None:
    sent = _answer()
    arrived, sender = wire.unpack_classification(wire.pack_classification(sent, SENDER))
    assert sender == SENDER
    assert (arrived.labels, arrived.window_s) == (sent.labels, sent.window_s)
    np.testing.assert_array_equal(arrived.window_starts_s, sent.window_starts_s)
    np.testing.assert_array_equal(arrived.window_probabilities, sent.window_probabilities)
    np.testing.assert_array_equal(arrived.silent, sent.silent)
    assert (arrived.kinds, arrived.window_kinds) == ((), None)


def test_what_the_listener_must_know_arrives_exactly() -> None:
    sent = replace(
        _answer(), beyond=np.array([False, True]), heard_s=7.5, warnings=("One.", "Another.")
    )
    arrived, _ = wire.unpack_classification(wire.pack_classification(sent, SENDER))
    assert (arrived.heard_s, arrived.warnings) == (7.5, ("One.", "Another."))
    np.testing.assert_array_equal(arrived.beyond, sent.beyond)


def test_the_kinds_arrive_exactly() -> None:
    shares = np.array([[0.25, 0.5, 0.25], [0, 0, 0]], np.float32)
    kinds = ("known", "speech", "other")
    sent = replace(_answer(), kinds=kinds, window_kinds=shares, known_floor=0.3)
    arrived, _ = wire.unpack_classification(wire.pack_classification(sent, SENDER))
    assert (arrived.kinds, arrived.known_floor) == (kinds, 0.3)
    np.testing.assert_array_equal(arrived.window_kinds, shares)
    assert arrived.kind() == "speech"


@pytest.mark.parametrize("peak", [1e-3, 4.0, 1e6])  # the last is beyond float16
def test_maps_arrive_as_close_as_promised(peak: float) -> None:
    sent = _maps(peak)
    arrived, sender = wire.unpack_maps(wire.pack_maps(sent, SENDER))
    assert sender == SENDER
    assert list(arrived) == list(sent)
    for name, layer in sent.items():
        assert arrived[name].layer == name
        assert arrived[name].maps.dtype == np.float32
        np.testing.assert_allclose(
            arrived[name].maps, layer.maps, rtol=1.01 * 2**-11, atol=peak * 2**-25
        )
        np.testing.assert_array_equal(arrived[name].frequency_hz, layer.frequency_hz)
        np.testing.assert_array_equal(arrived[name].time_s, layer.time_s)


def test_maps_take_two_bytes_a_cell() -> None:
    maps = {"stem": LayerMaps("stem", np.ones((64, 32, 40), np.float32), np.ones(32), np.ones(40))}
    assert len(wire.pack_maps(maps, SENDER)) < 2 * 64 * 32 * 40 + 4_000


def test_another_description_is_another_network(tiny_info: CheckpointInfo) -> None:
    here = wire.Sender.of(tiny_info, "cpu")
    assert here.network == wire.Sender.of(replace(tiny_info), "cuda").network
    assert here.network != wire.Sender.of(replace(tiny_info, folds=(1,)), "cpu").network


def _explanation() -> Explanation:
    """Return one that keeps all of the first second of noise, and nothing of the second."""
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    picture = Spectrogram(
        np.zeros((4, 9), np.float32), np.linspace(500.0, 7_500.0, 4), np.linspace(0.0, 2.0, 9)
    )
    mask = np.tile(np.float32([1, 1, 1, 1, 0.5, 0, 0, 0, 0]), (4, 1))
    kept = kept_by(mask, picture, samples, 16_000)
    return Explanation(
        Question(1, "rain", "occlusion", strength=2.0), picture, mask, 16_000, samples, kept,
        samples - kept, {"full": 0.9, "kept": 0.7, "rest": 1e-9},
        {"full": "rain", "kept": "rain", "rest": ""}, {"full": "Rain"}, 0.25,
    )  # fmt: skip


def test_an_explanation_arrives_exactly_though_only_its_mask_travels() -> None:
    sent = _explanation()
    data = wire.pack_explanation(sent, SENDER)
    assert len(data) < 4 * sent.mask.size + 2_000
    why, sender = wire.unpack_explanation(data, sent.heard, 16_000, sent.spectrogram)
    assert sender == SENDER
    assert why.to_dict() == sent.to_dict()
    for name in ("mask", "kept", "rest"):
        np.testing.assert_array_equal(getattr(why, name), getattr(sent, name))
    assert np.abs(why.rest[:11_000]).max() < 1e-6
    assert np.abs(why.kept[21_000:]).max() < 1e-6


def test_a_mask_of_another_picture_is_not_laid_over_this_one() -> None:
    sent = _explanation()
    other = Spectrogram(sent.spectrogram.decibels[:, :8], np.ones(4), np.ones(8))
    with pytest.raises(RemoteAnswerError, match="another version of this program"):
        wire.unpack_explanation(wire.pack_explanation(sent, SENDER), sent.heard, 16_000, other)


@pytest.mark.parametrize("box", [None, Box(0.5, 1.0, 200.0), Box(low_hz=4_000.0)])
def test_a_box_arrives_exactly_and_so_does_that_there_is_none(box: Box | None) -> None:
    assert wire.unpack_box(wire.pack_box(box, SENDER)) == (box, SENDER)


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


class _Trap:
    """Is noted where somebody unpickles it."""

    sprung = 0

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return _spring, ()


def _spring() -> str:
    _Trap.sprung += 1
    return "{}"


def test_nothing_that_arrives_is_unpickled() -> None:
    trap = np.array(_Trap(), dtype=object)
    assert pickle.loads(pickle.dumps(trap)).item() == "{}"
    assert _Trap.sprung == 1
    for data, unpack in (
        (_npz(about=trap), wire.unpack_shares), (_npz(samples=trap), wire.unpack_windows),
    ):  # fmt: skip
        with pytest.raises(RemoteAnswerError):
            unpack(data)
    assert _Trap.sprung == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an archive",
        pickle.dumps({"labels": []}),
        _npz(maps=np.ones(3)),
        _npz(about=np.array("{}")),
        _npz(about=np.array("[1]")),
        _npz(about=np.array('{"sender": {"network": "a"}}')),
        _npz(about=np.array({"sender": 1}, dtype=object)),
        wire.pack_maps(_maps(1.0), SENDER),
        wire.pack_classification(_answer(), SENDER)[:-30],
    ],
)
def test_an_answer_of_another_kind_is_one_sentence(data: bytes) -> None:
    why = _explanation()

    def unpack_explanation(data: bytes) -> object:
        return wire.unpack_explanation(data, why.heard, 16_000, why.spectrogram)

    for unpack in (
        wire.unpack_classification, wire.unpack_shares, wire.unpack_box, unpack_explanation,
    ):  # fmt: skip
        with pytest.raises(RemoteAnswerError, match=r"run `modal deploy train_modal\.py` again"):
            unpack(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _npz(samples=np.ones(9, np.float32), starts=np.array([0, 5])),
        _npz(samples=np.ones(9, np.float32), starts=np.array([0, 5]), size=np.array(5)),
        _npz(samples=np.ones(9, np.float32), starts=np.array([], int), size=np.array(5)),
        _npz(samples=np.ones(9, np.float32), starts=np.array(0), size=np.array(5)),
    ],
)
def test_windows_of_another_kind_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteAnswerError):
        wire.unpack_windows(data)

"""The one door, with a small random network: what it promises must hold for any weights."""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.door import Door
from resona_core.engine import Engine
from resona_core.errors import CheckpointError, RequestError, SettingsError
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.model import AudioResNet
from resona_core.settings import Settings
from resona_core.sound.audio import Clip

RATE_HZ = 16_000
FRONT_END = FrontEndConfig(sample_rate_hz=RATE_HZ, n_fft=1024, hop_length=512, f_max_hz=8_000.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    torch.manual_seed(0)
    labels = ("rain", "wind", "dog")
    model = ModelConfig(n_classes=3, blocks=(1, 1, 1, 1), channels=(8, 16, 32, 64))
    info = CheckpointInfo("tiny", FRONT_END, model, labels, TrainConfig())
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    checkpoint.save(path, info, Classifier(info).network.state_dict())
    return Engine(Settings(checkpoint=path))


def noise(seconds: float, seed: int = 0) -> Clip:
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ))
    return Clip(samples.astype(np.float32), RATE_HZ, RATE_HZ, 1, "test")


def test_a_short_sound_is_one_window_whose_probabilities_sum_to_one(engine: Engine) -> None:
    answer = engine.classify(noise(1.0))
    assert answer.n_windows == 1
    assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_long_sound_is_heard_in_half_overlapping_windows(engine: Engine) -> None:
    answer = engine.classify(noise(12.0))
    np.testing.assert_allclose(answer.window_starts_s, [0, 2.5, 5, 7])


def test_a_window_is_answered_as_if_it_were_alone(engine: Engine) -> None:
    clip = noise(12.0)
    alone = Clip(clip.samples[40_000:120_000], RATE_HZ, RATE_HZ, 1, "test")
    np.testing.assert_allclose(
        engine.classify(clip).window_probabilities[1],
        engine.classify(alone).probabilities,
        atol=1e-5,
    )


def test_silent_windows_get_no_class_and_do_not_dilute_the_others(engine: Engine) -> None:
    sound = noise(5.0)
    samples = np.concatenate([sound.samples, np.zeros(80_000, np.float32)])
    padded = Clip(samples, RATE_HZ, RATE_HZ, 1, "test")
    answer = engine.classify(padded)
    assert answer.silent.tolist() == [False, False, True]
    assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    silence = Clip(np.full(RATE_HZ, 0.3, np.float32), RATE_HZ, RATE_HZ, 1, "test")
    assert engine.classify(silence).nothing_to_hear


def test_the_level_of_a_recording_does_not_change_the_answer(engine: Engine) -> None:
    loud, quiet = noise(5.0), noise(5.0)
    quiet = Clip(quiet.samples * np.float32(0.1), RATE_HZ, RATE_HZ, 1, "test")
    np.testing.assert_allclose(
        engine.classify(loud).probabilities, engine.classify(quiet).probabilities, atol=1e-4
    )


def test_many_threads_get_the_answers_of_one(engine: Engine) -> None:
    clips = [noise(5.0, seed) for seed in range(6)]
    alone = [engine.classify(clip).probabilities for clip in clips]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda clip: engine.classify(clip).probabilities, clips))
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_maps_carry_the_sounds_own_axes(engine: Engine) -> None:
    maps = engine.feature_maps(noise(5.0))
    assert list(maps) == list(engine.layer_names)
    described = {layer.name: layer for layer in engine.layers()}
    front_end = engine.info.front_end
    for name, layer in maps.items():
        info = described[name]
        assert layer.maps.shape == (info.channels, info.height, info.width)
        assert (layer.maps >= 0).all()
        assert len(layer.frequency_hz) == info.height
        assert len(layer.time_s) == info.width
        assert 0 <= layer.time_s[-1] <= front_end.window_s
        assert (np.diff(layer.frequency_hz) > 0).all()


def test_a_late_sound_lights_late_cells(engine: Engine) -> None:
    samples = np.zeros(80_000, np.float32)
    samples[64_000:72_000] = noise(0.5).samples  # 4.0 to 4.5 s
    quiet = engine.feature_maps(Clip(samples * 0 + 1e-9, RATE_HZ, RATE_HZ, 1, ""), 0, ["stem"])
    loud = engine.feature_maps(Clip(samples, RATE_HZ, RATE_HZ, 1, ""), 0, ["stem"])["stem"]
    change = np.abs(loud.maps - quiet["stem"].maps).sum(axis=(0, 1))
    peak_s = loud.time_s[np.convolve(change, np.ones(5), "same").argmax()]
    assert 3.9 < peak_s < 4.6


def test_shares_in_the_last_layer_are_the_terms_of_the_linear_sum(engine: Engine) -> None:
    clip = noise(5.0)
    last = engine.layer_names[-1]
    weights = engine._classifier().network.fc.weight[engine.info.labels.index("dog")].numpy()
    terms = weights * engine.feature_maps(clip, 0, [last])[last].maps.mean(axis=(1, 2))
    np.testing.assert_allclose(
        engine.channel_shares(clip, "dog", last), terms / np.abs(terms).sum(), atol=1e-5
    )


def test_the_picture_of_a_short_sound_is_padded_as_the_network_sees_it(engine: Engine) -> None:
    picture = engine.spectrogram(noise(1.0))
    assert picture.decibels.shape == (128, 157)
    assert picture.time_s[-1] == pytest.approx(5.0, abs=512 / RATE_HZ)
    assert picture.decibels[:, 100:].max() == pytest.approx(-80)


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.feature_maps(noise(5), 0, ["layer9.9"]),
        lambda engine: engine.feature_maps(noise(5), 1),
        lambda engine: engine.channel_shares(noise(5), "unicorn", "stem"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(engine: Engine, ask: object) -> None:
    with pytest.raises(RequestError, match=r"layer9\.9|window 1|unicorn"):
        ask(engine)  # type: ignore[operator]


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here")
def test_cuda_where_there_is_none_is_one_sentence(engine: Engine) -> None:
    with pytest.raises(SettingsError, match="use cpu"):
        Engine(Settings(checkpoint=engine.settings.checkpoint, device="cuda"))


def test_a_missing_checkpoint_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        Engine(Settings(checkpoint=tmp_path / "none.safetensors"))


def test_a_window_is_given_as_the_network_hears_it(engine: Engine) -> None:
    clip = noise(12.0)
    np.testing.assert_array_equal(engine.window(clip, 1), clip.samples[40_000:120_000])
    np.testing.assert_array_equal(engine.window(clip, 3), clip.samples[-80_000:])
    short = noise(1.0)
    padded = engine.window(short, 0)
    np.testing.assert_array_equal(padded[:RATE_HZ], short.samples)
    np.testing.assert_array_equal(padded[RATE_HZ:], np.full(64_000, short.samples.mean()))
    with pytest.raises(RequestError, match="no window 4; the sound has windows 0 to 3"):
        engine.window(clip, 4)


def test_only_the_layers_asked_for_come_and_they_are_the_same(engine: Engine) -> None:
    clip = noise(12.0)
    one = engine.feature_maps(clip, 2, ["layer2.0"])
    assert list(one) == ["layer2.0"]
    every = engine.feature_maps(clip, 2)["layer2.0"].maps
    np.testing.assert_allclose(one["layer2.0"].maps, every, atol=1e-5)


def last_features(engine: Engine, clip: Clip) -> NDArray[np.float32]:
    return list(engine.feature_maps(clip).values())[-1].maps


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_kinds_are_told_from_the_embedding_window_by_window(
    engine: Engine, tmp_path: Path, runtime: str
) -> None:
    """The same weights, and a layer that parts the embeddings of two sounds half way."""
    rough = noise(5.0)
    pure = Clip(np.sin(np.arange(80_000) / 3).astype(np.float32), RATE_HZ, RATE_HZ, 1, "")
    assert engine.classify(rough).is_known() is None
    one, other = (last_features(engine, clip).mean(axis=(1, 2)) for clip in (rough, pure))
    weights = np.stack([one - other, other - one, np.zeros(64)]).astype(np.float32)
    weights *= 20 / np.square(one - other).sum()  # logits of +10 and -10
    network = AudioResNet(replace(engine.info.model, n_kinds=3))
    network.load_state_dict(engine._classifier().network.state_dict(), strict=False)
    network.kinds.weight.data = torch.from_numpy(weights)
    network.kinds.bias.data = torch.from_numpy(-weights @ (one + other) / 2)
    path = tmp_path / "kinds.safetensors"
    info = replace(engine.info, model=network.config, kinds=("known", "speech", "other"))
    checkpoint.save(path, info, network.state_dict())
    asked = Engine(Settings(checkpoint=path, runtime=runtime))
    assert (asked.classify(rough).is_known(), asked.classify(pure).kind()) == (True, "speech")
    samples = np.concatenate([rough.samples, np.zeros(80_000, np.float32), pure.samples])
    both = Clip(samples, RATE_HZ, RATE_HZ, 1, "")
    answer = asked.classify(both)
    assert answer.window_kinds is not None
    assert answer.window_kinds.shape == (5, 3)
    assert [answer.kind(i) for i in (0, 4)] == [None, "speech"]
    assert answer.silent.tolist() == [False, False, True, False, False]
    np.testing.assert_array_equal(answer.window_kinds[2], 0)
    np.testing.assert_allclose(answer.window_kinds[[0, 1, 3, 4]].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(answer.probabilities, engine.classify(both).probabilities, atol=1e-5)


def test_a_clip_of_another_rate_is_refused_by_every_question(engine: Engine) -> None:
    clip = Clip(np.zeros(44_100, np.float32), 44_100, 44_100, 1, "mine")
    questions: list[Callable[[], object]] = [
        lambda: engine.classify(clip),
        lambda: engine.window(clip, 0),
        lambda: engine.spectrogram(clip),
        lambda: engine.feature_maps(clip),
    ]
    for ask in questions:
        with pytest.raises(RequestError, match=r"at 44,100 Hz, the network hears 16,000 Hz; let"):
            ask()


@pytest.mark.parametrize("door", [Door, Engine])
@pytest.mark.parametrize("question", ["feature_maps", "channel_shares", "smallest_flip"])
def test_the_first_window_is_asked_about_unless_another_is(door: type, question: str) -> None:
    assert inspect.signature(getattr(door, question)).parameters["window"].default == 0

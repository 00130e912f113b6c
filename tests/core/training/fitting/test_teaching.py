"""Both halves of a teacher, on three tones and with a tagger of toy size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import TrainConfig
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.fitting import teaching
from resona_core.training.fitting.teaching import Teacher, learn_ear, learn_teacher
from tests.core.training.toy_teacher import RATE_HZ, tones, toy_tagger

QUICK = TrainConfig(batch_size=6, teacher_epochs=2, speed_range=1.0)


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 12, duration_s=0.375)


def _teacher(seed: int = 0) -> Teacher:
    torch.manual_seed(seed)  # of its linear layers
    return Teacher(toy_tagger(), 3, RATE_HZ)


def _learn(
    teacher: Teacher,
    clips: ClipSet,
    config: TrainConfig = QUICK,
    told: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Teacher:
    targets = F.one_hot(clips.targets, 3).float()
    return learn_teacher(teacher, clips.waveforms, targets, config, fast_bf16=False, told=told)


@pytest.fixture(scope="module")
def taught(clips: ClipSet) -> Teacher:
    return _learn(_teacher(), clips)


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _optimum(
    numbers: NDArray[np.float64], targets: NDArray[np.float64], decay: float
) -> tuple[NDArray[np.float64], float]:
    """Return the best layer's probabilities (row, class), and its loss, found by scipy."""
    n_numbers, n_classes = numbers.shape[1], targets.shape[1]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = np.split(flat, [n_numbers * n_classes])
        weight = weight.reshape(n_numbers, n_classes)
        logits = numbers @ weight + bias
        largest = logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits - largest)
        total = probabilities.sum(axis=1, keepdims=True)
        probabilities /= total
        entropy = (targets * (largest + np.log(total) - logits)).sum() / len(numbers)
        error = (probabilities - targets) / len(numbers)
        slope = numbers.T @ error + 2 * decay * weight
        gradient = np.concatenate([slope.ravel(), error.sum(axis=0)])
        return entropy + decay * (weight**2).sum(), gradient

    start = np.zeros(n_numbers * n_classes + n_classes)
    best = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
    )
    weight, bias = np.split(best.x, [n_numbers * n_classes])
    logits = numbers @ weight.reshape(n_numbers, n_classes) + bias
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    return probabilities / probabilities.sum(axis=1, keepdims=True), float(best.fun)


@pytest.mark.parametrize("decay", [0.5, 0.01])
def test_the_linear_layer_is_the_optimum_that_scipy_finds(decay: float) -> None:
    random = torch.Generator().manual_seed(3)
    numbers = torch.randn(60, 5, generator=random)
    targets = torch.rand(60, 3, generator=random)
    targets = targets / targets.sum(dim=1, keepdim=True)  # soft: mixtures
    layer = nn.Linear(5, 3)
    teaching._fit_logistic(layer, numbers, targets, decay)
    expected, least = _optimum(numbers.double().numpy(), targets.double().numpy(), decay)
    found = layer(numbers).softmax(dim=1).detach()
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)
    loss = F.cross_entropy(layer(numbers), targets) + decay * layer.weight.square().sum()
    assert loss.item() == pytest.approx(least, abs=1e-5)


def test_the_frozen_half_is_the_logistic_regression_of_what_it_hears(
    clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching, "_VIEWS", 1)  # the clips as they are
    teacher = _learn(_teacher(), clips, replace(QUICK, teacher_epochs=1))
    numbers = teacher(to_float(clips.waveforms)).numbers
    # C = 0.03 as scikit-learn counts it, |w|^2 / 2 + C * (sum of 12 losses): divided by 12 C
    expected, _ = _optimum(
        numbers.double().numpy(), np.eye(3)[clips.targets], decay=1 / (2 * 0.03 * 12)
    )
    found = teacher.frozen_layer(numbers).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert expected.max(axis=1).min() < 0.9  # so strong a decay leaves doubts


def test_the_numbers_have_mean_0_and_deviation_1_over_what_they_were_fitted_on(
    clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []

    def note(layer: nn.Linear, numbers: Tensor, targets: Tensor, decay: float) -> None:
        seen.extend((numbers, targets))
        assert decay == pytest.approx(1 / (2 * 0.03 * 12))

    monkeypatch.setattr(teaching, "_fit_logistic", note)
    _learn(_teacher(), clips, replace(QUICK, teacher_epochs=1))
    numbers, targets = seen
    assert numbers.shape == (6 * 12, 96 + 527)  # six views of each clip; features and tags
    torch.testing.assert_close(numbers.mean(dim=0), torch.zeros(623), atol=1e-3, rtol=0)
    torch.testing.assert_close(numbers.std(dim=0), torch.ones(623), atol=1e-3, rtol=0)
    assert torch.equal(targets[:12], F.one_hot(clips.targets, 3).float())
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(72))
    mixed = (targets.amax(dim=1) < 0.999)[12:].float().mean()
    assert 0.2 < float(mixed) < 0.9  # four fifths of five views; some with their own class


def test_a_number_that_never_changes_is_not_divided_by_nothing(clips: ClipSet) -> None:
    tagger = toy_tagger()
    nn.init.zeros_(tagger.classifier[5].weight)  # its tags are its bias
    teacher = _learn(Teacher(tagger, 3, RATE_HZ), clips, replace(QUICK, teacher_epochs=1))
    lesson = teacher(to_float(clips.waveforms))
    assert bool(lesson.numbers.isfinite().all())
    assert float(lesson.numbers[:, 96:].abs().max()) < 0.01


def test_the_frozen_half_stays_as_it_is_and_the_tuned_half_learns(clips: ClipSet) -> None:
    teacher = _teacher()
    frozen, tuned = _copy(teacher.frozen), _copy(teacher.tuned)
    layers = _copy(teacher.tuned_layer), _copy(teacher.frozen_layer)
    _learn(teacher, clips)
    for name, tensor in teacher.frozen.state_dict().items():
        assert torch.equal(tensor, frozen[name]), name
    same = {n for n, tensor in teacher.tuned.state_dict().items() if torch.equal(tensor, tuned[n])}
    assert same == {name for name in tuned if name.startswith("classifier.")}  # not asked
    assert not torch.equal(teacher.tuned_layer.weight, layers[0]["weight"])
    assert not torch.equal(teacher.frozen_layer.weight, layers[1]["weight"])


def test_the_frozen_half_never_learns() -> None:
    teacher = Teacher(toy_tagger().requires_grad_(True), 3, RATE_HZ)
    assert not any(parameter.requires_grad for parameter in teacher.frozen.parameters())
    assert not teacher.frozen.training


def test_what_has_learnt_only_answers(taught: Teacher) -> None:
    assert not any(module.training for module in taught.modules())
    assert not any(parameter.requires_grad for parameter in taught.parameters())


def test_the_answer_is_the_mean_of_both_halves(taught: Teacher, clips: ClipSet) -> None:
    waveforms = to_float(clips.waveforms)
    lesson = taught(waveforms)
    pictures = taught.front_end(waveforms / waveforms.abs().amax(dim=1, keepdim=True))
    features, tags = taught.frozen(pictures)
    numbers = (torch.cat([features, tags], dim=1) - taught.mean) / taught.deviation
    frozen = taught.frozen_layer(numbers).softmax(dim=1)
    tuned = taught.tuned_layer(taught.tuned(pictures)[0]).softmax(dim=1)
    torch.testing.assert_close(lesson.numbers, numbers, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(lesson.probabilities, (frozen + tuned) / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(lesson.probabilities.sum(dim=1), torch.ones(12))
    assert bool((frozen - tuned).abs().amax() > 0.01)  # they are two views


def test_the_level_of_a_recording_does_not_matter_to_a_teacher(
    taught: Teacher, clips: ClipSet
) -> None:
    waveforms = to_float(clips.waveforms)
    loud, quiet = taught(waveforms), taught(waveforms / 512)
    torch.testing.assert_close(quiet.probabilities, loud.probabilities)
    assert bool(taught(torch.zeros(1, 6_000)).probabilities.isfinite().all())


def test_answers_are_those_of_each_clip_alone(taught: Teacher, clips: ClipSet) -> None:
    many = clips.waveforms.repeat(3, 1)[:33]  # one more than is heard at a time
    answers = taught.answers(many)
    assert answers.shape == (33, 3)
    alone = [taught(to_float(clips.waveforms[i : i + 1])).probabilities for i in range(12)]
    torch.testing.assert_close(answers, torch.cat(alone * 3)[:33], atol=1e-5, rtol=1e-4)


def test_the_same_seed_makes_the_same_teacher(clips: ClipSet, taught: Teacher) -> None:
    again = _teacher()
    torch.manual_seed(99)  # of no influence: its draws are its own
    _learn(again, clips)
    for name, tensor in taught.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_another_seed_hears_the_clips_changed_otherwise(clips: ClipSet, taught: Teacher) -> None:
    other = _learn(_teacher(), clips, replace(QUICK, seed=1))
    assert not torch.equal(other.mean, taught.mean)
    assert not torch.equal(other.tuned_layer.weight, taught.tuned_layer.weight)


def test_gaps_rooms_filters_and_noise_are_not_for_the_teacher(
    clips: ClipSet, taught: Teacher
) -> None:
    disturbed = replace(
        QUICK, gap_probability=1.0, room_probability=1.0, colour_probability=1.0,
        noise_probability=1.0, mix_probability=0.1,
    )  # fmt: skip
    # rooms would draw more; all the same the teacher draws as without any of them
    again = _learn(_teacher(), clips, disturbed)
    for name, tensor in taught.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_each_epoch_of_the_tuned_half_is_told(clips: ClipSet) -> None:
    told: list[tuple[int, float]] = []
    _learn(_teacher(), clips, told=lambda epoch, loss: told.append((epoch, loss)))
    assert [epoch for epoch, _ in told] == [0, 1]
    assert all(0 < loss < 5 for _, loss in told)


def test_fewer_clips_than_a_batch_are_one_step(clips: ClipSet) -> None:
    few = ClipSet(clips.waveforms[:5], clips.targets[:5])
    told: list[int] = []
    _learn(_teacher(), few, told=lambda epoch, loss: told.append(epoch))
    assert told == [0, 1]


def test_three_tones_are_learnt_by_both_halves(
    clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching, "_MIXED", 0.0)
    monkeypatch.setattr(teaching, "_VIEWS", 2)
    monkeypatch.setattr(teaching, "_EMA", 0.0)  # the weights of the last of few steps
    teacher = _teacher()
    for layer in teacher.tuned.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.5  # so few steps
    config = replace(
        QUICK, batch_size=12, teacher_epochs=15, teacher_learning_rate=1e-2, frequency_masks=0,
        time_masks=0,
    )  # fmt: skip
    losses: list[float] = []
    _learn(teacher, clips, config, told=lambda epoch, loss: losses.append(loss))
    assert losses[-1] < 0.1 < losses[0]
    pictures = teacher.pictures(to_float(clips.waveforms))
    for logits in (
        teacher.frozen_layer(teacher.numbers(pictures)),
        teacher.tuned_logits(pictures),
        teacher.answers(clips.waveforms),
    ):
        assert logits.argmax(dim=1).tolist() == clips.targets.tolist()


def test_an_ear_is_the_frozen_half_alone(clips: ClipSet, taught: Teacher) -> None:
    before = _copy(_teacher().tuned)
    targets = F.one_hot(clips.targets, 3).float()
    ear = learn_ear(_teacher(), clips.waveforms, targets, QUICK, views=teaching._VIEWS)
    for name, tensor in ear.tuned.state_dict().items():
        torch.testing.assert_close(tensor, before[name])
    torch.testing.assert_close(ear.frozen_layer.weight, taught.frozen_layer.weight)
    heard = ear.hears(to_float(clips.waveforms))
    torch.testing.assert_close(heard.sum(1), torch.ones(len(clips)))
    assert torch.equal(heard.argmax(1), clips.targets)

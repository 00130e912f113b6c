"""What a step learns from: tones of three classes, noises of none, a teacher that knows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.config import FrontEndConfig, TrainConfig
from resona_core.errors import ConfigError
from resona_core.network.spectrogram import LogMel
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.data.others import KINDS
from resona_core.training.fitting import augment, batches
from resona_core.training.fitting.batches import Batch, Batches, random_source
from tests.core.training.toy_teacher import MIXED, PLAIN, Stub, noises, tones

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 13)


@pytest.fixture
def build(clips: ClipSet, tiny_front_end: FrontEndConfig) -> Callable[..., Batches]:
    """A function of a config, whether sounds of no class are learnt, and a teacher."""

    def build(
        config: TrainConfig, others: ClipSet | None = None, teacher: Stub | None = None
    ) -> Batches:
        front_end = LogMel(tiny_front_end)
        return Batches(config, front_end, 3, clips, others, teacher, CPU, False)  # type: ignore[arg-type]

    return build


def _same(first: Batch, second: Batch) -> bool:
    return all(
        (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b))
        for a, b in zip(first, second, strict=True)
    )


def test_the_classes_come_first_then_the_sounds_of_none(build: Callable[..., Batches]) -> None:
    made = build(MIXED, noises(), Stub())
    assert (made.n_known, made.n_others) == (4, 2)  # a third of six
    batch = made.make(torch.tensor([0, 1, 2, 3]), step=0)
    assert batch.pictures.shape == (6, 1, 32, 51)
    assert (batch.targets.shape, batch.kinds.shape, batch.numbers.shape) == ((6, 3), (6, 4), (6, 7))
    torch.testing.assert_close(batch.targets.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(batch.kinds.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(batch.targets[4:], torch.full((2, 3), 1 / 3))
    assert batch.kinds[:, KINDS.index("known")].tolist() == [1, 1, 1, 1, 0, 0]


def test_the_pictures_are_those_of_the_clips_asked_for(
    build: Callable[..., Batches], clips: ClipSet, tiny_front_end: FrontEndConfig
) -> None:
    indices = torch.tensor([7, 2, 0, 11])
    batch = build(PLAIN, noises()).make(indices, step=3)
    expected = LogMel(tiny_front_end)(to_float(clips.waveforms[indices]))
    torch.testing.assert_close(batch.pictures[:4], expected, atol=1e-3, rtol=0)
    assert batch.targets[:4].argmax(dim=1).tolist() == clips.targets[indices].tolist()
    assert batch.pictures.is_contiguous(memory_format=torch.channels_last)


def test_labels_are_smoothed_as_counted_by_hand(build: Callable[..., Batches]) -> None:
    made = build(replace(PLAIN, label_smoothing=0.06))
    batch = made.make(torch.tensor([0, 4, 8, 1, 5, 9]), step=0)
    # .94 for the label, and .06 over all three
    torch.testing.assert_close(batch.targets[0], torch.tensor([0.96, 0.02, 0.02]))
    torch.testing.assert_close(batch.targets[1], torch.tensor([0.02, 0.96, 0.02]))


def test_without_sounds_of_no_class_the_batch_is_all_of_classes(
    build: Callable[..., Batches],
) -> None:
    made = build(MIXED)
    assert (made.n_known, made.n_others) == (6, 0)
    batch = made.make(torch.arange(6), step=0)
    assert len(batch.pictures) == len(batch.targets) == 6
    assert batch.kinds is None
    assert batch.numbers is None


def test_a_share_that_rounds_to_no_sound_makes_batches_all_the_same(
    build: Callable[..., Batches],
) -> None:
    made = build(replace(MIXED, batch_size=2, others_share=1 / 6), noises(), Stub())
    assert (made.n_known, made.n_others) == (2, 0)
    batch = made.make(torch.tensor([0, 1]), step=0)
    assert batch.kinds.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0]]
    assert bool(batch.pictures.isfinite().all())


def test_sounds_of_no_class_leave_room_for_a_clip(build: Callable[..., Batches]) -> None:
    assert build(replace(MIXED, others_share=5 / 6), noises()).n_known == 1
    with pytest.raises(
        ConfigError, match=r"others_share is 1, which .* a batch of 6; lower it, or"
    ):
        build(replace(MIXED, others_share=1.0), noises())


def test_sounds_of_no_class_alone_are_of_their_own_kind(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_OTHERS_MIXED", 0.0)
    speech = ClipSet(noises(6).waveforms, torch.ones(6).long())
    batch = build(PLAIN, speech).make(torch.arange(4), step=0)
    assert batch.kinds.tolist() == [[1, 0, 0, 0]] * 4 + [[0, 1, 0, 0]] * 2


def test_mixed_sounds_of_no_class_are_partly_of_both_kinds(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_OTHERS_MIXED", 1.0)
    made = build(replace(PLAIN, batch_size=12, others_share=2 / 3), noises(9))
    kinds = torch.cat([made.make(torch.arange(4), step).kinds[4:] for step in range(10)])
    assert bool((kinds[:, 0] == 0).all())
    torch.testing.assert_close(kinds.sum(dim=1), torch.ones(80))
    assert 0.3 < float((kinds.amax(dim=1) < 0.999).float().mean()) < 0.95  # a third meet their own


def test_the_kinds_are_those_of_what_is_heard(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch, tiny_front_end: FrontEndConfig
) -> None:
    monkeypatch.setattr(batches, "_OTHERS_MIXED", 0.0)
    others, teacher = noises(6), Stub()
    kinds = [build(PLAIN, others, teacher).make(torch.arange(4), s).kinds[4:] for s in range(6)]
    for heard, kind in zip(teacher.heard, kinds, strict=True):
        for waveform, row in zip(heard[4:], kind, strict=True):
            distance = (to_float(others.waveforms) - waveform).abs().amax(dim=1)
            assert int(row.argmax()) == int(others.targets[distance.argmin()])
            assert float(distance.min()) < 1e-6


def test_the_share_of_synthesised_sounds_is_the_recipes(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def synthesise(
        pool: Tensor, count: int, sample_rate_hz: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        assert sample_rate_hz == 16_000
        asked.append(count)
        return 0.5 * torch.ones(count, pool.shape[1]), torch.full((count,), 2)

    monkeypatch.setattr(batches, "synthesise", synthesise)
    monkeypatch.setattr(batches, "_OTHERS_MIXED", 0.0)
    speech = ClipSet(noises(6).waveforms, torch.ones(6).long())
    config = replace(PLAIN, batch_size=24, others_share=5 / 6, synthetic_share=0.3)
    teacher = Stub()
    made = build(config, speech, teacher)
    found = []
    for step in range(20):
        kinds = made.make(torch.arange(4), step).kinds[4:].argmax(dim=1)
        constant = (teacher.heard[-1][4:] == 0.5).all(dim=1)
        assert torch.equal(constant, kinds == 2)  # sound and kind go together
        found.append(int(constant.sum()))
    assert found == asked
    assert sum(found) / 400 == pytest.approx(0.3, abs=0.08)  # deviation .023


def test_an_epoch_counts_the_clips_of_classes(build: Callable[..., Batches]) -> None:
    assert build(MIXED).steps_per_epoch == 2  # 13 clips by six
    assert build(MIXED, noises()).steps_per_epoch == 3  # by four


def test_every_clip_is_heard_at_most_once_an_epoch_in_a_new_order(
    build: Callable[..., Batches],
) -> None:
    made = build(MIXED, noises())
    orders = [made.order(epoch) for epoch in range(8)]
    assert {tuple(order.shape) for order in orders} == {(3, 4)}
    assert [len(set(order.flatten().tolist())) for order in orders] == [12] * 8
    assert len({tuple(order.flatten().tolist()) for order in orders}) == 8
    left = {(set(range(13)) - set(order.flatten().tolist())).pop() for order in orders}
    assert len(left) > 1  # not always the same clip stays out
    assert torch.equal(made.order(3), build(MIXED, noises()).order(3))


def test_the_same_step_makes_the_identical_batch(build: Callable[..., Batches]) -> None:
    indices = torch.tensor([0, 5, 6, 10])
    first, second = build(MIXED, noises(), Stub()), build(MIXED, noises(), Stub())
    second.make(indices, step=8)  # what came before is of no influence
    torch.manual_seed(77)
    assert _same(first.make(indices, step=9), second.make(indices, step=9))
    assert not _same(first.make(indices, step=9), first.make(indices, step=10))
    reseeded = build(replace(MIXED, seed=6), noises(), Stub())
    assert not _same(first.make(indices, step=9), reseeded.make(indices, step=9))


def test_orders_and_steps_draw_from_different_sources(
    build: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources: list[int] = []

    def note(*arguments: object) -> torch.Generator:
        made = random_source(*arguments)  # type: ignore[arg-type]
        sources.append(made.initial_seed())
        return made

    monkeypatch.setattr(batches, "random_source", note)
    made = build(PLAIN)
    for number in range(50):
        made.order(number)
        made.make(torch.arange(6), step=number)
    assert len(set(sources)) == 100


def test_an_epoch_on_the_cpu_is_its_batches_one_by_one(build: Callable[..., Batches]) -> None:
    made = build(MIXED, noises(), Stub())
    epoch = list(made.of_epoch(2, step=6))
    alone = [made.make(indices, 6 + i) for i, indices in enumerate(made.order(2))]
    assert len(epoch) == 3
    assert all(_same(a, b) for a, b in zip(epoch, alone, strict=True))


def test_the_teacher_hears_clips_without_the_noise_the_student_hears(
    build: Callable[..., Batches], clips: ClipSet, tiny_front_end: FrontEndConfig
) -> None:
    teacher, indices = Stub(), torch.tensor([3, 1, 8, 12, 0, 2])
    disturbed = replace(
        PLAIN, roll=True, speed_range=1.1, noise_probability=1.0, gap_probability=1.0,
        colour_probability=1.0, room_probability=1.0,
    )  # fmt: skip
    batch = build(disturbed, None, teacher).make(indices, step=4)
    rolled = augment.roll_and_speed(
        to_float(clips.waveforms[indices]), disturbed, random_source(5, 4, CPU)
    )
    torch.testing.assert_close(teacher.heard[0], rolled)
    clean = LogMel(tiny_front_end)(rolled)
    assert bool(((batch.pictures - clean).abs().amax(dim=(1, 2, 3)) > 1.0).all())


def test_teacher_and_student_hear_the_same_mixture(
    build: Callable[..., Batches], clips: ClipSet
) -> None:
    teacher, indices = Stub(), torch.tensor([0, 1, 2, 3, 4, 5])
    noisy = replace(PLAIN, roll=True, noise_probability=1.0, mix_probability=1.0)
    student = build(replace(noisy, teacher_share=0.0), None, teacher).make(indices, step=2)
    rolled = augment.roll_and_speed(
        to_float(clips.waveforms[indices]), noisy, random_source(5, 2, CPU)
    )
    for heard, target, own in zip(teacher.heard[0], student.targets, range(6), strict=True):
        parts = torch.linalg.lstsq(rolled.T.double(), heard[:, None].double()).solution[:, 0]
        torch.testing.assert_close(parts @ rolled.double(), heard.double(), atol=1e-4, rtol=0)
        used = set(torch.nonzero(parts.abs() > 1e-3).flatten().tolist())
        assert own in used
        assert len(used) <= 2
        # and the labels are those of what is in the mixture: clip i is of class i % 3
        assert {i % 3 for i in used} == set(torch.nonzero(target > 1e-3).flatten().tolist())


def test_the_teacher_hears_the_sounds_of_no_class_too(
    build: Callable[..., Batches], clips: ClipSet
) -> None:
    teacher = Stub()
    build(PLAIN, noises(), teacher).make(torch.tensor([3, 1, 8, 12]), step=0)
    assert teacher.heard[0].shape == (6, 16_000)
    expected = to_float(clips.waveforms[[3, 1, 8, 12]])
    torch.testing.assert_close(teacher.heard[0][:4], expected)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.75, [0.4, 0.225, 0.375]),  # .75 * (.2, .3, .5) + .25 * (1, 0, 0)
        (0.0, [1.0, 0.0, 0.0]),
        (1.0, [0.2, 0.3, 0.5]),
    ],
)
def test_the_targets_are_the_teachers_share_and_the_labels_rest(
    share: float, expected: list[float], build: Callable[..., Batches]
) -> None:
    made = build(replace(PLAIN, teacher_share=share), noises(), Stub())
    batch = made.make(torch.tensor([0, 3, 6, 9]), step=0)  # all of the first class
    torch.testing.assert_close(batch.targets[:4], torch.tensor(expected).repeat(4, 1))
    torch.testing.assert_close(batch.targets[4:], torch.full((2, 3), 1 / 3))  # whatever it says
    torch.testing.assert_close(batch.numbers, torch.arange(7.0).repeat(6, 1))


def test_a_teacher_changes_nothing_of_what_the_student_hears(
    build: Callable[..., Batches],
) -> None:
    indices = torch.tensor([0, 5, 6, 10])
    taught = build(MIXED, noises(), Stub()).make(indices, step=1)
    alone = build(MIXED, noises()).make(indices, step=1)
    assert torch.equal(taught.pictures, alone.pictures)
    assert torch.equal(taught.kinds, alone.kinds)

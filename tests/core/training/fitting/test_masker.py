from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.explain.masker import Masker
from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clips import ClipSet
from resona_core.training.fitting import masker as masker_module
from resona_core.training.fitting.masker import (
    MaskerLearner,
    Seen,
    _batches,
    asked,
    contaminated,
    learn_masker,
    strays,
)
from tests.core.training.toy_teacher import tones


@pytest.fixture(scope="module")
def clips(tone: Callable[..., NDArray[np.float32]]) -> ClipSet:
    return tones(tone, 16)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_mixture_holds_the_other_sound_at_a_quarter_of_the_amplitude() -> None:
    loud, soft = torch.tensor([[1.0, -1, 1, -1]]), torch.tensor([[0.1, 0.1, -0.1, -0.1]])
    mixed = contaminated(loud, soft)
    torch.testing.assert_close(mixed, torch.tensor([[1.0, -0.6, 0.6, -1.0]]))
    assert contaminated(loud, torch.zeros_like(loud)).isfinite().all()


def test_what_the_network_sees_is_what_it_says_of_the_clips(
    clips: ClipSet, tiny_classifier: Classifier
) -> None:
    learner = MaskerLearner(tiny_classifier, Masker(tiny_classifier.network.config))
    seen = learner.see(clips, _generator())
    alone = seen.others == seen.targets
    assert 0 < int(alone.sum()) < len(clips)
    expected = tiny_classifier(clips.waveforms.float() / 32_767)
    torch.testing.assert_close(seen.logits[alone], expected[alone], atol=0.05, rtol=0.05)
    assert [len(stage) for stage in seen.stages] == [16] * 4
    assert seen.decibels.shape == seen.shares.shape == (16, 1, 32, 51)
    assert bool((seen.shares[alone] == 1).all())
    assert 0 <= float(seen.shares[~alone].amin()) < 0.1  # where only the other sounds


def test_in_a_mixture_of_sounds_alike_sixteen_parts_of_seventeen_are_the_clips_own(
    clips: ClipSet, tiny_classifier: Classifier
) -> None:
    alike = ClipSet(clips.waveforms[:1, :4_000].repeat(320, 1), torch.arange(320))
    learner = MaskerLearner(tiny_classifier, Masker(tiny_classifier.network.config))
    seen = learner.see(alike, _generator())
    mixed = seen.others != seen.targets  # of the amplitude .8 and .2: of the energy 16 to 1
    assert float(mixed.float().mean()) == pytest.approx(0.6, abs=0.08)  # deviation .027
    expected = torch.where(mixed, 16 / 17, 1.0)[:, None, None, None].expand_as(seen.shares)
    torch.testing.assert_close(seen.shares.float(), expected, atol=1e-3, rtol=0)


def test_most_questions_are_about_the_clip_some_about_the_other_and_some_about_neither() -> None:
    n = 4_000
    targets, others = torch.zeros(n, dtype=torch.long), torch.ones(n, dtype=torch.long)
    nothing = torch.empty(0)
    seen = Seen(nothing, nothing, [], torch.zeros(n, 10), targets, others)
    classes, present = asked(seen, torch.arange(n), _generator())
    assert float((classes == 0).float().mean()) == pytest.approx(0.75 + 0.15 / 10, abs=0.02)
    assert float((classes == 1).float().mean()) == pytest.approx(0.1 + 0.15 / 10, abs=0.02)
    assert torch.equal(present, classes <= 1)
    assert set(classes.tolist()) == set(range(10))


def test_what_is_not_of_the_class_asked_about_is_to_be_left() -> None:
    shares = torch.tensor([0.75, 0.75, 0.75, 1.0]).reshape(4, 1, 1, 1).half()
    targets, others = torch.tensor([0, 0, 0, 2]), torch.tensor([1, 1, 1, 2])
    seen = Seen(shares, shares, [], torch.zeros(4, 3), targets, others)
    found = strays(seen, torch.arange(4), torch.tensor([0, 1, 2, 2]))  # clip, other, neither, alone
    assert found.flatten().tolist() == [0.25, 0.75, 0.0, 0.0]


def test_keeping_what_was_mixed_in_costs(clips: ClipSet, tiny_classifier: Classifier) -> None:
    """All else equal: only what the cells are said to hold differs."""
    costs = []
    for share in (1.0, 0.25):
        masker = Masker(tiny_classifier.network.config)
        learner = MaskerLearner(tiny_classifier.requires_grad_(False), masker)
        torch.nn.init.constant_(masker.last.bias, 30.0)  # keeps everything
        seen = learner.see(clips, _generator())
        seen.shares.fill_(share)
        seen.others.copy_(seen.targets)
        everything = torch.arange(len(clips))
        _, present = asked(seen, everything, _generator())
        before = [parameter.detach().clone() for parameter in masker.parameters()]
        costs.append(learner.learn(seen, everything, 0.0, _generator()))
        for parameter, weights in zip(masker.parameters(), before, strict=True):
            assert torch.equal(parameter, weights)  # at a rate of 0
    assert costs[1] - costs[0] == pytest.approx(3 * float(present.float().mean()), rel=1e-3)


def test_a_pass_hears_every_clip_at_most_once_in_batches_of_eight() -> None:
    batches = torch.stack(list(_batches(19, 6, _generator())))
    assert batches.shape == (6, 8)
    passes = batches.reshape(3, 16)
    for indices in passes:
        assert len(set(indices.tolist())) == 16
        assert 0 <= int(indices.min()) <= int(indices.max()) < 19
    assert not torch.equal(passes[0], passes[1])
    assert torch.stack(list(_batches(9, 3, _generator()))).shape == (3, 8)  # one a pass


def test_the_loss_is_the_faults_the_price_and_three_times_what_is_strange(
    clips: ClipSet, tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    masker = Masker(tiny_classifier.network.config)
    learner = MaskerLearner(tiny_classifier.requires_grad_(False), masker)
    seen = learner.see(clips, _generator())
    learnt = masker.last.weight.sum()  # something to learn
    for name, cost in (("unfaithfulness", 1.0), ("shape_cost", 10.0), ("energy_share", 100.0)):
        monkeypatch.setattr(
            masker_module, name, lambda *_, cost=cost: cost + 0 * learnt + torch.zeros(8)
        )
    assert learner.learn(seen, torch.arange(8), 0.0, _generator()) == pytest.approx(311)


def test_it_learns_at_the_rates_of_one_cycle_and_shows_an_average_that_moves_by_a_fiftieth(
    clips: ClipSet, tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rates: list[float] = []

    def learn(*arguments: object) -> float:
        rates.append(arguments[3])  # type: ignore[arg-type]
        return float(len(rates))

    monkeypatch.setattr(MaskerLearner, "learn", learn)
    learn_masker(tiny_classifier, clips, epochs=2, seed=3)
    # two batches twice: 1/25 of the peak, the peak, then down to 1/1000 by .75 and .25
    assert rates == pytest.approx([1.2e-4, 3e-3, 2.25075e-3, 7.5225e-4])
    shown = re.findall(r"loss=([\d.]+)", capsys.readouterr().err)
    # .98 * 1 + .02 * 2; .98 * 1.02 + .02 * 3; .98 * 1.0596 + .02 * 4
    assert shown[-1] == "1.118"


def test_fewer_clips_than_a_batch_are_refused_with_the_cure(
    clips: ClipSet, tiny_classifier: Classifier
) -> None:
    eight, seven = (ClipSet(clips.waveforms[:n], clips.targets[:n]) for n in (8, 7))
    learnt = learn_masker(tiny_classifier.requires_grad_(False), eight, 1, seed=3)
    assert learnt.last.weight.abs().max() > 0
    told = (
        r"^7 clips do not fill one batch of 8, from which the masker learns; add clips or folds\.$"
    )
    with pytest.raises(DataError, match=told):
        learn_masker(tiny_classifier, seven, 1, seed=3)


def test_it_learns_leaves_the_classifier_alone_and_does_the_same_again(
    clips: ClipSet, tiny_classifier: Classifier
) -> None:
    tiny_classifier.requires_grad_(False)
    before = {name: value.clone() for name, value in tiny_classifier.state_dict().items()}
    first, second = (learn_masker(tiny_classifier, clips, 2, seed=3) for _ in range(2))
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, second.state_dict()[name])
    assert first.last.weight.abs().max() > 0
    assert not first.training
    for name, value in tiny_classifier.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_loss_falls(clips: ClipSet, tiny_classifier: Classifier) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        tiny_classifier.network.fc.weight *= 20
    learner = MaskerLearner(
        tiny_classifier.requires_grad_(False), Masker(tiny_classifier.network.config)
    )
    seen = learner.see(clips, _generator())
    everything = torch.arange(len(clips))
    losses = [learner.learn(seen, everything, 3e-3, _generator()) for _ in range(25)]
    assert losses[-1] < 0.8 * losses[0]

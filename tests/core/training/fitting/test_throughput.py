from __future__ import annotations

import json

import pytest

from resona_core.__main__ import main
from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import RequestError
from resona_core.training.fitting import throughput
from resona_core.training.fitting.batches import Batches
from resona_core.training.fitting.fit import Trainer
from resona_core.training.fitting.recipes import Recipe


@pytest.fixture
def recipe(tiny_front_end: FrontEndConfig, tiny_model: ModelConfig) -> Recipe:
    return Recipe(tiny_front_end, tiny_model, TrainConfig(batch_size=4))


def test_either_way_learns_from_as_many_batches(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that counts: making a batch takes 4 s, learning from it 3 s."""
    spent = [0.0]
    make, learn = Batches.make, Trainer.learn

    def slow_make(*arguments: object) -> object:
        spent[0] += 4
        return make(*arguments)

    def slow_learn(*arguments: object) -> object:
        spent[0] += 3
        return learn(*arguments)

    monkeypatch.setattr(Batches, "make", slow_make)
    monkeypatch.setattr(Trainer, "learn", slow_learn)
    monkeypatch.setattr(throughput, "perf_counter", lambda: spent[0])
    found = throughput.measure(recipe, "cpu", rounds=3)
    assert found.batch_size == 4
    assert (found.training_clips_per_s, found.network_clips_per_s) == (0.57, 1.33)  # 4/7 and 4/3
    assert json.loads(found.to_json())["share"] == 0.429
    assert spent[0] == 4 + (1 + 3) * (7 + 3)  # a batch made ready, then four rounds


def test_the_first_round_is_to_warm_up(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes on by 100 s in the first steps, then by 2 s and by 1 s."""
    clock_s = iter([0, 100, 200, 200, 202, 203])  # a round's begin, between its steps, its end
    monkeypatch.setattr(throughput, "perf_counter", lambda: next(clock_s))
    found = throughput.measure(recipe, "cpu", rounds=1)
    assert (found.training_clips_per_s, found.network_clips_per_s) == (2.0, 4.0)
    assert found.to_text().startswith(
        "training 2.0 clips/s, the network alone 4.0 clips/s (50%); batches of 4 on cpu, "
    )


def test_the_figures_name_the_machine(recipe: Recipe) -> None:
    found = throughput.measure(recipe, "cpu", rounds=1)
    assert json.loads(found.to_json())["device"] == "cpu"
    assert f"on cpu, {found.threads} threads, {found.cpu}" in found.to_text()


def test_no_rounds_is_refused(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RequestError, match="0 rounds were asked for"):
        throughput.measure(recipe, "cpu", rounds=0)
    assert main(["bench-training", "--rounds", "0"]) == 1
    assert "ask for 1 or more" in capsys.readouterr().err

"""``train-masker``: what it learns from, and where the masker goes; nothing is learnt here."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.explain.masker import Masker, MaskerInfo, load_masker, weights_digest
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clip_table import read_table
from resona_core.training.data.clips import ClipSet
from resona_core.training.fitting import masker

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, tone: Callable[..., object], sound_file: Callable[..., bytes]) -> Write:
    """A function that writes three clips for each fold named, of the toy network's classes."""

    def write(*folds: int, labels: Sequence[str] = ("dog", "rain", "siren")) -> Path:
        folder = tmp_path / "data"
        for name in ("audio", "meta"):
            (folder / name).mkdir(parents=True)
        with (folder / "meta" / "toy.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["filename", "fold", "target", "category"])
            for i in range(3 * len(folds)):
                (folder / "audio" / f"{i}.wav").write_bytes(sound_file(tone(300 + 100 * i)))
                writer.writerow([f"{i}.wav", folds[i // 3], i % 3, labels[i % 3]])
        return folder

    return write


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Of each masker that is asked for, the clips, epochs and seed; it stays as it begins."""
    asked: list[tuple[int, int, int]] = []

    def learn(classifier: Classifier, clips: ClipSet, epochs: int, seed: int) -> Masker:
        asked.append((len(clips), epochs, seed))
        return Masker(classifier.info.model)

    monkeypatch.setattr(masker, "learn_masker", learn)
    return asked


def _told(weights: str, path: Path) -> MaskerInfo:
    return load_masker(path, checkpoint.load(Path(weights)).network)[1]


@pytest.mark.parametrize(
    ("there", "asked", "folds"),
    [
        ((1, 3, 4), [], (1, 3)),  # the toy has learnt folds 1, 2 and 3
        ((4, 5), [], (4, 5)),  # where there is none of them, all
        ((1, 3, 4), ["--folds", "4"], (4,)),
    ],
)
def test_it_learns_from_the_folds_of_the_weights_or_those_asked_for(
    there: tuple[int, ...], asked: list[str], folds: tuple[int, ...], weights: str, write: Write,
    learnt: list[tuple[int, int, int]], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data = write(*there)
    assert main(["train-masker", "--data", str(data), "--checkpoint", weights, *asked]) == 0
    path = Path(weights).with_suffix(".masker.safetensors")
    assert capsys.readouterr().out == f"{path}\n"
    table = read_table(data).table
    assert _told(weights, path) == MaskerInfo(
        weights=weights_digest(checkpoint.load(Path(weights)).network),
        folds=folds,
        learnt=" ".join(sorted(table[table["fold"].isin(folds)]["digest"])),
        epochs=3,
        seed=0,
    )
    assert learnt == [(3 * len(folds), 3, 0)]


def test_place_epochs_and_seed_can_be_chosen(
    weights: str, write: Write, tmp_path: Path, learnt: list[tuple[int, int, int]],
    defaults: Callable[[str], dict[str, float]],
) -> None:  # fmt: skip
    assert defaults("train-masker") == {"epochs": 3, "seed": 0}
    output = tmp_path / "mine.safetensors"
    command = ["train-masker", "--data", str(write(1)), "--checkpoint", weights]
    for _ in range(2):  # over its own
        assert main([*command, "--epochs", "1", "--seed", "7", "--output", str(output)]) == 0
    assert learnt == [(3, 1, 7)] * 2
    assert (_told(weights, output).epochs, _told(weights, output).seed) == (1, 7)
    assert not Path(weights).with_suffix(".masker.safetensors").exists()


def test_what_it_cannot_learn_from_is_one_sentence(
    weights: str, write: Write, learnt: list[tuple[int, int, int]],
    capsys: pytest.CaptureFixture[str], lacks: Callable[[str], str],
) -> None:  # fmt: skip
    assert lacks("train-masker") == "the following arguments are required: --data"
    data = write(1, labels=("dog", "owl", "kettle"))
    command = ["train-masker", "--data", str(data), "--checkpoint", weights]
    assert main([*command, "--epochs", "0"]) == 1
    told = "error: The masker cannot learn for 0 epochs; give 1 or more.\n"
    assert capsys.readouterr().err == told
    assert main(command) == 1
    told = "error: The checkpoint does not know the class kettle, owl; give the data it was trained"
    assert capsys.readouterr().err.startswith(told)
    assert learnt == []

"""A run folder as `train` and `evaluate` leave it, with figures made up by a fixed rule."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.labels import ESC50_LABELS

STEPS_AN_EPOCH = 100


def write_run(folder: Path, epochs: int = 10, done: int | None = None) -> Path:
    """Write the configuration, the environment and the log of a run of `done` epochs."""
    folder.mkdir(parents=True)
    write_json(folder / "config.json", configuration(folder.name, epochs))
    write_json(
        folder / "environment.json",
        {"git_commit": "0123abc", "python": "3.11.2", "device": "cpu", "cpu": "two cores"},
    )
    with SummaryWriter(folder) as log:
        write_epochs(log, range(1, (epochs if done is None else done) + 1), epochs)
    return folder


def configuration(name: str, epochs: int) -> dict[str, Any]:
    """Return what config.json holds."""
    return {
        "schema_version": 1,
        "name": name,
        "front_end": FrontEndConfig().to_dict(),
        "model": ModelConfig().to_dict(),
        "labels": ESC50_LABELS,
        "training": TrainConfig(epochs=epochs).to_dict(),
        "folds": [1, 2, 5],
        "data": "ESC-50",
        "licence": "CC-BY-NC-3.0",
    }


def write_epochs(log: SummaryWriter, epochs: Iterable[int], of: int) -> None:
    """Write the scalars of these epochs: the loss halves from 4 at the first to 2 at the last."""
    for epoch in epochs:
        step, progress = STEPS_AN_EPOCH * epoch, epoch / of
        log.add_scalar("train/loss", 4 * 0.5**progress, step)
        log.add_scalar("train/accuracy", 0.5 * progress, step)
        log.add_scalar("train/learning_rate", 1e-3 * (1.001 - progress), step)
        if epoch % 5 == 0:
            for name, better in (("raw", 0.0), ("averaged", 0.1)):
                log.add_scalar(f"held_out/loss_{name}", 3.5 * 0.5**progress - better, step)
                log.add_scalar(f"held_out/accuracy_{name}", 0.6 * progress + better, step)


def evaluation() -> dict[str, Any]:
    """Return an evaluation of 4 clips a class: every third class is once classified as the next."""
    answers = [_answer(index, take) for index in range(50) for take in range(4)]
    right = sum(answer["label"] == answer["predicted"] for answer in answers)
    return {
        "checkpoint": "made up",
        "trained_on_folds": [1, 2, 5],
        "folds": [3],
        "clips": len(answers),
        "accuracy": right / len(answers),
        "standard_error": 0.0196,
        "top_3_accuracy": 1.0,
        "per_class": {},
        "labels": list(ESC50_LABELS),
        "answers": answers,
        "calibration": _calibration(),
        "verdicts": [
            {"claim": "Almost certainly", "count": 120, "right": 0.95},
            {"claim": "Unsure", "count": 0, "right": None},
        ],
        "robustness": [
            {"condition": "clean", "accuracy": 0.915, "standard_error": 0.0196},
            {"condition": "noise at 10 dB", "accuracy": 0.7, "standard_error": 0.0324},
        ],
        "unknown": [
            {"score": "energy", "auroc": 0.8, "auroc_low": 0.75, "auroc_high": 0.85, "fpr95": 0.6}
        ],
    }


def _answer(index: int, take: int) -> dict[str, Any]:
    label = ESC50_LABELS[index]
    mistaken = index % 3 == 0 and take == 0
    return {
        "file": f"3-{index:05d}-A-{take}.wav",
        "fold": 3,
        "label": label,
        "predicted": ESC50_LABELS[(index + 1) % 50] if mistaken else label,
        "probability": 0.4 if mistaken else 0.5 + 0.1 * take,
    }


def _calibration() -> dict[str, Any]:
    edges = [i / 10 for i in range(10)]
    bins = [_bin(low, 0.0) for low in edges]
    return {
        "temperature": 0.8,
        "before": {"nll": 0.9, "brier": 0.3, "ece": 0.12, "mean_confidence": 0.6},
        "after": {"nll": 0.8, "brier": 0.28, "ece": 0.04, "mean_confidence": 0.7},
        "ece_noise_floor": 0.036,
        "bins": bins[1:],
        "bins_before": [_bin(low, 0.1) for low in edges],
    }


def _bin(low: float, off: float) -> dict[str, Any]:
    middle = low + 0.05
    return {"low": low, "high": low + 0.1, "count": 20, "confidence": middle,
            "accuracy": min(1.0, middle + off)}  # fmt: skip


def faithfulness() -> dict[str, Any]:
    """Return a measurement of explanations: two methods and chance, clean and contaminated."""
    shares = {"AI": 97.5, "FF": 0.9, "energy kept": 0.8}
    tables = [
        {
            "condition": condition,
            "methods": {
                "mask": _figures(shares | mixed),
                "grad-cam": _figures({name: x / 2 for name, x in shares.items()}),
                "random, same area": _figures({"AI": 15.0, "FF": 0.2}),
            },
        }
        for condition, mixed in (("clean", {}), ("contaminated", {"SNR gain": 3.1}))
    ]
    return {
        "clips": 60,
        "folds": [3],
        "seed": 1,
        "weights": "0123456789ab",
        "tables": tables,
        "checkpoint": "made up",
        "methods": ["mask", "grad-cam"],
        "judge": "mn04_as.safetensors",
        "learnt": 60,
        "masker_learnt": 0,
    }


def _figures(means: dict[str, float]) -> dict[str, dict[str, float]]:
    return {
        name: {"mean": x, "low": x - 2.5, "high": x + 2.5, "clips": 60} for name, x in means.items()
    }


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write one of the folder's files."""
    path.write_text(json.dumps(values))

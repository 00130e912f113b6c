"""The folder of one run: what its files are called, and when it may be written.

    config.json             the network's description and the recipe: what was asked for
    environment.json        where it ran
    teacher.pt              what the teacher has learnt of the classes, if there is one
    last.pt                 everything needed to go on after a kill
    events.*                what TensorBoard shows
    model.safetensors       the averaged weights, when finished
    model.masker.safetensors  their masker
    evaluation.json         the evaluation
    faithfulness.json       how faithful the explanations are
    cross_validation.json   the same recipe on several folds

A run is begun by :meth:`RunFolder.create` or gone on with by :meth:`RunFolder.resume`; both refuse
what would mix two runs. Nothing here loads torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resona_core.errors import DataError
from resona_core.explain.explanation import masker_path
from resona_core.whole import whole_file

ONLY_TO_RESUME = (".pt", ".part")
"""How the files end that a finished run needs no more."""

_NAMED = 5  # differences that a message names
_SHOWN = 40  # characters of a value
_GO_ON = "resume it (--resume), replace it (--overwrite), or choose another --name"
_BEGIN = "start again under another --name, or in its place: --overwrite"


@dataclass(frozen=True)
class RunFolder:
    """One run's folder, there or not."""

    path: Path

    @property
    def config(self) -> Path:
        """The network's description and the recipe."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """Commit, versions and machine."""
        return self.path / "environment.json"

    @property
    def evaluation(self) -> Path:
        """The evaluation."""
        return self.path / "evaluation.json"

    @property
    def faithfulness(self) -> Path:
        """How faithful the explanations of the weights are."""
        return self.path / "faithfulness.json"

    @property
    def cross_validation(self) -> Path:
        """The same recipe on several folds."""
        return self.path / "cross_validation.json"

    @property
    def teacher(self) -> Path:
        """What the teacher has learnt of the classes."""
        return self.path / "teacher.pt"

    @property
    def last(self) -> Path:
        """Everything needed to go on."""
        return self.path / "last.pt"

    @property
    def model(self) -> Path:
        """The finished weights."""
        return self.path / "model.safetensors"

    @property
    def masker(self) -> Path:
        """The masker of the weights."""
        return masker_path(self.model)

    @property
    def logs(self) -> list[Path]:
        """TensorBoard's files."""
        return sorted(self.path.glob("events.out.tfevents.*"))

    @property
    def is_run(self) -> bool:
        """Whether there is something of a run to look at: its configuration or a log."""
        return self.config.is_file() or bool(self.logs)

    @property
    def is_finished(self) -> bool:
        """Whether the weights are there, and nothing to go on from."""
        return self.model.is_file() and not self.last.exists()

    @property
    def is_taken(self) -> bool:
        """Whether any file of a run lies here."""
        return any(path.is_file() for path in self._files()) or bool(self.logs)

    def forget_state(self) -> None:
        """Delete what only an unfinished run needs."""
        for path in (self.last, self.teacher):
            path.unlink(missing_ok=True)

    def refuse_if_taken(self, cure: str = _GO_ON) -> None:
        """Raise a DataError that ends with the `cure` where any file of a run lies."""
        if self.is_taken:
            raise DataError(f"There is a run in {self.path} already; {cure}.")

    def clear(self) -> None:
        """Delete a run's own files, so that another can take its place."""
        for path in (*self._files(), *self.logs, *self.path.glob("*.part")):
            path.unlink(missing_ok=True)

    def create(self, config: Mapping[str, Any], cure: str = _GO_ON) -> None:
        """Begin a run: make the folder, and write what was asked for.

        Raises
        ------
        DataError
            If there is a run already; the message ends with the `cure`.
        """
        self.refuse_if_taken(cure)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.config, config)

    def resume(self, config: Mapping[str, Any]) -> None:
        """Go on with the run of this `config`, or begin it where none is.

        Raises
        ------
        DataError
            If config.json is missing or damaged, or something else was asked for then; the
            message says what.
        """
        if not self.is_taken:
            self.create(config)
            return
        if not self.config.is_file():
            raise DataError(
                f"{self.path} holds files of a run but no config.json, which says what it learns; "
                f"{_BEGIN}."
            )
        try:
            there = read_json(self.config)
        except DataError:
            raise DataError(
                f"{self.config} is damaged: it holds no JSON object that says what the run learns; "
                f"{_BEGIN}."
            ) from None
        if differences := [*_differences(there, config)]:
            more = f" and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
            raise DataError(
                f"{self.path} holds a run with another configuration: "
                f"{', '.join(differences[:_NAMED])}{more}; ask for the same, or {_BEGIN}."
            )

    def _files(self) -> tuple[Path, ...]:
        return (
            self.config, self.environment, self.evaluation, self.faithfulness,
            self.cross_validation, self.teacher, self.last, self.model, self.masker,
        )  # fmt: skip


def read_json(path: Path) -> dict[str, Any]:
    """Return a record; an empty one where there is no file.

    Raises
    ------
    DataError
        If the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise DataError(
            f"{path.parent.name}/{path.name} holds no JSON object; delete it or write it again."
        )
    return values


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a record; a kill or a full disk while writing leaves the old file, or none.

    What is no number (NaN, infinite) is written as null: JSON knows neither.
    """
    text = json.dumps(_finite(values), indent=1) + "\n"
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _differences(
    there: Mapping[str, Any], asked: Mapping[str, Any], within: str = ""
) -> Iterator[str]:
    """Yield "training.epochs is 50 there, 60 was asked for" for each value that differs."""
    for key in {**asked, **there}:
        name, one, other = within + key, there.get(key), asked.get(key)
        if key == "learnt" and isinstance(one, str) and isinstance(other, str):
            yield from _changed_clips(set(one.split()), set(other.split()))
        elif isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{name}.")
        elif one != other:
            yield f"{name} is {_shown(one)} there, {_shown(other)} was asked for"


def _changed_clips(there: set[str], asked: set[str]) -> Iterator[str]:
    if there != asked:
        yield f"{len(there - asked)} of its clips have gone and {len(asked - there)} are new"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

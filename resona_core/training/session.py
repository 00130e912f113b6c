"""What one training is to be: a dataset, a recipe, a name. Nothing here loads torch.

:mod:`resona_core.training.preparation` carries it out,
:mod:`resona_core.training.cross_validation` makes several of one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

from resona_core.errors import DataError
from resona_core.training.fitting.recipes import Recipe
from resona_core.training.fitting.run_folder import RunFolder

_PATHS = ("data", "runs", "initial", "teacher", "others")


@dataclass(frozen=True)
class Session:
    """What to learn from which clips, and where to write it.

    Attributes
    ----------
    data : Path
        A dataset as :func:`resona_core.training.data.clip_table.read_table` reads it.
    runs, name : Path, str
        The run is written to the folder `name` in `runs`.
    folds : tuple of int
        The folds to learn from; empty: all there are.
    validate_on : int or None
        A fold to leave out; its accuracy is only logged.
    recipe : Recipe
        The network's shape and the front end give way to those of the weights to start from.
    own_front_end : bool
        Keep the recipe's front end all the same.
    initial : Path or None
        A checkpoint to start from, for every layer that fits; by default none for ESC-50 and
        the shipped one for other sounds.
    from_scratch : bool
        Start from no weights.
    seed : int or None
        Of everything drawn; by default the recipe's, or the one after that of the weights to
        start from, lest the same changes of the same clips be heard again.
    teacher : Path or None
        Weights of an AudioSet tagger to learn from as well.
    others : Path or None
        Sounds of no class, as :func:`resona_core.training.data.others.read_others` reads them; of
        these too the fold `validate_on` is left out.
    without : tuple of str
        Classes to leave out, so that the network can be asked about sounds it has never heard.
    skip_unreadable : bool
        Leave out damaged files.
    device : str
        A torch device; empty: cuda where it works, else cpu.
    resume : bool
        Go on from where the run of this name stopped.
    overwrite : bool
        Begin anew in place of the run of this name.
    stored_every : int
        Epochs after which the state to go on from is written, and no more often than its
        writing is worth.
    data_name, licence : str
        What the checkpoint says it was trained on (empty: the folder's name), and of its use
        (empty: that of the weights to start from).
    """

    data: Path
    runs: Path
    name: str = "run"
    folds: tuple[int, ...] = ()
    validate_on: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    own_front_end: bool = False
    initial: Path | None = None
    from_scratch: bool = False
    seed: int | None = None
    teacher: Path | None = None
    others: Path | None = None
    without: tuple[str, ...] = ()
    skip_unreadable: bool = False
    device: str = ""
    resume: bool = False
    overwrite: bool = False
    stored_every: int = 1
    data_name: str = ""
    licence: str = ""

    @property
    def folder(self) -> RunFolder:
        """Where the run is written.

        Raises
        ------
        DataError
            If its name is not that of a folder.
        """
        if self.name in ("", ".", "..") or {"/", "\\", "\0"} & set(self.name):
            raise DataError(
                f"The run cannot be called {self.name!r}; give a name without slashes (--name)."
            )
        return RunFolder(self.runs / self.name)

    def to_json(self) -> str:
        """Return it as it travels: between versions of Python, and from Windows to Linux."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in _PATHS:
            values[name] = values[name] and values[name].as_posix()
        return json.dumps(values | {"recipe": self.recipe.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        for name in _PATHS:
            values[name] = values[name] and Path(values[name])
        for name in ("folds", "without"):
            values[name] = tuple(values[name])
        return cls(**values | {"recipe": Recipe.from_dict(values["recipe"])})

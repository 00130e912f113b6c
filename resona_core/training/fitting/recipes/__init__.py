"""How to learn, as TOML files: only what differs from the defaults of resona_core/config.py.

::

    [front_end]
    n_mels = 64

    [model]
    dropout = 0.5

    [training]
    epochs = 200
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import ConfigError

_FOLDER = Path(__file__).parent

NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
"""The recipes that come with the program."""


@dataclass(frozen=True)
class Recipe:
    """How to learn: the front end, the network, the training.

    What the data decides is filled in later: the classes, the mean and the deviation.
    """

    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainConfig = field(default_factory=TrainConfig)

    def lasting(self, epochs: int) -> Recipe:
        """Return the recipe with so many epochs.

        Raises
        ------
        ConfigError
            For fewer than one.
        """
        if epochs < 1:
            raise ConfigError(f"{epochs} epochs were asked for; ask for 1 or more.")
        return replace(self, training=replace(self.training, epochs=epochs))

    def to_dict(self) -> dict[str, Any]:
        """Return its tables, as JSON and TOML hold them."""
        return {one.name: getattr(self, one.name).to_dict() for one in fields(self)}

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> Self:
        """Read the tables of a recipe; what is not there is as usual.

        Raises
        ------
        ConfigError
            For unknown keys and impossible values.
        """
        return cls(
            FrontEndConfig.from_dict(tables.get("front_end", {})),
            ModelConfig.from_dict(tables.get("model", {})),
            TrainConfig.from_dict(tables.get("training", {})),
        )


def read_recipe(name_or_file: str) -> Recipe:
    """Return the recipe of one of the `NAMES`, or the one in a TOML file.

    Raises
    ------
    ConfigError
        If there is no such recipe or file, or it holds something unknown.

    Examples
    --------
    >>> read_recipe("resona").lasting(3).training.epochs
    3
    """
    path = _FOLDER / f"{name_or_file}.toml" if name_or_file in NAMES else Path(name_or_file)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(
            f"There is no recipe {name_or_file!r}; use {', '.join(NAMES)} or a TOML file."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}.") from None
    if unknown := sorted(set(tables) - {"front_end", "model", "training"}):
        raise ConfigError(
            f"{path} holds {', '.join(unknown)}; a recipe has [front_end], [model] and [training]."
        )
    return Recipe.from_dict(tables)

"""The weights that training starts from, as far as it asks: an older program's serve as well.

:func:`read_origin` tells what they are, :func:`start_from` copies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file

from resona_core.config import ModelConfig, TrainConfig
from resona_core.errors import CheckpointError, ConfigError
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import read_description


@dataclass(frozen=True)
class Origin:
    """What training asks of a checkpoint.

    The front end is not among it: pictures of another kind are no hindrance to weights.

    Attributes
    ----------
    name, licence : str
        What it is called, and the terms of its use.
    labels : tuple of str
        Its classes, in the order of the logits.
    model : ModelConfig
        The network's shape.
    seed : int
        What its training drew from.
    learnt : str
        Digests of the clips it learnt from.
    """

    name: str
    licence: str
    labels: tuple[str, ...]
    model: ModelConfig
    seed: int
    learnt: str = ""


def read_origin(path: Path) -> Origin:
    """Read what a checkpoint says of itself, whatever version of this program wrote it.

    Raises
    ------
    CheckpointError
        As :func:`resona_core.network.description.read_info` for the file, and for a
        description that lacks what training asks.
    """
    description = read_description(path)
    try:
        return Origin(
            name=str(description["name"]),
            licence=str(description.get("licence", "")),
            labels=tuple(description["labels"]),
            model=ModelConfig.known_of(description["model"]),
            seed=TrainConfig.known_of(description["training"]).seed,
            learnt=str(description.get("learnt", "")),
        )
    except KeyError as missing:
        raise CheckpointError(
            f"{path.name} does not state its {missing.args[0]}; start from weights written by "
            "`python -m resona_core train`."
        ) from None
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{path.name} cannot be used as initial weights: {error}") from None


def start_from(classifier: Classifier, path: Path) -> list[str]:
    """Copy a checkpoint's weights into every layer of the same shape; return what was left.

    The last layer is left when the classes differ: its rows would mean other sounds.
    """
    same_classes = read_origin(path).labels == classifier.info.labels
    given = load_file(path)
    own = classifier.network.state_dict()
    fits = {
        name: given[name].to(own[name].dtype)
        for name in own
        if name in given
        and given[name].shape == own[name].shape
        and (same_classes or not name.startswith("fc."))
    }
    classifier.network.load_state_dict(own | fits)
    return sorted(set(own) - set(fits))

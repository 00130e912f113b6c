"""What a checkpoint says about itself; importing this loads no torch.

The description lies in the safetensors header under the key ``resona``; weights and description
travel together, and neither can execute code when loaded.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import CheckpointError, ConfigError

SCHEMA_VERSION = 1
HEADER_KEY = "resona"


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes
    ----------
    name : str
        Short name shown to users.
    labels : tuple of str
        The classes, in the order of the logits.
    folds : tuple of int
        The folds it was trained on.
    initial : str
        Name of the checkpoint whose weights training started from; empty: from nothing.
    teacher : str
        Name of the network it learnt from beside the labels; empty: none.
    kinds : tuple of str
        What a second last layer tells apart: sounds of the classes first, then kinds of all
        others; empty: there is none.
    learnt : str
        Digests of the clips it learnt from, and of those that the weights it started from learnt
        from, each of 12 hexadecimal digits; empty: not noted.
    data, licence, validation : str
        What it was trained on, under which terms it may be used, how it was validated.
    scores : dict of str to float
        Figures with the names `evaluate` prints.
    temperature : float
        Divides the logits before the softmax.
    known_floor : float, 0 to 1
        A sound whose first kind has less probability is none of the classes.
    """

    name: str
    front_end: FrontEndConfig
    model: ModelConfig
    labels: tuple[str, ...]
    training: TrainConfig
    folds: tuple[int, ...] = ()
    initial: str = ""
    teacher: str = ""
    kinds: tuple[str, ...] = ()
    learnt: str = ""
    data: str = ""
    licence: str = ""
    validation: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    known_floor: float = 0.5

    @property
    def learnt_digests(self) -> frozenset[str]:
        """The digests in `learnt`."""
        return frozenset(self.learnt.split())

    def to_json(self) -> str:
        """Return the description with its schema version."""
        return json.dumps({"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> CheckpointInfo:
        """Read a description.

        Raises
        ------
        CheckpointError
            For text that is not such a description, an unknown schema version, missing or
            unknown keys, and labels or kinds that do not fit the network.
        """
        values = _parse(text)
        known = {f.name for f in dataclasses.fields(cls)}
        required = {"name", "front_end", "model", "labels", "training"}
        if wrong := sorted((required - set(values)) | (set(values) - known)):
            raise CheckpointError(
                f"The checkpoint's description has missing or unknown fields: {', '.join(wrong)}; "
                "it was written by another version of this program."
            )
        try:
            values["front_end"] = FrontEndConfig.from_dict(values["front_end"])
            values["model"] = ModelConfig.from_dict(values["model"])
            values["training"] = TrainConfig.known_of(values["training"])
            values |= {
                key: tuple(values[key]) for key in ("labels", "folds", "kinds") if key in values
            }
        except (ConfigError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"The checkpoint's configuration is not usable: {str(error).rstrip('.')}; use the "
                "program's version that wrote it, or train from its weights with `--recipe`."
            ) from None
        info = cls(**values)
        sizes = {"classes": info.model.n_classes, "kinds": info.model.n_kinds}
        for (what, size), names in zip(sizes.items(), (info.labels, info.kinds), strict=True):
            if len(names) != size:
                raise CheckpointError(
                    f"The checkpoint names {len(names)} {what}, its network has {size}; "
                    "it was put together from two runs."
                )
        return info


def _parse(text: str) -> dict[str, Any]:
    """Return the description's keys and values, without its schema version."""
    try:
        values: dict[str, Any] = dict(json.loads(text))
    except (ValueError, TypeError):
        raise CheckpointError(
            "The checkpoint's description cannot be read; download the file again."
        ) from None
    version = values.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise CheckpointError(
            f"The checkpoint has schema version {version}, this program reads "
            f"{SCHEMA_VERSION}; use the program's version that wrote it, or train again."
        )
    return values


def read_info(path: Path) -> CheckpointInfo:
    """Return the description alone, without the weights.

    Raises
    ------
    CheckpointError
        If the file is missing, is not safetensors, or carries no description that this
        version of the program reads.
    """
    return CheckpointInfo.from_json(_header(path))


def _header(path: Path) -> str:
    """Return a checkpoint's description as it is written."""
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint at {path}; set RESONA_CHECKPOINT to a .safetensors file "
            "written by `python -m resona_core train`."
        )
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is not a safetensors file ({error}); download it again."
        ) from None
    if HEADER_KEY not in metadata:
        raise CheckpointError(f"{path.name} holds weights without Resona's description of them.")
    text: str = metadata[HEADER_KEY]
    return text


def read_description(path: Path) -> dict[str, Any]:
    """Return the description as it is written, by whatever version of this program.

    Raises
    ------
    CheckpointError
        As :func:`read_info`, for the file.
    """
    return _parse(_header(path))

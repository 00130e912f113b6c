"""How faithful a network's explanations were found: the records of faithfulness.json.

`explain-bench --output` writes a :class:`Faithfulness`, the Training page reads it: one schema,
`to_dict` and `from_dict`, as :mod:`~resona_core.training.evaluation.records` has it for
evaluations. Nothing here loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from resona_core.errors import DataError
from resona_core.explain.explanation import Method
from resona_core.explain.faithfulness import Figure
from resona_core.training.evaluation.records import as_json, read_as

ClipCondition = Literal["clean", "contaminated"]
CONDITIONS: tuple[ClipCondition, ...] = get_args(ClipCondition)


@dataclass(frozen=True)
class FaithfulnessTable:
    """What each method was found to be worth on clips in one condition.

    Attributes
    ----------
    condition : {"clean", "contaminated"}
        The clips as they are, or each with a fifth of another mixed in.
    methods : dict of str to dict of str to Figure
        By the name of the method, and of the figure: one of
        :data:`resona_core.explain.faithfulness.FIGURES`.
    """

    condition: ClipCondition
    methods: dict[str, dict[str, Figure]]


@dataclass(frozen=True)
class Faithfulness:
    """One measurement of explanations.

    Attributes
    ----------
    clips : int
        How many were explained.
    folds : tuple of int
        The folds they were drawn from.
    seed : int
        Of the drawing, and of all that is random.
    weights : str
        Digest of the network's weights.
    tables : tuple of FaithfulnessTable
        One a condition.
    checkpoint : str
        The network's name.
    methods : tuple of str
        Those that were asked for; the tables have chance beside them.
    judge : str
        The file of the outside ear; "" where there was none.
    learnt, masker_learnt : int or None
        How many of the clips the network and the masker had learnt from; None where it is not
        known.
    """

    clips: int
    folds: tuple[int, ...]
    seed: int
    weights: str
    tables: tuple[FaithfulnessTable, ...]
    checkpoint: str = ""
    methods: tuple[Method, ...] = ()
    judge: str = ""
    learnt: int | None = None
    masker_learnt: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build it from faithfulness.json's object; keys that are not known here are left out.

        Raises
        ------
        DataError
            If it lacks a field without which it says nothing.
        """
        try:
            return read_as(cls, values)  # type: ignore[no-any-return] # of the type asked for
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"The measurement of explanations cannot be read ({error}); write it again with "
                "`python -m resona_core explain-bench --output`."
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; floats with four digits."""
        return as_json(self)

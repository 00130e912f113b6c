"""From the question "why this class?" to an :class:`Explanation` that can be heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.errors import RequestError
from resona_core.explain.attribution import Attribution
from resona_core.explain.explanation import Explanation, Question, Told
from resona_core.explain.shaping import kept_by
from resona_core.memory import give_back
from resona_core.results import Spectrogram
from resona_core.words import verdict

Floats = NDArray[np.float32]


def explain(
    question: Question,
    samples: Floats,
    sample_rate_hz: int,
    spectrogram: Spectrogram,
    attribution: Attribution,
    judge: Callable[[Floats], Classification],
    told: Told,
) -> Explanation:
    """Answer a question; see :meth:`resona_core.engine.Engine.explain`.

    Parameters
    ----------
    question : Question
    samples : ndarray (sample,), float32
        The window.
    sample_rate_hz : int
    spectrogram : Spectrogram
        Of the window.
    attribution : Attribution
    judge : callable
        Classifies (sample,) as a sound of its own.
    told : callable
        As there.
    """
    started = perf_counter()
    whole = judge(samples)
    question = _answerable(question, whole)
    number = whole.labels.index(question.target)
    relevance = attribution.relevance(torch.from_numpy(samples), number, question, told)
    give_back()
    mask = np.minimum(1, np.float32(question.strength) * relevance)
    kept = kept_by(mask, spectrogram, samples, sample_rate_hz)
    rest = samples - kept
    answers = {"full": whole, "kept": judge(kept), "rest": judge(rest)}
    return Explanation(
        question=question,
        spectrogram=spectrogram,
        mask=mask,
        sample_rate_hz=sample_rate_hz,
        heard=samples,
        kept=kept,
        rest=rest,
        probabilities={part: float(a.probabilities[number]) for part, a in answers.items()},
        answers={part: "".join(p.label for p in a.top(1)) for part, a in answers.items()},
        verdicts={part: verdict(a).headline for part, a in answers.items()},
        seconds=perf_counter() - started,
    )


def _answerable(question: Question, whole: Classification) -> Question:
    """Return the question with the class it is about, or refuse it."""
    if whole.nothing_to_hear:
        raise RequestError(
            "There is nothing to hear in this window, so no answer to explain; choose another."
        )
    (best,) = whole.top(1)
    if question.target and question.target not in whole.labels:
        raise RequestError(
            f"The network does not know the class {question.target!r}; ask for one of its "
            f"{len(whole.labels)} classes, such as {best.label}."
        )
    return replace(question, target=question.target or best.label)

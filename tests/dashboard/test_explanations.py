"""The store of explanations that all sessions share."""

from __future__ import annotations

import pytest

from pages._shell import cache, explanations
from pages._shell.sound import Sound
from resona_core.explain.explanation import Question


def test_the_latest_are_kept_and_each_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []

    class Engine:
        device = "cpu"

        def explain(self, clip: object, question: Question, told: object) -> tuple[int, Question]:
            asked.append(question)
            store._kept.pop(
                ("local", "key", questions[0]), None
            )  # as another session may at any moment
            return len(asked), question

    monkeypatch.setattr(cache, "engine", Engine)
    monkeypatch.setattr(cache, "clip", lambda sound: None)
    monkeypatch.setattr(explanations, "_MOST_KEPT", 2)
    store, sound = explanations.Explanations(), Sound("x.wav", b"", "key")
    questions = [Question(window=number) for number in range(3)]
    found = [store.of(sound, question, lambda done: None) for question in questions]
    assert found == [(number + 1, question) for number, question in enumerate(questions)]
    assert store.of(sound, questions[2], lambda done: None) == found[2]
    assert len(asked) == 3
    assert [store.has(sound, question) for question in questions] == [False, True, True]

"""The switch between this computer and Modal, with a stand-in for Modal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from modal import exception as modal_errors
from streamlit.testing.v1 import AppTest

from pages._shell import cache, explanations, state
from resona_core.engine import Engine
from resona_core.explain.boxes import Box
from resona_core.remote import ModalService
from resona_core.settings import settings
from resona_core.sound.examples import DEMO_SOUNDS
from tests.modal_service import FakeService


def listening() -> None:
    """What app.py draws, with a page that only asks for the answer."""
    import streamlit as st

    from pages._shell import cache, frame, sound_choice, state

    state.forget_answered()
    with st.sidebar:
        sound_choice.choose_sound()
        frame.choose_backend()
    answer = cache.classification(sound_choice.current_sound())
    maps = cache.feature_maps(sound_choice.current_sound(), 0)
    st.title(answer.top(1)[0].label)
    st.text(f"{len(maps)} layers")
    with st.sidebar:
        frame.describe_network()


@pytest.fixture
def modal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeService]]:
    """A function that puts a stand-in where Modal would be: (*failures)."""

    def put(*failures: BaseException) -> FakeService:
        service = FakeService(settings().checkpoint, *failures)
        monkeypatch.setattr(
            ModalService, "call", lambda _, *asked, **how: service.call(*asked, **how)
        )
        return service

    def forget() -> None:
        questions = (cache.classification, cache.feature_maps, cache.channel_shares)
        for kept in (cache.modal_engine, explanations.explanations, *questions):
            kept.clear()

    forget()
    yield put
    forget()


def _page() -> AppTest:
    page = AppTest.from_function(listening, default_timeout=60).run()
    assert not page.exception
    return page


def _switch(page: AppTest, backend: str) -> AppTest:
    page.segmented_control(key=state.BACKEND).set_value(backend).run()
    assert not page.exception
    return page


def _network(page: AppTest) -> str:
    return str(page.sidebar.caption[-1].value)


def test_without_asking_for_it_nothing_goes_to_modal(modal: Callable[..., FakeService]) -> None:
    service = modal()
    page = _page()
    assert "runs on this computer (cpu, answers in float32), answered in" in _network(page)
    assert service.calls == []


def test_modal_answers_when_chosen_and_the_sidebar_says_where_and_how_fast(
    modal: Callable[..., FakeService],
) -> None:
    service = modal()
    page = _page()
    here = page.title[0].value
    _switch(page, "modal")
    assert [method for method, _ in service.calls] == ["hear", "feature_maps"]
    assert "runs on Modal (a far GPU), answered in" in _network(page)
    assert page.title[0].value == here
    assert page.text[0].value == "17 layers"
    assert not page.sidebar.warning


def test_an_answer_is_kept_apart_for_each_backend(modal: Callable[..., FakeService]) -> None:
    service = modal()
    page = _page()
    for backend in ("modal", "local", "modal"):
        _switch(page, backend)
    assert len(service.calls) == 2  # the second time on Modal, both answers were known
    assert "runs on Modal (a far GPU)" in _network(page)


def sharing() -> None:
    """A page that asks for the shares of a layer's channels."""
    import streamlit as st

    from pages._shell import cache, frame, sound_choice

    with st.sidebar:
        sound_choice.choose_sound()
        frame.choose_backend()
    cache.channel_shares(sound_choice.current_sound(), 0, "dog", "layer4.2")
    with st.sidebar:
        frame.describe_network()


def test_the_shares_of_channels_are_asked_of_modal_too(modal: Callable[..., FakeService]) -> None:
    service = modal()
    page = _switch(AppTest.from_function(sharing, default_timeout=60).run(), "modal")
    assert [method for method, _ in service.calls] == ["channel_shares"]
    assert "runs on Modal (a far GPU)" in _network(page)
    page.run()
    assert len(service.calls) == 1


def explaining() -> None:
    """A page that asks why, and for the smallest box that changes the answer."""
    import streamlit as st

    from pages._shell import explanations, frame, sound_choice
    from resona_core.explain.explanation import Question

    with st.sidebar:
        sound_choice.choose_sound()
        frame.choose_backend()
    sound = sound_choice.current_sound()
    why = explanations.explanations().of(sound, Question(method="energy"), lambda done: None)
    st.title(why.summary())
    if st.session_state.get("flip"):
        st.text(explanations.smallest_flip(sound, 0, lambda done: None))
    with st.sidebar:
        frame.describe_network()


def test_why_is_asked_of_modal_once_and_the_answer_is_that_of_this_computer(
    modal: Callable[..., FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "smallest_flip", lambda *_: Box(1.0, 2.0, 500.0, 900.0))
    service = modal()
    page = AppTest.from_function(explaining, default_timeout=60).run()
    here = page.title[0].value
    assert re.search(r"runs on this computer \(cpu, answers in \w+\), answered in", _network(page))
    for backend in ("modal", "local", "modal"):
        _switch(page, backend)
        assert page.title[0].value == here
    assert [method for method, _ in service.calls] == ["explain"]
    assert "runs on Modal (a far GPU), answered in" in _network(page)
    page.session_state["flip"] = True
    page.run()
    assert page.text[0].value == str(Box(1.0, 2.0, 500.0, 900.0))
    assert [method for method, _ in service.calls] == ["explain", "smallest_flip"]


def test_where_modal_cannot_explain_this_computer_does_and_says_so(
    modal: Callable[..., FakeService],
) -> None:
    modal(modal_errors.NotFoundError("Lookup failed"))
    page = _switch(AppTest.from_function(explaining, default_timeout=60).run(), "modal")
    assert page.title[0].value.startswith("Keeping this ")
    assert "runs on this computer (cpu, " in _network(page)
    assert "modal deploy" in page.sidebar.warning[0].value


def test_switching_back_and_forth_keeps_the_sound(modal: Callable[..., FakeService]) -> None:
    modal()
    page = _page()
    page.sidebar.selectbox(key="example").select(DEMO_SOUNDS[2].key).run()
    for backend in ("modal", "local"):
        _switch(page, backend)
        assert page.sidebar.selectbox(key="example").value == DEMO_SOUNDS[2].key
        assert page.session_state["sound"] == DEMO_SOUNDS[2].key


@pytest.mark.parametrize(
    ("failure", "cure"),
    [
        (modal_errors.AuthError("Token missing."), "modal token new"),
        (modal_errors.NotFoundError("Lookup failed"), "modal deploy"),
        (modal_errors.ConnectionError("gone"), "connection to the internet"),
        (modal_errors.ResourceExhaustedError("quota"), "in a minute"),
    ],
)
def test_where_modal_fails_this_computer_answers_and_says_so(
    failure: Exception, cure: str, modal: Callable[..., FakeService]
) -> None:
    service = modal(failure, failure)
    page = _page()
    here = page.title[0].value
    _switch(page, "modal")
    assert page.title[0].value == here
    assert "runs on this computer (cpu, answers in float32), answered in" in _network(page)
    assert "the network runs on this computer" in page.sidebar.warning[0].value
    assert cure in page.sidebar.warning[0].value
    asked = len(service.calls)
    page.run()
    assert len(service.calls) == asked  # no second wait for the same visitor ...
    service.failures.clear()
    page.button(key="modal_again").click().run()
    assert not page.exception
    assert "runs on Modal (a far GPU)" in _network(page)  # ... until they want it
    assert not page.sidebar.warning


def test_choosing_this_computer_takes_the_warning_away(modal: Callable[..., FakeService]) -> None:
    modal(modal_errors.AuthError("Token missing."))
    page = _switch(_page(), "modal")
    assert page.sidebar.warning
    _switch(page, "local")
    assert not page.sidebar.warning


def test_the_setting_chooses_the_backend_of_a_first_visit(
    modal: Callable[..., FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    service: Any = modal()
    monkeypatch.setenv("RESONA_BACKEND", "modal")
    settings.cache_clear()
    try:
        page = _page()
    finally:
        settings.cache_clear()
    assert service.calls
    assert "runs on Modal (a far GPU)" in _network(page)


def test_where_the_owner_keeps_modal_to_themselves_no_visitor_reaches_it(
    modal: Callable[..., FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = modal()
    monkeypatch.setenv("RESONA_MODAL_SWITCH", "0")
    settings.cache_clear()
    try:
        page = AppTest.from_function(listening, default_timeout=60)
        page.session_state[state.BACKEND] = "modal"  # from a visit before, or by hand
        page.run()
        assert not page.exception
        assert state.BACKEND not in [one.key for one in page.sidebar.segmented_control]
        assert "runs on this computer (cpu, answers in float32)" in _network(page)
    finally:
        settings.cache_clear()
    assert service.calls == []

"""Places and turns: who works, who waits, who is turned away, and what becomes of leavers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from fastapi import FastAPI

from resona_core.engine import Engine
from resona_core.serve.api import create_app
from resona_core.settings import ApiSettings


@pytest.fixture
def app(patient: Any, tiny_engine: Engine) -> FastAPI:
    """A service with one turn and one place to wait, whose engine answers when told to."""
    api = ApiSettings(concurrency=1, waiting=1)
    return create_app(patient, replace(tiny_engine.settings, api=api))


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not condition():
            await anyio.sleep(0.005)


@pytest.fixture
def ask(app: FastAPI, exchange: Any, form: Any, wav: bytes) -> Callable[[str], Any]:
    """A function that makes a request for a file of this name."""
    return lambda name: exchange(app, form(name, wav))


def run(scenario: Callable[[Any], Awaitable[None]], patient: Any) -> None:
    """Run `scenario` in a task group; whatever happens, let the engine go."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            try:
                await scenario(group)
            finally:
                patient.may_go.set()

    anyio.run(main)


def test_beyond_the_places_a_request_is_turned_away_at_once(
    app: FastAPI, patient: Any, ask: Any
) -> None:
    line = app.state.service.line
    first, second, third = (ask(name) for name in ("first", "second", "third"))

    async def scenario(group: Any) -> None:
        group.start_soon(first)
        await until(lambda: patient.heard == ["first"])
        group.start_soon(second)
        await until(lambda: line.inside == 2)
        await third()
        assert (third.status, third.headers["retry-after"]) == (429, "1")
        assert (line.working, line.inside) == (1, 2)

    run(scenario, patient)
    assert (first.status, second.status) == (200, 200)
    assert patient.heard == ["first", "second"]
    assert (line.working, line.inside) == (0, 0)


def test_who_leaves_while_waiting_is_not_started_and_frees_the_place(
    app: FastAPI, patient: Any, ask: Any
) -> None:
    line = app.state.service.line
    first, leaver, later = (ask(name) for name in ("first", "leaver", "later"))

    async def scenario(group: Any) -> None:
        group.start_soon(first)
        await until(lambda: patient.heard == ["first"])
        group.start_soon(leaver)
        await until(lambda: line.inside == 2)
        leaver.leaves.set()
        await until(lambda: line.inside == 1)
        group.start_soon(later)
        await until(lambda: line.inside == 2)

    run(scenario, patient)
    assert patient.heard == ["first", "later"]
    assert (line.working, line.inside) == (0, 0)
    assert (first.status, leaver.status, later.status) == (200, None, 200)
    assert 'resona_requests_total{route="/v1/classify",status="499"} 1.0' in (
        app.state.service.metrics.text().decode()
    )


def test_who_has_left_before_its_turn_is_not_started_although_one_is_free(
    app: FastAPI, patient: Any, ask: Any
) -> None:
    leaver = ask("leaver")

    async def scenario(group: Any) -> None:
        leaver.leaves.set()
        await leaver()

    run(scenario, patient)
    assert patient.heard == []
    assert app.state.service.line.working == 0


def test_who_leaves_while_uploading_frees_the_place(
    app: FastAPI, patient: Any, exchange: Any
) -> None:
    line = app.state.service.line
    leaver = exchange(app, [b"--frontier", None])

    async def scenario(group: Any) -> None:
        group.start_soon(leaver)
        await until(lambda: line.inside == 1)
        leaver.leaves.set()

    run(scenario, patient)
    assert (leaver.status, line.inside) == (None, 0)


def test_who_leaves_while_worked_for_keeps_the_turn_until_the_work_is_done(
    app: FastAPI, patient: Any, ask: Any
) -> None:
    line = app.state.service.line
    leaver, later = ask("leaver"), ask("later")

    async def scenario(group: Any) -> None:
        group.start_soon(leaver)
        await until(lambda: patient.heard == ["leaver"])
        leaver.leaves.set()
        group.start_soon(later)
        await until(lambda: line.inside == 2)
        assert patient.heard == ["leaver"]

    run(scenario, patient)
    assert later.status == 200

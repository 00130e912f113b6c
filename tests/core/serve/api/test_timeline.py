"""A recording over HTTP: lines as they are heard, held against the engine asked directly."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from fastapi.testclient import TestClient

from resona_core.classification import Timeline
from resona_core.engine import Engine
from resona_core.errors import AudioLimitError
from resona_core.serve.api import create_app
from resona_core.settings import RECORDING_LIMITS, ApiSettings, Limits, Settings
from resona_core.tables import to_record
from resona_core.timeline import Report, Rules

NAME = "GARDEN_20240131_053000.wav"


@pytest.fixture(scope="session")
def recording(noise: np.ndarray, sound_file: Callable[..., bytes]) -> bytes:
    """10 s at 16 kHz, the second half silent: 19 windows of 1 s."""
    return sound_file(np.concatenate([noise[:80_000], np.zeros(80_000, np.float32)]))


def ask(client: TestClient, data: bytes, query: str = "", name: str = NAME) -> Any:
    return client.post(f"/v1/timeline{query}", files={"file": (name, data)})


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_there_is_a_line_for_each_window_and_one_for_what_was_found(
    client: TestClient, tiny_engine: Engine, recording: bytes
) -> None:
    *windows, end = lines(ask(client, recording, "?threshold=0.1&predictions=2"))
    *_, heard = tiny_engine.timeline(recording, NAME)
    assert [one["start_s"] for one in windows] == [0.5 * number for number in range(19)]
    assert [one["silent"] for one in windows] == heard.silent.tolist()
    assert 8 < sum(one["silent"] for one in windows) < 11
    for number, one in enumerate(windows):
        assert one["line"] == "window"
        assert [each["label"] for each in one["predictions"]] == [
            each.label for each in heard.top(2, number)
        ]
    expected = to_record(Report(NAME, heard, Rules(0.1)))
    assert end == {"line": "end", "network": "toy"} | expected
    assert end["events"][0]["start_s"] == 0
    assert end["windows"] == 19


def test_times_of_day_are_told_where_the_name_tells_them(
    client: TestClient, recording: bytes
) -> None:
    *windows, end = lines(ask(client, recording, "?threshold=0.1"))
    assert windows[3]["start_time"] == "2024-01-31T05:30:01.500"
    assert (end["began"]["time"], end["began"]["from"]) == ("2024-01-31T05:30:00.000", "file name")
    assert end["events"][0]["start_time"] == "2024-01-31T05:30:00.000"
    *windows, end = lines(ask(client, recording, name="night.wav"))
    assert (windows[3]["start_time"], end["began"]) == (None, None)


def test_a_raw_recording_is_called_what_its_header_says(
    client: TestClient, recording: bytes
) -> None:
    headers = {"content-type": "audio/wav", "content-disposition": f"attachment; filename={NAME}"}
    answer = client.post("/v1/timeline", content=recording, headers=headers)
    assert answer.text == ask(client, recording).text
    assert lines(answer)[-1]["file"] == NAME


def test_rules_hop_and_track_are_parameters(client: TestClient, recording: bytes) -> None:
    query = "?threshold=0.2&smooth_s=3&top=1&hop_s=1&track=1"
    *windows, end = lines(ask(client, recording, query))
    assert len(windows) == end["windows"] == 10
    assert (end["threshold"], end["smooth_s"], end["top"]) == (0.2, 3.0, 1)


def test_what_sounds_like_none_of_the_classes_stands_apart(
    make_client: Callable[..., TestClient], strange_weights: str, recording: bytes
) -> None:
    strange = make_client(Engine(Settings(checkpoint=Path(strange_weights))))
    *windows, end = lines(ask(strange, recording))
    assert (windows[0]["known"], windows[0]["kind"]) == (False, "music")
    assert end["events"] == []
    assert [one["kind"] for one in end["none_of_the_classes"]] == ["music"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?threshold=0", "query.threshold"),
        ("?threshold=nan", "query.threshold"),
        ("?smooth_s=-1", "query.smooth_s"),
        ("?smooth_s=inf", "query.smooth_s"),
        ("?top=0", "query.top"),
        ("?hop_s=0", "query.hop_s"),
        ("?hop_s=9", "A hop of 9 s was asked for; ask for 0.1 to 1 s"),
        ("?predictions=0", "query.predictions"),
        ("?track=2", "has no sound track 2; it has 1"),
    ],
)
def test_what_is_wrong_from_the_start_has_its_status(
    client: TestClient, recording: bytes, query: str, words: str
) -> None:
    refused = ask(client, recording, query)
    assert (refused.status_code, refused.json()["status"]) == (422, 422)
    assert words in refused.json()["detail"]


def test_recordings_have_limits_of_their_own_and_their_settings_are_named(
    make_client: Callable[..., TestClient], recording: bytes
) -> None:
    sounds = Limits(max_bytes=1000, max_duration_s=1)
    short = replace(RECORDING_LIMITS, max_duration_s=9)
    refused = ask(make_client(limits=sounds, recording_limits=short), recording)
    assert refused.status_code == 413
    assert refused.json()["detail"] == (
        f"{NAME} lasts 10 s, the limit is 9 s; cut out a shorter part, or set "
        "RESONA_MAX_RECORDING_S higher."
    )
    small = replace(RECORDING_LIMITS, max_bytes=len(recording) - 1)
    refused = ask(make_client(limits=sounds, recording_limits=small), recording)
    assert refused.status_code == 413
    assert refused.json()["detail"].endswith("or set RESONA_MAX_RECORDING_BYTES higher.")
    assert lines(ask(make_client(limits=sounds), recording))[-1]["line"] == "end"


class Listener:
    """The toy engine; after its first answer it waits for `may_go`, then goes on or fails."""

    def __init__(self, engine: Engine, error: Exception | None = None) -> None:
        self._engine, self._error = engine, error
        self.info = engine.info
        self.may_go, self.closed = threading.Event(), threading.Event()

    def timeline(self, data: bytes, name: str, hop_s: None, track: None) -> Iterator[Timeline]:
        try:
            first, *rest = self._engine.timeline(data, name, hop_s, track)
            yield first
            assert self.may_go.wait(60)
            if self._error:
                raise self._error
            yield from rest
        finally:
            self.closed.set()


def test_what_goes_wrong_on_the_way_is_the_last_line(
    make_client: Callable[..., TestClient], tiny_engine: Engine, recording: bytes
) -> None:
    listener = Listener(tiny_engine, AudioLimitError("night.aac lasts too long."))
    listener.may_go.set()
    answer = ask(make_client(listener), recording)
    *windows, last = lines(answer)
    assert len(windows) == 16
    assert (last["line"], last["status"], last["detail"]) == (
        "problem", 413, "night.aac lasts too long.",
    )  # fmt: skip
    assert last["request_id"] == answer.headers["x-request-id"]


def test_a_mistake_of_the_program_on_the_way_is_logged_and_not_told(
    make_client: Callable[..., TestClient],
    tiny_engine: Engine,
    recording: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = Listener(tiny_engine, RuntimeError("the password is rosebud"))
    listener.may_go.set()
    with caplog.at_level(logging.ERROR, logger="resona_core.serve.api"):
        answer = ask(make_client(listener), recording)
    last = lines(answer)[-1]
    assert (last["line"], last["status"]) == ("problem", 500)
    assert "rosebud" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "rosebud" in caplog.text


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not condition():
            await anyio.sleep(0.005)


@pytest.mark.parametrize("leaves", [False, True])
def test_lines_come_while_it_is_heard_and_the_place_is_held_to_the_end(
    tiny_engine: Engine, exchange: Any, recording: bytes, leaves: bool
) -> None:
    listener = Listener(tiny_engine)
    api = ApiSettings(concurrency=1, waiting=0)
    app = create_app(listener, replace(tiny_engine.settings, api=api))  # type: ignore[arg-type]
    line = app.state.service.line
    one, other = (exchange(app, [recording], "audio/wav", "/v1/timeline") for _ in range(2))

    async def scenario() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(one)
            await until(lambda: len(one.pieces) == 1)
            assert one.pieces[0].count(b"\n") == 16
            assert (line.working, line.inside) == (1, 1)
            await other()
            assert other.status == 429
            if leaves:
                one.leaves.set()
            listener.may_go.set()
        assert (line.working, line.inside) == (0, 0)

    anyio.run(scenario)
    assert listener.closed.is_set()
    ended = [piece for piece in one.pieces if b'"end"' in piece]
    assert len(ended) == (0 if leaves else 1)


def test_a_refusal_frees_the_place(client: TestClient) -> None:
    for _ in range(12):  # more than there are places
        assert ask(client, b"Dear reader, this is no sound.").status_code == 415
        assert client.post("/v1/timeline").status_code == 415
    assert client.app.state.service.line.inside == 0  # type: ignore[attr-defined]

"""The widgets of the Recordings page: recordings, rules, progress, one event."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from pages._shell import cache, state, widgets
from pages._shell.hearing import Hearing, share_heard, time_left_s
from pages._shell.sound import Sound
from resona_core.labels import spoken
from resona_core.timeline import Event, Report, Rules, to_audacity, to_csv, to_json
from resona_core.words import clock, none_in_words, percent

_SOURCES = ("Example", "Files", "Folder")
_STEP_S = 1.5  # how long a run of the page analyses before it shows results
_LONGEST_PLAY_S = 60.0
_CLOCK_PX, _CLASS_PX = 62, 112  # narrow enough that a phone shows all four columns of the events


def choose_recordings() -> tuple[Hearing, ...]:
    """Draw the choice of recordings; return what is known of each."""
    source = st.segmented_control(
        "Recordings", _SOURCES, default="Example", required=True, key="recordings_source",
        persist_state="session",
        help="Folder: your browser uploads every sound file in it.",
    )  # fmt: skip
    if source == "Example":
        if not state.kept_hearings("Example"):
            example = Sound("example.flac", cache.example_recording(), "example-recording")
            state.keep_hearings("Example", [_hearing(example)])
        st.caption("One minute, synthesised: seven sounds with silence in between.")
    else:
        _upload(source or "Files")
    return state.kept_hearings(source or "Example")


def _upload(source: str) -> None:
    key = f"recordings_{source.lower()}"
    limits = cache.engine().settings.recording_limits
    st.file_uploader(
        "Long recordings",
        type=widgets.SOUND_TYPES, key=key, label_visibility="collapsed",
        accept_multiple_files="directory" if source == "Folder" else True,
        max_upload_size=widgets.megabytes(limits), on_change=partial(_take_uploads, source, key),
    )  # fmt: skip
    kept = state.kept_hearings(source)
    if kept and not st.session_state[key]:  # the uploader forgets its files with the page
        names = ", ".join(hearing.recording.name for hearing in kept[:3])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Current recordings: {names}{' ...' if len(kept) > 3 else ''}")
            st.button("Remove", key=f"{key}_forget", on_click=state.keep_hearings,
                      args=(source, ()), type="tertiary")  # fmt: skip


def _take_uploads(source: str, key: str) -> None:
    """Keep what is in the uploader; what was there before goes on being analysed."""
    known = {hearing.recording.key: hearing for hearing in state.kept_hearings(source)}
    hearings = [
        known.get(file.file_id) or _hearing(Sound(file.name, file.getvalue(), file.file_id))
        for file in st.session_state[key]
    ]
    state.keep_hearings(source, hearings)


def _hearing(recording: Sound) -> Hearing:
    return Hearing(recording, cache.engine().timeline(recording.data, recording.name))


def choose_rules() -> Rules:
    """Draw what counts as an event; a change asks no network."""
    columns = st.columns(3, gap="medium")
    threshold = columns[0].slider(
        "Threshold (%)", 5, 95, 50, 5, key="threshold", bind="query-params",
        help="An event lasts while the probability of a class is at least this high.",
    )  # fmt: skip
    smooth_s = columns[1].slider(
        "Smoothing (s)", 0, 60, 0, 5, key="smooth", bind="query-params",
        help="Each moment is averaged with its neighbours over this many seconds (moving "
        "average): short gaps close, short events disappear.",
    )  # fmt: skip
    top = columns[2].slider(
        "Classes", 1, 15, 8, key="classes", bind="query-params",
        help="Show the classes with the highest peak probability, the highest on top.",
    )  # fmt: skip
    return Rules(threshold / 100, float(smooth_s), top)


def show_progress(hearings: Sequence[Hearing]) -> bool:
    """Draw how far all recordings are, and the button that stops; tell whether to go on."""
    unfinished = [hearing for hearing in hearings if not hearing.finished]
    stopped = bool(st.session_state.get("recordings_stopped")) and bool(unfinished)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share_heard(hearings), _progress_words(hearings, unfinished, stopped))
        st.button(
            "Continue" if stopped else "Stop", key="recordings_stop", disabled=not unfinished,
            icon=":material/play_arrow:" if stopped else ":material/stop:",
            on_click=_set_stopped, args=(not stopped,),
        )  # fmt: skip
    return bool(unfinished) and not stopped


def _progress_words(
    hearings: Sequence[Hearing], unfinished: Sequence[Hearing], stopped: bool
) -> str:
    if not unfinished:
        heard_s = sum(h.timeline.heard_s for h in hearings if h.timeline)
        return f"Analysed {clock(heard_s)} in {sum(h.spent_s for h in hearings):.0f} s"
    now = unfinished[0]
    heard = clock(now.timeline.heard_s) if now.timeline else "0:00.0"
    left_s = time_left_s(hearings)
    if stopped:
        end = "stopped"
    else:
        end = "" if left_s is None else f"about {clock(left_s).partition('.')[0]} left"
    which = f" ({len(hearings) - len(unfinished) + 1} of {len(hearings)})" * (len(hearings) > 1)
    return ", ".join(filter(None, [f"{now.recording.name}{which}: {heard} analysed", end]))


def _set_stopped(stopped: bool) -> None:
    st.session_state["recordings_stopped"] = stopped


def go_on(hearings: Sequence[Hearing]) -> None:
    """Hear a little more of the first unfinished recording, then run the page again."""
    unfinished = [hearing for hearing in hearings if not hearing.finished]
    if unfinished:  # the run before this one may have finished the last
        unfinished[0].go_on(_STEP_S)
    st.rerun()


def choose_recording(hearings: Sequence[Hearing], rules: Rules) -> Hearing:
    """Draw what is known of each recording, and the choice of one; a single one needs none."""
    if len(hearings) == 1:
        return hearings[0]
    st.dataframe(
        [_overview(hearing, rules) for hearing in hearings], hide_index=True,
        key="recordings_overview", height=min(250, 38 + 35 * len(hearings)),
        alt=f"Overview of {len(hearings)} recordings",
    )  # fmt: skip
    number = st.selectbox(
        "Recording", range(len(hearings)), key="recordings_chosen",
        format_func=lambda i: f"{i + 1}. {hearings[i].recording.name}",
    )  # fmt: skip
    return hearings[number or 0]


def _overview(hearing: Hearing, rules: Rules) -> dict[str, str | int | None]:
    report = report_of(hearing, rules)
    events = report.events if report else ()
    longest = max(events, key=lambda event: event.end_s - event.start_s, default=None)
    return {
        "Recording": hearing.recording.name,
        "Analysed": clock(report.timeline.heard_s) if report else "",
        "Events": len(events) if report else None,
        "Longest event": spoken(longest.label) if longest else "",
        "State": hearing.error or _state(hearing),
    }


def _state(hearing: Hearing) -> str:
    if hearing.finished:
        return "finished"
    return "in progress" if hearing.timeline else "waiting"


def report_of(hearing: Hearing, rules: Rules) -> Report | None:
    """Return what is known of a recording as events; None while nothing is."""
    timeline = hearing.timeline
    return Report(hearing.recording.name, timeline, rules) if timeline else None


def summary(report: Report) -> str:
    """Say in a line what was found."""
    timeline, events = report.timeline, report.events
    kinds = len({event.label for event in events})
    found = f"{len(events)} event{'s' * (len(events) != 1)} of {kinds} class{'es' * (kinds != 1)}"
    silent = int(timeline.silent.sum())
    parts = [
        found
        if events
        else "No class reaches the threshold; lower it to see the most probable ones",
        none_in_words(report),
        f"{clock(timeline.heard_s)} analysed in windows of {timeline.window_s:g} s",
        f"{silent} of {timeline.n_windows} windows silent",
    ]
    return "  ·  ".join(filter(None, parts))


def choose_event(events: Sequence[Event]) -> Event | None:
    """Draw the list of events; return the chosen one, at first the first."""
    rows = pd.DataFrame({
        "Start": [clock(event.start_s) for event in events],
        "End": [clock(event.end_s) for event in events],
        "Class": [spoken(event.label) for event in events],
        "Probability": [event.probability for event in events],
    })  # fmt: skip
    written = rows.style.format({"Probability": percent})  # type: ignore[dict-item] # stub: object
    chosen = st.dataframe(
        written, hide_index=True, height=300,
        key="recordings_events", on_select="rerun", selection_mode="single-row-required",
        alt=f"List of {len(events)} events",
        column_config={
            "Start": st.column_config.TextColumn(width=_CLOCK_PX),
            "End": st.column_config.TextColumn(width=_CLOCK_PX),
            "Class": st.column_config.TextColumn(width=_CLASS_PX),
        },
    )  # fmt: skip
    selected = chosen.selection.rows
    return events[min(selected[0], len(events) - 1)] if selected and events else None


def play(recording: Sound, event: Event) -> None:
    """Draw a player for the event's own stretch of the recording, at most a minute of it."""
    end_s = min(event.end_s, event.start_s + _LONGEST_PLAY_S)
    cut = " (first minute)" if end_s < event.end_s else ""
    st.markdown(f"**{spoken(event.label)}**, {percent(event.probability)}")
    st.audio(
        cache.excerpt(recording, event.start_s, end_s), format="audio/wav",
        alt=f"Player for {spoken(event.label).lower()} at {clock(event.start_s)}",
    )  # fmt: skip
    st.caption(f"{recording.name}, {clock(event.start_s)} to {clock(end_s)}{cut}")


def downloads(reports: Sequence[Report], chosen: Report) -> None:
    """Draw the download buttons: the events of all recordings, and one label track."""
    name = chosen.file.rpartition(".")[0] or chosen.file
    together = name if len(reports) == 1 else "recordings"
    with st.container(horizontal=True):
        st.download_button(
            "Events (CSV)", lambda: to_csv(reports), f"{together}.csv", on_click="ignore",
            icon=":material/table:", help="Columns: file, start_s, end_s, label, probability",
        )  # fmt: skip
        st.download_button(
            "Events (JSON)", lambda: "".join(map(to_json, reports)), f"{together}.json",
            on_click="ignore", icon=":material/data_object:", help="One JSON object per recording",
        )  # fmt: skip
        st.download_button(
            "Labels (Audacity)", lambda: to_audacity(chosen), f"{name}.txt", on_click="ignore",
            icon=":material/label:", help=f"Label track for {chosen.file}",
        )  # fmt: skip

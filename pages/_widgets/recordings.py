"""The widgets of the Recordings page: recordings, rules, progress, one event."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import PurePath

import pandas as pd
import streamlit as st

from pages._shell import cache, playhead, state, widgets
from pages._shell.hearing import Hearing, share_heard, time_left_s
from pages._shell.sound import Sound
from pages._shell.text import literal
from resona_core.labels import spoken
from resona_core.tables import CSV_COLUMNS, to_audacity, to_csv, to_json, to_raven
from resona_core.timeline import Event, Report, Rules, told_apart
from resona_core.words import began_in_words, clock, none_in_words, percent

_SOURCES = ("Example", "Files", "Folder")
_STEP_S = 1.5  # how long a run of the page analyses before it shows results
_LONGEST_PLAY_S = 60.0
_CLOCK_PX, _CLASS_PX = 62, 112  # narrow enough that a phone shows whole rows


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
        names = literal(", ".join(hearing.recording.name for hearing in kept[:3]))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Current recordings: {names}{' ...' if len(kept) > 3 else ''}")
            st.button("Remove", key=f"{key}_forget", on_click=state.keep_hearings,
                      args=(source, ()), type="tertiary")  # fmt: skip


def _take_uploads(source: str, key: str) -> None:
    """Keep what is in the uploader; what was there before goes on being analysed.

    Hidden files, which systems put beside sounds under the same ending, are passed over.
    """
    if key not in st.session_state:  # the uploader is gone already
        return
    known = {hearing.recording.key: hearing for hearing in state.kept_hearings(source)}
    sounds = [Sound(file.name, file.getvalue(), file.file_id) for file in st.session_state[key]]
    shown = [each for each in sounds if not re.search(r"(^|/)\.", each.name)]
    state.keep_hearings(source, [known.get(each.key) or _hearing(each) for each in shown])


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
    words = _progress_words(hearings, unfinished, stopped)
    if not unfinished:
        st.caption(words)
        return False
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share_heard(hearings), words)
        st.button(
            "Continue" if stopped else "Stop", key="recordings_stop",
            icon=":material/play_arrow:" if stopped else ":material/stop:",
            on_click=_set_stopped, args=(not stopped,),
        )  # fmt: skip
    return not stopped


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
    return ", ".join(filter(None, [f"{literal(now.recording.name)}{which}: {heard} analysed", end]))


def _set_stopped(stopped: bool) -> None:
    st.session_state["recordings_stopped"] = stopped


def go_on(hearings: Sequence[Hearing]) -> None:
    """Hear a little more of the first unfinished recording, then run the page again."""
    unfinished = [hearing for hearing in hearings if not hearing.finished]
    if unfinished:  # the run before this one may have finished the last
        unfinished[0].go_on(_STEP_S)
    st.rerun()


def names_of(hearings: Sequence[Hearing]) -> list[str]:
    """Return the recordings' names, each different."""
    return told_apart([hearing.recording.name for hearing in hearings])


def choose_recording(
    hearings: Sequence[Hearing], reports: Sequence[Report | None], phone: bool
) -> int:
    """Draw what is known of each recording; a click on a row opens it. Return its place.

    At first that is the first that can be read. A single recording needs no choice.
    """
    readable = [place for place, hearing in enumerate(hearings) if not hearing.error]
    first = readable[0] if readable else 0
    if len(hearings) == 1:
        return 0
    names = names_of(hearings)
    rows = [_overview(*known) for known in zip(names, hearings, reports, strict=True)]
    chosen = st.dataframe(
        rows, hide_index=True, key="recordings_overview",
        column_order=("Recording", "Found") if phone else None,
        height=_table_px(len(rows), most=6), on_select="rerun", selection_mode="single-cell",
        alt=f"Overview of {len(hearings)} recordings",
    )  # fmt: skip
    selected = [row for row, _ in chosen.selection.cells if row < len(hearings)]
    place = selected[0] if selected else first
    st.header(literal(names[place]), anchor=False)
    return place


def _overview(name: str, hearing: Hearing, report: Report | None) -> dict[str, str]:
    """Return a row: what was found in a recording, or why it cannot be read."""
    return {
        "Recording": name,
        "Found": hearing.error or (_found(report) if report else ""),
        "Analysed": clock(report.timeline.heard_s) if report else "",
        "State": "cannot be read" if hearing.error and not report else _state(hearing),
    }


def _found(report: Report) -> str:
    """Say how many events there are, and the class of the longest."""
    longest = max(report.events, key=lambda event: event.end_s - event.start_s, default=None)
    if longest is None:
        return "no event"
    number = len(report.events)
    return f"{number} event{'s' * (number != 1)}, longest: {spoken(longest.label).lower()}"


def _table_px(rows: int, most: int) -> int:
    """Return the height of a table that shows its rows whole, at most so many."""
    return 38 + 35 * min(max(1, rows), most)


def _state(hearing: Hearing) -> str:
    if hearing.finished:
        return "finished"
    return "in progress" if hearing.timeline else "waiting"


def reports_of(hearings: Sequence[Hearing], rules: Rules) -> list[Report | None]:
    """Return what is known of each recording as events; None while nothing is."""
    return [
        Report(name, hearing.timeline, rules) if hearing.timeline else None
        for name, hearing in zip(names_of(hearings), hearings, strict=True)
    ]


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
        began_in_words(report),
    ]
    return "  ·  ".join(filter(None, parts))


def choose_event(events: Sequence[Event], phone: bool) -> Event | None:
    """Draw the list of events; return the chosen one, at first the first.

    A phone has no room for the ends; that of the chosen event stands under its player.
    """
    rows = pd.DataFrame({
        "Start": [clock(event.start_s) for event in events],
        "End": [clock(event.end_s) for event in events],
        "Class": [spoken(event.label) for event in events],
        "Probability": [event.probability for event in events],
    })  # fmt: skip
    written = rows.style.format({"Probability": percent})  # type: ignore[dict-item] # stub: object
    chosen = st.dataframe(
        written, hide_index=True, height=_table_px(len(events), most=8),
        key="recordings_events", on_select="rerun", selection_mode="single-row-required",
        alt=f"List of {len(events)} events",
        column_order=("Start", "Class", "Probability") if phone else None,
        column_config={
            "Start": st.column_config.TextColumn(width=_CLOCK_PX),
            "End": st.column_config.TextColumn(width=_CLOCK_PX),
            "Class": st.column_config.TextColumn(width=_CLASS_PX),
        },
    )  # fmt: skip
    selected = chosen.selection.rows
    return events[min(selected[0], len(events) - 1)] if selected and events else None


def play(recording: Sound, name: str, event: Event) -> None:
    """Draw a player for the event's own stretch of the recording, at most a minute of it."""
    end_s = min(event.end_s, event.start_s + _LONGEST_PLAY_S)
    cut = " (first minute)" if end_s < event.end_s else ""
    st.markdown(f"**{literal(spoken(event.label))}**, {percent(event.probability)}")
    heard = cache.excerpt(recording, event.start_s, end_s)
    alt = f"Player for {spoken(event.label).lower()} at {clock(event.start_s)}"
    here = playhead.player(playhead.Passage(recording.key, event.start_s))
    here.audio(heard, format="audio/wav", alt=alt)
    st.caption(f"{literal(name)}, {clock(event.start_s)} to {clock(end_s)}{cut}")


def downloads(reports: Sequence[Report], chosen: Report | None) -> None:
    """Draw the download buttons: the events of all recordings, and one label track."""
    together = _file_name(reports[0], reports) if len(reports) == 1 else "recordings"
    with st.container(horizontal=True):
        st.download_button(
            "Events (CSV)", lambda: to_csv(reports), f"{together}.csv", on_click="ignore",
            icon=":material/table:", help=", ".join(CSV_COLUMNS), disabled=not reports,
        )  # fmt: skip
        st.download_button(
            "Events (JSON)", lambda: "".join(map(to_json, reports)), f"{together}.json",
            on_click="ignore", icon=":material/data_object:", disabled=not reports,
            help="One JSON object per recording",
        )  # fmt: skip
        for title, write, ending, icon in (
            ("Labels (Audacity)", to_audacity, "", "label"),
            ("Selections (Raven)", to_raven, ".selections", "select"),
        ):
            st.download_button(
                title, partial(write, chosen) if chosen else "",
                f"{_file_name(chosen, reports) if chosen else 'events'}{ending}.txt",
                on_click="ignore", icon=f":material/{icon}:", disabled=chosen is None,
                help=literal(chosen.file) if chosen else None,
            )  # fmt: skip


def _file_name(report: Report, reports: Sequence[Report]) -> str:
    """Return a name for a file about a recording: without its ending if that leaves it alone."""
    stem = PurePath(report.file).stem
    others = [PurePath(other.file).stem for other in reports if other is not report]
    return report.file.replace("/", "-") if stem in others else stem

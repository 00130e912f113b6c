"""Recordings: what happens when in a long recording?"""

import streamlit as st

from pages._shell import browser, playhead, widgets
from pages._shell.playhead import Passage
from pages._shell.text import literal
from pages._widgets import recordings as recording_widgets
from resona_core.figures import timeline as figures
from resona_core.timeline import in_order_of_time, other_kinds, rising_highest, smoothed

st.title("What happens when", anchor=False)
hearings = recording_widgets.choose_recordings()
if not hearings:
    st.info(
        "Drop one or more recordings above, minutes or hours long. Results appear while they are "
        "analysed.",
        icon=":material/upload_file:",
    )
    st.stop()

rules = recording_widgets.choose_rules()
go_on = recording_widgets.show_progress(hearings)
phone = browser.is_narrow()
reports = recording_widgets.reports_of(hearings, rules)
place = recording_widgets.choose_recording(hearings, reports, phone)
chosen, report = hearings[place], reports[place]

if chosen.error:
    st.error(literal(chosen.error), icon=":material/error:")
elif report is None:
    st.caption("Not analysed yet: recordings are processed one after another.")
if report is not None:
    timeline, events = report.timeline, report.events
    probabilities = smoothed(timeline, rules.smooth_s)
    highest = rising_highest(probabilities, rules.top)
    widgets.chart(
        figures.strip_figure(
            timeline,
            probabilities,
            in_order_of_time(timeline, probabilities, highest, events),
            events,
            phone=phone,
            others=other_kinds(timeline, rules.smooth_s),
            stretches=report.stretches,
        ),
        key="recordings_strip",
        shows=Passage(chosen.recording.key),
        alt=f"Class probabilities over time in {report.file}; events are framed",
    )
    st.caption(recording_widgets.summary(report))
    widgets.show_warnings(timeline)

    list_column, play_column = st.columns([2, 1], gap="medium")
    with list_column:
        event = recording_widgets.choose_event(events, phone)
    with play_column:
        if event is not None:
            recording_widgets.play(chosen.recording, report.file, event)
            st.caption(playhead.help_text(phone, "this stretch of the picture"))
recording_widgets.downloads([known for known in reports if known is not None], report)

if go_on:
    recording_widgets.go_on(hearings)

"""The events of recordings as files: CSV, JSON, labels for Audacity, selections for Raven.

Where it is known when a recording began, all but the labels also give the time of day.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from resona_core.timeline import Report

CSV_COLUMNS = (
    "file", "start_s", "end_s", "label", "probability", "start_time", "end_time", "time_from",
)  # fmt: skip
"""Times of day are as ISO 8601 writes them; `time_from` says what tells them: "file name"."""

_RAVEN_COLUMNS = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
    "High Freq (Hz)", "Class", "Score",
)  # fmt: skip
_RAVEN_CLOCK_COLUMNS = ("Begin Date", "Begin Clock Time", "End Clock Time", "Clock Source")


def to_csv(reports: Iterable[Report], header: bool = True) -> str:
    """Write the events as a table of :data:`CSV_COLUMNS`; what is not known stays empty."""
    rows: list[Sequence[object]] = [CSV_COLUMNS] if header else []
    for report in reports:
        began = report.timeline.began
        for event in report.events:
            times = (event.start_s, event.end_s)
            clock = [*map(began.clock, times), began.source] if began else [""] * 3
            seconds = [f"{time:.3f}" for time in times]
            rows.append([report.file, *seconds, event.label, f"{event.probability:.4f}", *clock])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def to_json(report: Report) -> str:
    """Write :func:`to_record` as one line."""
    return json.dumps(to_record(report)) + "\n"


def to_record(report: Report) -> dict[str, Any]:
    """Return one recording's events, and by which rules they were found, for JSON.

    What is none of the classes stands apart; null where nothing measures it. Times of day are
    null where it is not known when the recording began.
    """
    timeline = report.timeline
    return {
        "file": report.file,
        "duration_s": round(timeline.heard_s, 3),
        "window_s": timeline.window_s,
        "windows": timeline.n_windows,
        "silent_windows": int(timeline.silent.sum()),
        "began": _began(report),
        "warnings": list(timeline.warnings),
        "precision": timeline.precision,
        **asdict(report.rules),
        "events": [
            _when(report, event.start_s, event.end_s)
            | {"label": event.label, "probability": round(event.probability, 4)}
            for event in report.events
        ],
        "none_of_the_classes": _stretches(report),
    }


def _began(report: Report) -> dict[str, str | float | None] | None:
    began = report.timeline.began
    if began is None:
        return None
    return {
        "time": began.clock(0),
        "from": began.source,
        "utc_offset": began.utc_offset,
        "time_expansion": began.slowed,
    }


def _when(report: Report, start_s: float, end_s: float) -> dict[str, Any]:
    began = report.timeline.began
    return {
        "start_s": round(start_s, 3),
        "end_s": round(end_s, 3),
        "start_time": began.clock(start_s) if began else None,
        "end_time": began.clock(end_s) if began else None,
    }


def _stretches(report: Report) -> list[dict[str, Any]] | None:
    if report.timeline.window_kinds is None:
        return None
    return [_when(report, one.start_s, one.end_s) | {"kind": one.kind} for one in report.stretches]


def to_audacity(report: Report) -> str:
    """Write one recording's events as a label track: start, end, label, separated by tabs.

    Source: Audacity manual, "Importing and Exporting Labels". White space inside a label
    becomes a plain space, because a tab or a new line would end it.
    """
    return "".join(
        f"{event.start_s:.6f}\t{event.end_s:.6f}\t{_plain(event.label)}\n"
        for event in report.events
    )


def to_raven(report: Report) -> str:
    """Write one recording's events as a selection table, which Raven opens beside the sound.

    An event has no pitch of its own: each reaches over what the network hears of this
    recording. The columns of the time of day are there where it is known.

    Source: Raven Pro user's manual, "Selection tables"; `Begin Date` and both `Clock Time` are
    its own measurements.
    """
    began = report.timeline.began
    low_hz, high_hz = report.timeline.heard_hz
    rows = [[*_RAVEN_COLUMNS, *(_RAVEN_CLOCK_COLUMNS if began else ())]]
    for number, event in enumerate(report.events, 1):
        times = [f"{event.start_s:.6f}", f"{event.end_s:.6f}", f"{low_hz:.1f}", f"{high_hz:.1f}"]
        what = [_plain(event.label), f"{event.probability:.4f}"]
        clock = _raven_clock(report, event.start_s, event.end_s) if began else []
        rows.append([str(number), "Spectrogram 1", "1", *times, *what, *clock])
    return "".join("\t".join(row) + "\n" for row in rows)


def _raven_clock(report: Report, start_s: float, end_s: float) -> list[str]:
    began = report.timeline.began
    assert began is not None
    start, end = (began.after(at_s) for at_s in (start_s, end_s))
    clocks = [moment.time().isoformat("milliseconds") for moment in (start, end)]
    zone = f", UTC{began.utc_offset}" if began.utc_offset else ""
    return [f"{start:%Y/%m/%d}", *clocks, began.source + zone]


def _plain(label: str) -> str:
    """Return a label without tabs and new lines."""
    return " ".join(label.split())

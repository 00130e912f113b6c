"""Many files and one file of answers: each is written as it comes, and asked for only once.

Who answers does not matter: a function that takes file names and yields records, in any order.
Stopped at any moment, by whatever, the same command goes on from what has been written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from resona_core.commands.outputs import unwritable
from resona_core.errors import RequestError
from resona_core.records import Record
from resona_core.whole import whole_file

AnswerAll = Callable[[Iterable[str]], Generator[Record, None, None]]
"""Yields a record for each file, which it names under "file", in any order."""


_BEGINS = b'{"file": '


class AnswerFile:
    """A file of answers, one JSON object a line; each says under "asked" what was asked.

    Parameters
    ----------
    path : Path
        Made, or gone on with: a line that a stop has torn, and those to be asked "again", go.
    asked : mapping
        The question, and the network that answers.

    Attributes
    ----------
    done : set of str
        The files that have a line.
    failures : int
        How many of the lines are errors.

    Raises
    ------
    RequestError
        If the file holds something else, or answers to another question.
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self.path, self.asked = path, dict(asked)
        self.done: set[str] = set()
        self.failures = 0
        if path.is_file():
            self._read()
        try:
            self._lines = path.open("a", encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from None

    def write(self, record: Record) -> None:
        """Add a line; a file that has one already gets no second."""
        if record["file"] in self.done:
            return
        self._lines.write(json.dumps(record | {"asked": self.asked}) + "\n")
        self._lines.flush()
        self._count(record)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _count(self, record: Record) -> None:
        self.done.add(record["file"])
        self.failures += "error" in record

    def _read(self) -> None:
        """Learn what is answered; drop, if there is any, what is not."""
        dropped = False
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                record = self._record(line, number)
                if record is None or record.get("again"):
                    dropped = True
                else:
                    self._count(record)
        if dropped:
            self._write_anew()

    def _write_anew(self) -> None:
        """Keep the lines that count; a stop meanwhile leaves the file as it was."""
        with whole_file(self.path) as part, self.path.open("rb") as lines, part.open("wb") as kept:
            for line in lines:
                record = self._record(line, 0)
                if record is not None and not record.get("again"):
                    kept.write(line)

    def _record(self, line: bytes, number: int) -> Record | None:
        """Return a line's record; None for the last one if it was torn.

        What does not begin as a record does is something else, and nobody's to drop.
        """
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not line.endswith(b"\n") and line.startswith(_BEGINS[: len(line)]):
            return None
        if not isinstance(record, dict) or "file" not in record:
            raise RequestError(
                f"Line {number} of {self.path} is no answer of this program; give another file as "
                "--output."
            )
        if record.get("asked") != self.asked:
            raise RequestError(
                f"{self.path} holds answers to another question ({_difference(record, self.asked)})"
                "; ask the same, or give another file as --output."
            )
        return record


def _difference(record: Record, asked: Mapping[str, Any]) -> str:
    """Return the first thing that was asked otherwise: "top 3, now 5"."""
    there = record.get("asked")
    there = there if isinstance(there, dict) else {}
    for name in [*asked, *there]:
        if there.get(name) != asked.get(name):
            return f"{name} {there.get(name, 'not told')}, now {asked.get(name, 'not told')}"
    return "told in another way"


def answer_all(
    files: Sequence[str],
    answers: AnswerAll,
    output: Path,
    asked: Mapping[str, Any],
    cost: Callable[[], str] = lambda: "",
) -> int:
    """Have all files answered that are not yet, with the progress on standard error.

    Parameters
    ----------
    files : sequence of str
        A name that comes twice counts once.
    answers : AnswerAll
    output : Path
    asked : mapping
        What tells these answers from others, for :class:`AnswerFile`.
    cost : callable, optional
        Returns, in words, what it has cost so far.

    Returns
    -------
    int
        The exit status: 1 where a file has an error in place of an answer.

    Raises
    ------
    RequestError
        If `output` holds something else.
    RemoteError
        If nobody answers any more; what was answered stays.
    """
    written = AnswerFile(output, asked)
    left = [name for name in dict.fromkeys(files) if name not in written.done]
    before = len(written.done)
    progress = tqdm(
        desc=output.name, unit=" files", total=before + len(left), initial=before, disable=None
    )
    try:
        with progress, closing(answers(left)) as records:
            for record in records if left else ():
                written.write(record)
                progress.update(len(written.done) - progress.n)
                progress.set_postfix_str(cost(), refresh=False)
    finally:
        written.close()
        print(_summary(written, before, len(left), cost()), file=sys.stderr)
    return int(written.failures > 0)


def _summary(written: AnswerFile, before: int, asked_for: int, cost: str) -> str:
    new = len(written.done) - before
    text = f"{written.path}: {len(written.done) - written.failures:,} answered"
    if written.failures:
        text += f", {written.failures:,} failed"
    if before:
        text += f", {before:,} of them before"
    if cost:
        text += f"; {cost}"
    if new < asked_for:
        text += f"; {asked_for - new:,} left, with which the same command goes on"
    return text

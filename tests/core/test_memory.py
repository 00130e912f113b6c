from __future__ import annotations

import ctypes
import sys

import pytest

from resona_core.memory import give_back, keep_memory


class _Library:
    """A C library that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def mallopt(self, option: int, value: int) -> int:
        self.asked.append((option, value))
        return 1

    def malloc_trim(self, left_free: int) -> int:
        self.trimmed = left_free
        return 1


def test_asking_twice_does_no_harm() -> None:
    keep_memory()
    keep_memory()
    give_back()


def test_glibc_is_asked_to_map_no_blocks_and_to_give_none_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = _Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    keep_memory()
    # of malloc.h: M_MMAP_MAX is -4, M_TRIM_THRESHOLD is -1
    assert library.asked == [(-4, 0), (-1, 2_147_483_647)]


def test_glibc_is_asked_to_give_back_all_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    give_back()
    assert library.trimmed == 0


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_left_alone(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: object) -> None:
        raise AssertionError("no C library is to be looked for here")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    keep_memory()
    give_back()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # musl has neither
    keep_memory()
    give_back()

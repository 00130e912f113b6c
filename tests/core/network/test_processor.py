"""What the kernel says of the processor, read without one of each kind at hand."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from resona_core.network import processor

Told = Callable[[str, str], None]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A function that sets what the kernel tells, and for which machine."""

    def tell(cpuinfo: str, machine: str) -> None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
        monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(processor, "flags", processor.flags.__wrapped__)
        monkeypatch.setattr(processor, "name", processor.name.__wrapped__)

    return tell


@pytest.mark.parametrize(
    ("cpuinfo", "machine", "fast", "x86", "sets"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", "x86_64", True, True,
         ("AVX2", "AVX-512", "AVX-512 VNNI")),
        ("flags\t\t: fpu avx2 avx_vnni\n\nflags : none\n", "x86_64", True, True,
         ("AVX2", "AVX VNNI")),
        ("flags\t\t: fpu avx2\n", "x86_64", False, True, ("AVX2",)),
        ("Features\t: fp asimd asimddp\nCPU part\t: 0xd0c\n", "aarch64", True, False,
         ("ARM dot product",)),
        ("Features\t: fp asimd\n", "aarch64", False, False, ()),
        ("", "x86_64", False, True, ()),
    ],
)  # fmt: skip
def test_instruction_sets_are_read_from_the_first_core(
    told: Told, cpuinfo: str, machine: str, fast: bool, x86: bool, sets: tuple[str, ...]
) -> None:
    told(cpuinfo, machine)
    assert (processor.has_fast_int8(), processor.is_x86()) == (fast, x86)
    assert processor.instruction_sets() == sets


def test_a_processor_is_named_by_what_the_kernel_calls_it(told: Told) -> None:
    told("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nflags\t: avx2\n\nmodel name : B", "x86_64")
    assert processor.name() == "A CPU @ 2 GHz x86_64"


def test_where_the_kernel_tells_nothing_there_are_no_instruction_sets(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("", "AMD64")
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "none")
    assert (processor.flags(), processor.is_x86()) == (frozenset(), True)


def test_apples_own_processors_multiply_8_bit_numbers(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("", "arm64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert processor.has_fast_int8()
    assert not processor.is_x86()
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")  # those from Intel tell nothing
    assert (processor.has_fast_int8(), processor.is_x86()) == (False, True)


def test_a_process_may_use_the_cores_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor.cores() >= 1
    monkeypatch.setattr(os, "sched_getaffinity", {0: {1, 4, 5}}.get, raising=False)  # 0: itself
    assert processor.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert processor.cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processor.cores() == 1

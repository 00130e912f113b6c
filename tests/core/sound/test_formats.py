import av
import pytest

from resona_core.sound.formats import DEMUXERS, FORMATS

_NO_SOUND = {"avif", "heic", "heif", "ism", "mks", "psp", "apl"}  # pictures, lists, subtitles


@pytest.mark.parametrize("demuxer", DEMUXERS.split(","))
def test_every_ending_that_ffmpeg_gives_a_format_is_offered(demuxer: str) -> None:
    endings = av.ContainerFormat(demuxer, "r").extensions
    assert endings - _NO_SOUND <= set(FORMATS)


def test_endings_are_named_once_and_as_they_are_compared() -> None:
    assert len(set(FORMATS)) == len(FORMATS)
    assert all(ending == ending.lower().lstrip(".") for ending in FORMATS)
    assert not set(FORMATS) & _NO_SOUND

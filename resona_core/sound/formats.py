"""What kinds of file are read: the endings offered, and what FFmpeg may try.

FFmpeg knows far more. Its playlist formats (concat, HLS, SDP) would open files and addresses that
an upload names, its picture formats make a sound of any image, and those without a header take
any bytes for sound: only what people keep recordings in is let in. DSD, one bit at megahertz,
stays out.
"""

from __future__ import annotations

FORMATS = (
    "wav", "flac", "mp3", "m4a", "ogg", "opus", "aiff", "aac", "mp4", "webm",
    "3g2", "3ga", "3gp", "3gpp", "aa3", "ac3", "adts", "afc", "aif", "aifc", "amr", "ape", "asf",
    "au", "avi", "avr", "awb", "bwf", "caf", "caff", "dts", "dtshd", "eac3", "ec3", "f4a", "f4b",
    "f4v", "flv", "gxf", "ircam", "isma", "ismv", "lbc", "m2a", "m2t", "m2ts", "m4b", "m4r", "m4v",
    "mac", "mj2", "mk3d", "mka", "mkv", "mov", "mp+", "mp1", "mp2", "mpa", "mpc", "mpeg", "mpg",
    "mpga", "mpp", "mts", "mxf", "nist", "nut", "oga", "ogv", "ogx", "oma", "omg", "pvf", "qcp",
    "qoa", "qt", "ra", "rf64", "rm", "rmvb", "rso", "sf", "shn", "snd", "sox", "sph", "spx", "tak",
    "thd", "ts", "tta", "voc", "vob", "w64", "wave", "weba", "wma", "wmv", "wtv", "wv", "xwma",
)  # fmt: skip
"""Endings of the files that are read; what counts is the content, not the ending."""

DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,avr,caf,dts,dtshd,eac3,flac,flv,gxf,ilbc,ircam,"
    "matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,ogg,oma,pvf,qcp,qoa,rm,rso,shn,sox,"
    "tak,truehd,tta,voc,w64,wav,wtv,wv,xwma"
)
"""What FFmpeg may take a file for."""

_SIGNATURES = {
    b"RIFF": 0, b"RF64": 0, b"BW64": 0, b"riff": 0, b"FORM": 0, b"caff": 0, b".snd": 0, b"OggS": 0,
    b"fLaC": 0, b"ID3": 0, b"wvpk": 0, b"TTA1": 0, b"MAC ": 0, b"MPCK": 0, b"#!AMR": 0,
    b"ftyp": 4, b"\x1aE\xdf\xa3": 0,
}  # fmt: skip


def looks_like_sound(data: bytes) -> bool:
    """Tell whether `data` begins as a sound or film file does, readable or not."""
    return any(data.startswith(mark, at) for mark, at in _SIGNATURES.items())

"""What kind of media bytes are, by the first of them."""

from collections.abc import Mapping

from metafuse.columns.value_patterns import AUDIO_SUFFIXES, PDF_SUFFIXES, VIDEO_SUFFIXES, is_image

_HEAD = 1024
"""Bytes looked at: a PDF may begin with other bytes, and the kind of an OGG stream stands in its first page."""
_STARTS = {
    **dict.fromkeys((b"fLaC", b"ID3", b".snd", b"#!AMR"), "audio"),
    # MPEG audio frames without tags: MP3 and AAC
    **dict.fromkeys((b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"\xff\xf1", b"\xff\xf9"), "audio"),
    # Matroska and WebM, MPEG program and video streams, Flash
    **dict.fromkeys((b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"FLV\x01"), "video"),
}
_CONTAINERS = {b"WAVE": "audio", b"AIFF": "audio", b"AIFC": "audio", b"AVI ": "video"}
_BRANDS = {
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio"),
    **dict.fromkeys((b"heic", b"heix", b"mif1", b"avif", b"avis"), "image"),
}
"""Kinds of the container that most videos come in, where it holds something else."""


def media_kind(cell: object) -> str | None:
    """Tell what a cell that is not text holds: image, audio, video or pdf; None where it is none of these.

    Args:
        cell: Bytes, an array, a picture, or a dict as the `datasets` library hands them out: bytes and path, or the
            numbers of a sound beside their sampling rate.
    """
    if isinstance(cell, Mapping):
        return _kind_of_mapping(cell)
    if is_image(cell):
        return "image"
    if isinstance(cell, bytes | bytearray | memoryview):
        return _kind_of_bytes(bytes(cell[:_HEAD]))
    return None


def _kind_of_mapping(cell: Mapping[object, object]) -> str | None:
    if "sampling_rate" in cell:
        return "audio"
    if set(cell) != {"bytes", "path"}:
        return None
    path = str(cell["path"] or "").lower()
    suffixes = {"audio": AUDIO_SUFFIXES, "video": VIDEO_SUFFIXES, "pdf": PDF_SUFFIXES}
    named = next((kind for kind, endings in suffixes.items() if path.endswith(tuple(f".{end}" for end in endings))), "")
    found = media_kind(cell["bytes"]) if cell["bytes"] is not None else None
    return found or named or ("image" if is_image(dict(cell)) else None)


def _kind_of_bytes(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64", b"FORM"):
        return _CONTAINERS.get(head[8:12])
    if head.startswith(b"OggS"):
        return "video" if b"theora" in head else "audio"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video")
    found = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    return found or ("pdf" if b"%PDF-" in head else None)

"""What a PNG file is made of, read from its chunks without decoding it: bytes in, bytes out.

A chunk is a length of four bytes, four letters, content, and a checksum of four bytes (W3C PNG, section 5).
"""

from __future__ import annotations

from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What the pixels need. Texts, times, Exif with the place of taking, and the further frames of an animation are none of it.
DRAWN = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs"})


class NotWhole(ValueError):
    """The chunks do not lead to the end: cut off, damaged, or no PNG at all."""


def chunks(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of every chunk up to the end chunk. Raises `NotWhole`."""
    if not body.startswith(SIGNATURE):
        raise NotWhole
    place = len(SIGNATURE)
    while True:
        name, end = body[place + 4 : place + 8], place + 12 + int.from_bytes(body[place : place + 4], "big")
        if len(name) < 4 or end > len(body):
            raise NotWhole
        yield name, place, end
        if name == b"IEND":
            return
        place = end


def without_told(body: bytes) -> bytes:
    """The same picture without what was told about it and without anything behind its end. Raises `NotWhole`."""
    return b"".join([SIGNATURE, *(body[start:end] for name, start, end in chunks(body) if name in DRAWN)])

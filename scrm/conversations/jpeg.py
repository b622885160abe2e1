"""What a JPEG file is made of, read from its segments without decoding it: bytes in, bytes out.

A segment is a marker (FF and a byte), a length of two bytes that counts itself, and its content; after a start of scan comes
coded data in which FF is followed by 00 or a restart marker only, up to the next segment (ITU-T T.81, annex B).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\xff\xd8"
END = 0xD9
SCAN = 0xDA
# Frame headers: baseline, extended, progressive and the rest; C4, C8 and CC are tables.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Where cameras and programs write what the picture does not need: Exif and XMP (with the place), more pictures, captions, comments.
TOLD = frozenset({0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE})
PROFILE = b"ICC_PROFILE\x00"
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """`start` is the place of the marker's FF, `end` the first byte behind the segment and, for a scan, behind its coded data."""

    marker: int
    start: int
    end: int
    content: int


class NotWhole(ValueError):
    """The segments do not lead to an end marker: cut off, damaged, or no JPEG at all."""


def segments(body: bytes) -> Iterator[Segment]:
    """Every segment from the one after the start marker to the end marker. Raises `NotWhole`."""
    if not body.startswith(START):
        raise NotWhole
    place = len(START)
    while True:
        found = _NEXT_MARKER.match(body, place)
        if found is None:
            raise NotWhole
        marker, content = found.group(1)[0], found.end()
        if marker == END:
            yield Segment(marker, place, content, content)
            return
        end = content + int.from_bytes(body[content : content + 2], "big")
        if end < content + 2 or end > len(body):
            raise NotWhole
        if marker == SCAN:
            following = _NEXT_MARKER.search(body, end)
            if following is None:
                raise NotWhole
            end = following.start()
        yield Segment(marker, place, end, content)
        place = end


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides whether a JPEG may stay as it is. `told`: there are segments of `TOLD`; `end`: where the picture ends in the file."""

    width: int
    height: int
    components: int
    progressive: bool
    scans: int
    told: bool
    end: int


def shape_of(body: bytes) -> Shape:
    """Raises `NotWhole` also when there is no frame."""
    width = height = components = scans = end = 0
    progressive = told = False
    for each in segments(body):
        if each.marker in FRAMES:
            header = body[each.content + 3 : each.content + 8]
            height, width, components = (
                int.from_bytes(header[:2], "big"),
                int.from_bytes(header[2:4], "big"),
                header[4] if header[4:] else 0,
            )
            progressive = each.marker in PROGRESSIVE
        scans += each.marker == SCAN
        told = told or _is_told(body, each)
        end = each.end
    if not (width and height and components and scans):
        raise NotWhole
    return Shape(width, height, components, progressive, scans, told, end)


def _is_told(body: bytes, each: Segment) -> bool:
    """APP2 is kept for a colour profile; the lists of further pictures that phones put there are not."""
    is_profile = body.startswith(PROFILE, each.content + 2)
    return each.marker in TOLD or (each.marker == 0xE2 and not is_profile)


def without_told(body: bytes) -> bytes:
    """The same coded picture without what was told about it and without anything behind its end. Raises `NotWhole`."""
    kept = [START, *(body[each.start : each.end] for each in segments(body) if not _is_told(body, each))]
    return b"".join(kept)

"""What an agent puts together in the composer, as the content of a message: a place, a choice of answers. Pure.

Bounds are those of the platforms' own (up to 3 buttons of 20 characters, up to 10 rows of 24 with 72 to explain each).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MOST_BUTTONS, MOST_ROWS = 3, 10
BUTTON_LENGTH, ROW_LENGTH, NOTE_LENGTH = 20, 24, 72
BUTTONS_BODY, LIST_BODY = 1024, 4096

_NUMBER = r"(-?\d{1,3}(?:\.\d+)?)"
# Of a map's address the marker, else the middle of the shown part; else two numbers with a point, as phones copy them.
_POINTS = (
    re.compile(rf"mlat={_NUMBER}&mlon={_NUMBER}"),
    re.compile(rf"[?&](?:q|query|ll|daddr)=(?:loc:)?{_NUMBER}(?:,|%2C){_NUMBER}"),
    re.compile(rf"#map=\d+/{_NUMBER}/{_NUMBER}"),
    re.compile(rf"@{_NUMBER},{_NUMBER}"),
    re.compile(r"^\s*\(?\s*(-?\d{1,3}(?:\.\d+)?)\s*[,;，、\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*\)?\s*$"),
)


class Unclear(ValueError):
    """What was entered makes no message; `args[0]` says what to change: point, empty, twice, title, note, many, body."""


def point_in(text: str) -> tuple[float, float]:
    """Latitude and longitude out of '22.3130, 114.1704' or the address of a map. Raises `Unclear`."""
    for pattern in _POINTS:
        if found := pattern.search(text):
            latitude, longitude = float(found[1]), float(found[2])
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return latitude, longitude
    raise Unclear("point")


def place(text: str, name: str, address: str) -> dict[str, Any]:
    latitude, longitude = point_in(text)
    named = {"name": name.strip()[:1000], "address": address.strip()[:1000]}
    return {"latitude": latitude, "longitude": longitude, **{key: value for key, value in named.items() if value}}


def choice(body: str, titles: Sequence[str], notes: Sequence[str], opener: str) -> dict[str, Any]:
    """Buttons for up to three short answers, a list behind the button `opener` for more or for explained ones. Raises `Unclear`."""
    padded = [*notes, *[""] * len(titles)]
    rows = [(title.strip(), note.strip()) for title, note in zip(titles, padded, strict=False) if title.strip()]
    as_list = len(rows) > MOST_BUTTONS or any(note for _, note in rows)
    _check(body, rows, as_list)
    if not as_list:
        return {"type": "button", "body": body, "buttons": [{"id": f"choice-{n}", "title": title} for n, (title, _) in enumerate(rows, 1)]}
    lines = [{"id": f"choice-{n}", "title": title, **({"description": note} if note else {})} for n, (title, note) in enumerate(rows, 1)]
    return {"type": "list", "body": body, "button": opener.strip()[:BUTTON_LENGTH], "sections": [{"title": "", "rows": lines}]}


def _check(body: str, rows: Sequence[tuple[str, str]], as_list: bool) -> None:
    if not rows:
        raise Unclear("empty")
    if len(rows) > MOST_ROWS:
        raise Unclear("many")
    if len({title for title, _ in rows}) < len(rows):
        raise Unclear("twice")
    if any(len(title) > (ROW_LENGTH if as_list else BUTTON_LENGTH) for title, _ in rows):
        raise Unclear("title")
    if any(len(note) > NOTE_LENGTH for _, note in rows):
        raise Unclear("note")
    if len(body) > (LIST_BODY if as_list else BUTTONS_BODY):
        raise Unclear("body")

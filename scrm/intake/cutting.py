"""Cutting one person out of a body as a platform posted it: pure. What is said of others stays as it came."""

from __future__ import annotations

import json
import re
from typing import Any

REDACTED = {"redacted": "a person was erased from this body"}


def cut(body: bytes, markers: re.Pattern[str]) -> tuple[bytes, list[Any]]:
    """The body without what names the person, and the pieces that were cut out. The same bytes and no pieces when nothing does.

    Pieces are elements of lists (messages, statuses, contacts, events), as small as possible: an element goes whole when its own
    fields name the person, and only in part when a list inside it does. What is not JSON, or names the person outside any list, goes
    as a whole.
    """
    text = body.decode("utf-8", "replace")
    if not markers.search(text):
        try:
            # A platform may write digits or letters as \\u escapes.
            if "\\u" not in text or not markers.search(json.dumps(json.loads(text), ensure_ascii=False)):
                return body, []
        except ValueError:
            return body, []
    try:
        parsed = json.loads(text)
    except ValueError:
        return json.dumps(REDACTED).encode(), [text]
    pieces: list[Any] = []
    rest = _without(parsed, markers, pieces)
    if _names(rest, markers):
        return json.dumps(REDACTED).encode(), [parsed]
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode(), pieces


def _names(value: Any, markers: re.Pattern[str]) -> bool:
    return markers.search(json.dumps(value, ensure_ascii=False)) is not None


def _without(value: Any, markers: re.Pattern[str], pieces: list[Any]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, markers, pieces) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    kept = []
    for item in value:
        if not _names(item, markers):
            kept.append(item)
            continue
        inner: list[Any] = []
        rest = _without(item, markers, inner)
        if inner and not _names(rest, markers):
            kept.append(rest)
            pieces += inner
        else:
            pieces.append(item)
    return kept


def strings(value: Any) -> set[str]:
    """All texts of a piece, for finding the rows that were made of it."""
    if isinstance(value, dict):
        return set().union(*(strings(item) for item in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(strings(item) for item in value)) if value else set()
    return {value} if isinstance(value, str) else set()

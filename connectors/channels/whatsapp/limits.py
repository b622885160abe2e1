"""Limits that several writers of request bodies share. Each raises `Rejected`, naming what to change."""

from __future__ import annotations

import re
from typing import Any

from connectors.errors import Rejected, Remedy
from connectors.untrusted import Json, as_list, as_object, as_text

CAPTION_LIMIT = 1024
CAPTIONED = frozenset({"image", "video", "document"})
MAX_URL = 2000


def within(value: Any, limit: int, what: str, remedy: Remedy = "none", *, empty: bool = False) -> str:
    text = as_text(value)
    if not text.strip() and not empty:
        raise Rejected(f"{what} is empty", remedy=remedy)
    if len(text) > limit:
        raise Rejected(f"{what} has {len(text)} characters; WhatsApp takes {limit}. Shorten it", remedy=remedy)
    return text


def web_address(value: Any, what: str, remedy: Remedy = "none") -> str:
    address = as_text(value)
    if not re.match("https?://[^/]", address):
        raise Rejected(f"{what} needs a link that begins with https://", remedy=remedy)
    return within(address, MAX_URL, f"The link of {what[:1].lower()}{what[1:]}", remedy)


def file_reference(content: Json, what: str) -> Json:
    """Either an uploaded file or a link, never both."""
    file_id, link = as_text(content.get("id")), as_text(content.get("link"))
    if bool(file_id) == bool(link):
        raise Rejected(f"{what} needs either an uploaded file or a link", remedy="fix_media")
    return {"id": file_id} if file_id else {"link": web_address(link, what, "fix_media")}


def objects(value: Any, fewest: int, most: int, what: str) -> list[Json]:
    """A list of so many objects."""
    found = [as_object(each) for each in as_list(value)]
    if not fewest <= len(found) <= most:
        raise Rejected(f"WhatsApp shows {fewest} to {most} {what}, not {len(found)}")
    return found


def distinct(values: list[str], what: str) -> list[str]:
    if len(set(values)) < len(values):
        raise Rejected(f"Two {what} are the same")
    return values

"""The places of a message template that a person fills, and the request that comes of it. Pure.

Templates are kept as the platform holds them: components HEADER, BODY, FOOTER, BUTTONS with places `{{1}}` or `{{name}}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Blank:
    """One place. `name` is the form field, `label` what the template calls it, `where` header, body or button."""

    name: str
    label: str
    where: str


class NotFillable(ValueError):
    """The template cannot be sent from the composer, or a place is still empty."""


def _typed(components: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    return next((part for part in components if str(part.get("type", "")).upper() == kind), {})


def _places(text: Any) -> list[str]:
    return list(dict.fromkeys(PLACE.findall(str(text or ""))))


def needs_file(components: Sequence[Mapping[str, Any]]) -> bool:
    """A header that is a picture, video or document must be given with each send."""
    return str(_typed(components, "HEADER").get("format", "TEXT")).upper() not in {"TEXT", ""}


def _url_buttons(components: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    buttons = _typed(components, "BUTTONS").get("buttons") or []
    return [(n, str(button.get("url", ""))) for n, button in enumerate(buttons) if isinstance(button, dict) and _places(button.get("url"))]


def blanks_of(components: Sequence[Mapping[str, Any]]) -> list[Blank]:
    header = [Blank(f"header_{place}", place, "header") for place in _places(_typed(components, "HEADER").get("text"))]
    body = [Blank(f"body_{place}", place, "body") for place in _places(_typed(components, "BODY").get("text"))]
    return [*header, *body, *(Blank(f"button_{n}", str(n + 1), "button") for n, _ in _url_buttons(components))]


def _one_line(value: str) -> str:
    """The platform refuses line breaks, tabs and runs of spaces inside a place."""
    return " ".join(value.split())[:LONGEST]


def fill(components: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """The `components` of the send request and the text as the customer will read it.

    Raises `NotFillable` when a place is empty or the header needs a file.
    """
    if needs_file(components):
        raise NotFillable("header")
    given = {blank.name: _one_line(values.get(blank.name, "")) for blank in blanks_of(components)}
    if not all(given.values()):
        raise NotFillable("empty")
    request = [part for part in (_part(components, "header", given), _part(components, "body", given)) if part]
    request += [
        {"type": "button", "sub_type": "url", "index": str(n), "parameters": [{"type": "text", "text": given[f"button_{n}"]}]}
        for n, _ in _url_buttons(components)
    ]
    return request, rendered(components, given)


def _part(components: Sequence[Mapping[str, Any]], where: str, given: Mapping[str, str]) -> dict[str, Any] | None:
    places = _places(_typed(components, where.upper()).get("text"))
    if not places:
        return None
    return {"type": where, "parameters": [_parameter(place, given[f"{where}_{place}"]) for place in places]}


def _parameter(place: str, value: str) -> dict[str, str]:
    named = {} if place.isdecimal() else {"parameter_name": place}
    return {"type": "text", **named, "text": value}


def rendered(components: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> str:
    """Header, body and footer with the values in their places; a place without a value stays visible."""

    def put(where: str) -> str:
        text = str(_typed(components, where.upper()).get("text") or "")
        return PLACE.sub(lambda found: given.get(f"{where}_{found[1]}") or found[0], text)

    return "\n".join(part for part in (put("header"), put("body"), put("footer")) if part)

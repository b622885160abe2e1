"""LINE's own rich messages, taken as LINE's objects and checked against its limits: templates, flex, imagemaps.

    template   {"altText", "template": {"type": "buttons" | "confirm" | "carousel" | "image_carousel", ...}}
    flex       {"altText", "contents": {"type": "bubble" | "carousel", ...}}
    imagemap   {"altText", "baseUrl", "baseSize": {"width": 1040, "height"}, "actions", "video"?}

`alt_text` may stand for `altText`: what notifications, the list of chats and old devices show in place of the message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from connectors.channels.line.limits import check_action, public_link, short, within
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

ALT_LIMIT = 1500
MAX_COLUMNS = 10
MAX_BUBBLES = 12
BUBBLE_BYTES, CAROUSEL_BYTES = 30 * 1024, 50 * 1024
IMAGEMAP_WIDTH = 1040
MAX_AREAS = 50


def template(content: Json) -> Json:
    """A template message."""
    given = as_object(content.get("template"))
    if not given and content.get("name"):
        raise Rejected(
            "LINE has no approved templates as WhatsApp has; send the words as a text or as a LINE template", remedy="fix_template"
        )
    kind = as_text(given.get("type"))
    if kind not in _TEMPLATES:
        raise Rejected(f"LINE has no template of type {kind!r}; there are {', '.join(_TEMPLATES)}", remedy="fix_template")
    _TEMPLATES[kind](given)
    return {"type": "template", "altText": _alt(content, as_text(given.get("text"))), "template": given}


def _alt(content: Json, otherwise: str = "") -> str:
    return within(content.get("altText") or content.get("alt_text") or otherwise, ALT_LIMIT, "The alternative text (altText)")


def _buttons(given: Json) -> None:
    adorned = _adornments(given, "The template")
    short(given.get("text"), 60 if adorned else 160, "The template's text" + (", beside a picture or title," if adorned else ""))
    _actions(given.get("actions"), 4, "The template")
    if given.get("defaultAction"):
        check_action(given["defaultAction"], "The template's default action", labelled=False)


def _adornments(given: Json, what: str) -> bool:
    """True for a picture or a title, which leave less room for the text."""
    if given.get("title"):
        short(given["title"], 40, f"{what}'s title")
    if given.get("thumbnailImageUrl"):
        public_link(given["thumbnailImageUrl"], f"{what}'s picture")
    return bool(given.get("title") or given.get("thumbnailImageUrl"))


def _actions(given: Any, most: int, what: str, least: int = 1) -> None:
    actions = as_list(given)
    if not least <= len(actions) <= most:
        raise Rejected(f"{what} has {len(actions)} buttons; LINE takes {most if least == most else f'{least} to {most}'}")
    for number, action in enumerate(actions, 1):
        check_action(action, f"Button {number}")


def _confirm(given: Json) -> None:
    short(given.get("text"), 240, "The template's text")
    _actions(given.get("actions"), 2, "The question", least=2)


def _columns(given: Json) -> list[Json]:
    columns = [as_object(column) for column in as_list(given.get("columns"))]
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise Rejected(f"The carousel has {len(columns)} columns; LINE takes 1 to {MAX_COLUMNS}")
    return columns


def _carousel(given: Json) -> None:
    columns = _columns(given)
    for number, column in enumerate(columns, 1):
        adorned = _adornments(column, f"Column {number}")
        short(column.get("text"), 60 if adorned else 120, f"The text of column {number}")
        _actions(column.get("actions"), 3, f"Column {number}")
    if len({_shape(column) for column in columns}) > 1:
        raise Rejected("LINE wants all columns of a carousel alike: as many buttons each, and title and picture in all or in none")


def _shape(column: Json) -> tuple[int, bool, bool]:
    return len(as_list(column.get("actions"))), bool(column.get("title")), bool(column.get("thumbnailImageUrl"))


def _image_carousel(given: Json) -> None:
    for number, column in enumerate(_columns(given), 1):
        public_link(column.get("imageUrl"), f"The picture of column {number}")
        check_action(column.get("action"), f"Column {number}", labelled=False)


_TEMPLATES: dict[str, Callable[[Json], None]] = {
    "buttons": _buttons,
    "confirm": _confirm,
    "carousel": _carousel,
    "image_carousel": _image_carousel,
}


def flex(content: Json) -> Json:
    """A flex message. Its inner layout is LINE's to judge; `LineMessaging.validate` asks it."""
    contents = as_object(content.get("contents"))
    kind = as_text(contents.get("type"))
    if kind not in {"bubble", "carousel"}:
        raise Rejected("A flex message holds a bubble or a carousel of bubbles")
    bubbles = as_list(contents.get("contents")) if kind == "carousel" else [contents]
    if not 1 <= len(bubbles) <= MAX_BUBBLES or any(as_text(as_object(bubble).get("type")) != "bubble" for bubble in bubbles):
        raise Rejected(f"A flex carousel holds 1 to {MAX_BUBBLES} bubbles and nothing else; this one has {len(bubbles)} parts")
    size, most = len(json.dumps(contents, ensure_ascii=False).encode()), BUBBLE_BYTES if kind == "bubble" else CAROUSEL_BYTES
    if size > most:
        raise Rejected(f"The flex message has {size // 1024} KB; LINE takes {most // 1024} KB. Leave something out")
    return {"type": "flex", "altText": _alt(content), "contents": contents}


def imagemap(content: Json) -> Json:
    """A picture with areas to tap."""
    size = as_object(content.get("baseSize"))
    height = size.get("height")
    if size.get("width") != IMAGEMAP_WIDTH or not isinstance(height, int) or isinstance(height, bool) or height < 1:
        raise Rejected(f"An imagemap states its baseSize: width {IMAGEMAP_WIDTH} and the height in pixels", remedy="fix_media")
    areas = as_list(content.get("actions"))
    if len(areas) > MAX_AREAS:
        raise Rejected(f"The imagemap has {len(areas)} areas; LINE takes {MAX_AREAS}")
    for number, area in enumerate(map(as_object, areas), 1):
        _area(area, f"Area {number}")
    base = public_link(content.get("baseUrl"), "The imagemap")
    message: Json = {"type": "imagemap", "altText": _alt(content), "baseUrl": base, "baseSize": size, "actions": areas}
    return {**message, "video": content["video"]} if as_object(content.get("video")) else message


def _area(area: Json, what: str) -> None:
    kind, place = as_text(area.get("type")), as_object(area.get("area"))
    if kind == "uri":
        within(area.get("linkUri"), 1000, f"{what}'s link")
    elif kind == "message":
        within(area.get("text"), 400, f"{what}'s text")
    elif kind == "clipboard":
        within(area.get("clipboardText"), 1000, f"{what}'s text")
    else:
        raise Rejected(f"{what} does nothing that LINE knows; there are uri, message and clipboard")
    if any(not isinstance(place.get(name), int) or isinstance(place[name], bool) for name in ("x", "y", "width", "height")):
        raise Rejected(f"{what} needs x, y, width and height in whole pixels")

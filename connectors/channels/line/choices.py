"""The platform-neutral interactive forms as LINE shows them.

    {"type": "button", "header"?, "body", "footer"?, "buttons": [{"id", "title"}]}
    {"type": "list", "header"?, "body", "footer"?, "button"?, "sections": [{"title"?, "rows": [{"id", "title", "description"?}]}]}
    {"type": "location_request", "body", "label"?}
    {"type": "cta_url", "header"?, "body", "footer"?, "label", "url"}
A header is a text, or {"type": "image", "link"}.

Up to four buttons with a short text become a buttons template, which stays in the chat; everything else a text with quick replies, which
go away with the next message. A tapped button comes back as on other platforms, see `bodies.read_postback`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.channels.line.bodies import button_data
from connectors.channels.line.limits import LABEL_LIMIT, characters, check_action, public_link, short, within
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

TEXT_LIMIT = 5000
MAX_QUICK_REPLIES = 13
MAX_TEMPLATE_BUTTONS = 4
PLAIN_TEMPLATE, ADORNED_TEMPLATE, TEMPLATE_TITLE = 160, 60, 40


def interactive(content: Json) -> Json:
    """One LINE message for a form. Raises `Rejected`, naming what to change."""
    stated = as_text(content.get("type"))
    build = _FORMS.get(stated)
    if build is None:
        raise Rejected(f"LINE has no interactive message of type {stated!r}; there are {', '.join(_FORMS)}")
    return build(content)


def quick_replies(given: Any) -> Json:
    """{"items": [...]} from our {"id", "title"} or LINE's own items; raises `Rejected` beyond 13."""
    items = as_list(given)
    if len(items) > MAX_QUICK_REPLIES:
        raise Rejected(f"There are {len(items)} quick replies; LINE takes {MAX_QUICK_REPLIES}. Leave some out")
    return {"items": [_quick_reply(as_object(item), f"Quick reply {number}") for number, item in enumerate(items, 1)]}


def _quick_reply(item: Json, what: str) -> Json:
    if "action" not in item:
        return {"type": "action", "action": _choice("button_reply", item, what)}
    check_action(item["action"], what)
    if item.get("imageUrl"):
        public_link(item["imageUrl"], f"{what}'s icon")
    return {**item, "type": "action"}


def _choice(kind: str, given: Json, what: str) -> Json:
    title = short(given.get("title"), LABEL_LIMIT, f"{what}'s title")
    button_id = within(given.get("id"), 250, f"{what}'s id")
    data = button_data(kind, button_id, title)
    return {"type": "postback", "label": title, "data": within(data, 300, f"{what}'s id", measure=characters), "displayText": title}


def _distinct(choices: list[Json], what: str) -> None:
    ids = [as_text(choice.get("id")) for choice in choices]
    if len(set(ids)) < len(ids):
        raise Rejected(f"{what} need ids that differ")


def _buttons(content: Json) -> Json:
    choices = [as_object(button) for button in as_list(content.get("buttons"))]
    if not 1 <= len(choices) <= MAX_QUICK_REPLIES:
        raise Rejected(f"There are {len(choices)} buttons; LINE takes 1 to {MAX_QUICK_REPLIES}")
    _distinct(choices, "Buttons")
    return _tappable(content, [_choice("button_reply", choice, f"Button {number}") for number, choice in enumerate(choices, 1)])


def _list(content: Json) -> Json:
    """The rows as quick replies; sections and descriptions, for which LINE has no place, stand in the text."""
    sections = [as_object(section) for section in as_list(content.get("sections"))]
    rows = [as_object(row) for section in sections for row in as_list(section.get("rows"))]
    if not 1 <= len(rows) <= MAX_QUICK_REPLIES:
        raise Rejected(f"The list has {len(rows)} rows; LINE takes 1 to {MAX_QUICK_REPLIES}")
    _distinct(rows, "Rows")
    actions = [_choice("list_reply", row, f"Row {number}") for number, row in enumerate(rows, 1)]
    told = any(section.get("title") for section in sections) or any(row.get("description") for row in rows)
    lines = [line for section in sections for line in _section_lines(section)] if told else []
    return _text_with(content, actions, "\n".join(lines))


def _section_lines(section: Json) -> list[str]:
    rows = [as_object(row) for row in as_list(section.get("rows"))]
    lines = [" – ".join(filter(None, [f"・{as_text(row.get('title'))}", as_text(row.get("description"))])) for row in rows]
    return [*filter(None, [as_text(section.get("title"))]), *lines]


def _location_request(content: Json) -> Json:
    label = short(content.get("label") or "📍", LABEL_LIMIT, "The button's label")
    return _text_with(content, [{"type": "location", "label": label}])


def _link_button(content: Json) -> Json:
    url = as_text(content.get("url"))
    if not re.match("https?://", url):
        raise Rejected("The button needs a link that begins with https://")
    label = short(content.get("label"), LABEL_LIMIT, "The button's label")
    return _tappable(content, [check_action({"type": "uri", "label": label, "uri": url}, "The button")])


def _tappable(content: Json, actions: list[Json]) -> Json:
    """A buttons template where text and buttons fit into one, otherwise a text with quick replies."""
    picture, title = _picture(content), _title(content)
    text = _joined(within(content.get("body"), TEXT_LIMIT, "The text"), as_text(content.get("footer")))
    room = ADORNED_TEMPLATE if picture or title else PLAIN_TEMPLATE
    fits = characters(text) <= room and characters(title) <= TEMPLATE_TITLE and len(actions) <= MAX_TEMPLATE_BUTTONS
    if not fits and picture:
        raise Rejected(
            f"Beside a picture LINE takes {ADORNED_TEMPLATE} characters and {MAX_TEMPLATE_BUTTONS} buttons; "
            "shorten it or leave the picture out"
        )
    if not fits:
        return _text_with(content, actions)
    template: Json = {"type": "buttons", "text": text, "actions": actions}
    template |= ({"thumbnailImageUrl": picture} if picture else {}) | ({"title": title} if title else {})
    return {"type": "template", "altText": _joined(title, text), "template": template}


def _text_with(content: Json, actions: list[Json], listing: str = "") -> Json:
    if _picture(content):
        raise Rejected("LINE shows a picture above buttons only, not above a list; send the picture as a message of its own")
    body = within(content.get("body"), TEXT_LIMIT, "The text")
    text = within(_joined(_title(content), body, listing, as_text(content.get("footer"))), TEXT_LIMIT, "The text")
    return {"type": "text", "text": text, "quickReply": {"items": [{"type": "action", "action": action} for action in actions]}}


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _title(content: Json) -> str:
    header = content.get("header")
    given = as_object(header)
    return as_text(given.get("text")) if given else as_text(header)


def _picture(content: Json) -> str:
    given = as_object(content.get("header"))
    kind = as_text(given.get("type")) or "text"
    if kind == "text":
        return ""
    if kind != "image":
        raise Rejected(f"LINE shows no {kind} above buttons; send it as a message of its own", remedy="fix_media")
    return public_link(given.get("link"), "The picture")


_FORMS: dict[str, Callable[[Json], Json]] = {
    "button": _buttons,
    "list": _list,
    "location_request": _location_request,
    "cta_url": _link_button,
}

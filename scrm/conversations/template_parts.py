"""A template as a person writes it, and as the platform holds it. Pure: `compose` and `parts_of` undo each other.

Source of the form: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scrm.conversations.template_products import BUTTON_TEXTS
from scrm.conversations.template_text import (
    Components,
    Json,
    buttons_of,
    cards_of,
    examples_of,
    kind_of,
    names_in,
    typed,
)

KNOWN = frozenset({"HEADER", "BODY", "FOOTER", "BUTTONS", "LIMITED_TIME_OFFER"})
# What a person fills in for each kind of button beside its text.
BUTTON_VALUES = dict.fromkeys(BUTTON_TEXTS, "") | {
    "QUICK_REPLY": "", "URL": "url", "PHONE_NUMBER": "phone_number", "COPY_CODE": "example", "FLOW": "flow_id",
}  # fmt: skip
FILE_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})
MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO"})
# What the cards of a carousel can begin with.
CARD_FORMATS = MEDIA_FORMATS | {"PRODUCT"}


@dataclass(frozen=True, slots=True)
class Button:
    """`value` is the link, number, code or form id, by kind; `example` a full link for one with a variable. `rest` is kept as it came."""

    kind: str
    text: str = ""
    value: str = ""
    example: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """`examples` by the key of the place (header_1, body_1, body_name); `header_handle` the platform's name of an example file.

    An authentication template has no text of its own: `security_hint` adds 'do not share this code', `code_minutes` how long it lives.
    `offer` is the heading of a limited-time offer, `offer_ends` whether the phone counts down to its end. `cards` are those of a
    carousel, each with a header, a body and buttons; their examples are keyed as those of a message of its own.
    `others` are components that are not written here and stay as they are.
    """

    header_format: str = ""
    header_text: str = ""
    header_handle: str = ""
    body: str = ""
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    examples: Mapping[str, str] = field(default_factory=dict)
    security_hint: bool = False
    code_minutes: int | None = None
    offer: str | None = None
    offer_ends: bool = False
    cards: tuple[Parts, ...] = ()
    others: tuple[Mapping[str, Any], ...] = ()


def is_named(components: Components) -> bool:
    """True when the variables have names instead of numbers; the platform wants to be told."""
    texts = [typed(components, kind).get("text") for kind in ("HEADER", "BODY")]
    own = any(not name.isdecimal() for text in texts for name in names_in(text))
    return own or any(is_named(card) for _prefix, card in cards_of(typed(components, "CAROUSEL")))


def compose(parts: Parts, category: str) -> list[Json]:
    """The components as the platform takes them, examples included."""
    if category == "AUTHENTICATION":
        return _authentication(parts)
    components = [_header(parts), _offer(parts), _text("BODY", "body", parts.body, parts.examples), *map(dict, parts.others)]
    if parts.footer:
        components.append({"type": "FOOTER", "text": parts.footer})
    components += [_buttons(parts), {"type": "CAROUSEL", "cards": [_card(card) for card in parts.cards]} if parts.cards else {}]
    return [component for component in components if component]


def _buttons(parts: Parts) -> Json:
    return {"type": "BUTTONS", "buttons": [_button(button) for button in parts.buttons]} if parts.buttons else {}


def _offer(parts: Parts) -> Json:
    if parts.offer is None:
        return {}
    return {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": parts.offer, "has_expiration": parts.offer_ends}}


def _card(card: Parts) -> Json:
    """The body may be missing; header and buttons never are in a card that the platform takes."""
    body = _text("BODY", "body", card.body, card.examples) if card.body else {}
    return {"components": [part for part in (_header(card), body, _buttons(card)) if part]}


def _header(parts: Parts) -> Json:
    if parts.header_format == "TEXT":
        return _text("HEADER", "header", parts.header_text, parts.examples) | {"format": "TEXT"} if parts.header_text else {}
    if not parts.header_format:
        return {}
    handle = {"example": {"header_handle": [parts.header_handle]}} if parts.header_handle else {}
    return {"type": "HEADER", "format": parts.header_format, **handle}


def _text(kind: str, where: str, text: str, examples: Mapping[str, str]) -> Json:
    names = names_in(text)
    if not names:
        return {"type": kind, "text": text}
    given = [examples.get(f"{where}_{name}", "") for name in names]
    if all(name.isdecimal() for name in names):
        example: Json = {"body_text": [given]} if where == "body" else {"header_text": given}
    else:
        named = [{"param_name": name, "example": value} for name, value in zip(names, given, strict=True)]
        example = {f"{where}_text_named_params": named}
    return {"type": kind, "text": text, "example": example}


def _button(button: Button) -> Json:
    made: Json = {**button.rest, "type": button.kind}
    words = button.text or BUTTON_TEXTS.get(button.kind, "")
    if words and button.kind != "COPY_CODE":
        made["text"] = words
    name = BUTTON_VALUES.get(button.kind, "")
    if name and button.value:
        made[name] = button.value
    if button.kind == "URL" and names_in(button.value):
        made["example"] = [button.example] if button.example else []
    return made


def _authentication(parts: Parts) -> list[Json]:
    """The platform writes the words; only the hint, the life of the code and the button are chosen."""
    body: Json = {"type": "BODY", "add_security_recommendation": parts.security_hint}
    footer = [{"type": "FOOTER", "code_expiration_minutes": parts.code_minutes}] if parts.code_minutes else []
    text = {"text": parts.buttons[0].text} if parts.buttons and parts.buttons[0].text else {}
    return [body, *footer, {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", **text}]}]


def parts_of(components: Sequence[Mapping[str, Any]]) -> Parts:
    """What `compose` made, or what the platform holds. Components of other kinds are kept as they are."""
    header, body, footer = (typed(components, kind) for kind in ("HEADER", "BODY", "FOOTER"))
    form = str(header.get("format") or "TEXT").upper() if header else ""
    handles = header.get("example", {}).get("header_handle") if isinstance(header.get("example"), Mapping) else None
    minutes = footer.get("code_expiration_minutes")
    offer = typed(components, "LIMITED_TIME_OFFER").get("limited_time_offer")
    offer = offer if isinstance(offer, Mapping) else {}
    cards = _read_cards(components)
    known = KNOWN | {"CAROUSEL"} if cards else KNOWN
    return Parts(
        header_format=form,
        header_text=str(header.get("text") or ""),
        header_handle=str(handles[0]) if isinstance(handles, list) and handles else "",
        body=str(body.get("text") or ""),
        footer=str(footer.get("text") or ""),
        buttons=tuple(_read_button(button) for button in buttons_of(typed(components, "BUTTONS"))),
        examples=_read_examples(header, "header") | _read_examples(body, "body"),
        security_hint=bool(body.get("add_security_recommendation")),
        code_minutes=minutes if isinstance(minutes, int) else None,
        offer=str(offer.get("text") or "") if offer else None,
        offer_ends=bool(offer.get("has_expiration")),
        cards=cards,
        others=tuple(part for part in components if isinstance(part, Mapping) and kind_of(part) not in known),
    )


def _read_cards(components: Components) -> tuple[Parts, ...]:
    """The cards; none when a card begins with something that is not written here."""
    cards = [parts_of(card) for _prefix, card in cards_of(typed(components, "CAROUSEL"))]
    return tuple(cards) if all(card.header_format in CARD_FORMATS and not card.others for card in cards) else ()


def _read_examples(part: Mapping[str, Any], where: str) -> dict[str, str]:
    return {f"{where}_{name}": value for name, value in examples_of(part, f"{where}_text").items()}


def _read_button(button: Mapping[str, Any]) -> Button:
    kind = kind_of(button)
    name = BUTTON_VALUES.get(kind, "")
    value, example = button.get(name) if name else "", button.get("example") if kind == "URL" else ""
    rest = {key: part for key, part in button.items() if key not in {"type", "text", name, "example"}}
    return Button(kind, str(button.get("text") or ""), first_of(value), first_of(example), rest)


def first_of(value: Any) -> str:
    """Examples come as a text or as a list with one."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value or "")

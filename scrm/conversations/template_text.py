"""A template's places, the request that fills them, and the text that a person will read. Pure: no database, no clock.

Templates are kept as the platform holds them: components HEADER, BODY, FOOTER, BUTTONS, CAROUSEL, LIMITED_TIME_OFFER with places
`{{1}}` or `{{name}}`. Values are put in once, as they are: nothing in them is evaluated, and braces in a value stay braces.

| place | key | value |
|---|---|---|
| body `{{1}}`, `{{name}}` | `body_1`, `body_name`; partners may also write `1`, `name` | text on one line |
| header text | `header_1` | text |
| header picture, video, document | `header` | https link or media id, or {"id" | "link", "filename"?} |
| header location | `header` | {"latitude", "longitude", "name"?, "address"?} |
| button with a link | `button_0` | the end of the link |
| button that copies a code | `button_0` | the code |
| header product | `header` | the product's code |
| button that shows several products | `button_0` | `Title: code, code; Title: code` |
| button that shows the catalogue | `button_0` | the code of the product in the picture; may be left out |
| limited time offer | `offer` | the end, ISO 8601 with a zone or milliseconds |
| a carousel's card | `card_0_` before the key | as above |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from scrm.conversations.template_products import BadProducts, action_of, check_code

Json = dict[str, Any]
Components = Sequence[Mapping[str, Any]]

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
HEADER, BODY, FOOTER, LINK, CODE, CARD_BODY = 60, 1024, 60, 2000, 15, 160
FILES = frozenset({"image", "video", "document"})
# The platform fills the link of a copy-code button of an authentication template from the same code as the body.
OTP_LINK = "https://www.whatsapp.com/otp/"
# Buttons that need no value at send.
PLAIN_BUTTONS = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER", "SPM", "FLOW", "VOICE_CALL", "REQUEST_CONTACT_INFO", "OTP", "COPY_CODE"})
_PRODUCT_BUTTONS = {"MPM": "products", "CATALOG": "thumbnail"}
_BREAKS = re.compile(r"[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")


class NotFillable(ValueError):
    """The template cannot be sent like this. `problems`: a sentence for each place, by its public name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `key` names its value, `name` is what the template calls it, `kind` what is expected there:
    text, link, code, otp, time, image, video, document, location, product, products, thumbnail, or unsupported."""

    key: str
    name: str
    where: str
    kind: str
    limit: int = BODY
    example: str = ""

    @property
    def optional(self) -> bool:
        return self.kind == "thumbnail"

    @property
    def public(self) -> str:
        """How partners name the value: a body's place by its own name."""
        return self.name if self.key == f"body_{self.name}" else self.key


@dataclass(slots=True)
class _Filling:
    values: Mapping[str, Any]
    now: datetime | None = None
    used: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def given(self, place: Place) -> Any:
        return self.values.get(place.key, self.values.get(place.public))


@dataclass(frozen=True, slots=True)
class Filled:
    """`components` of the send request, and the text as the customer will read it."""

    components: list[Json]
    text: str


# --- places -----------------------------------------------------------------------------------------------------------


def kind_of(part: Mapping[str, Any]) -> str:
    return str(part.get("type", "")).upper()


def typed(components: Components, kind: str) -> Mapping[str, Any]:
    """The component of this kind, or an empty one."""
    return next((part for part in components if isinstance(part, Mapping) and kind_of(part) == kind), {})


def names_in(text: Any) -> list[str]:
    """The variables of a text in their order of first appearance: ["1", "2"] or ["name", ...]."""
    return list(dict.fromkeys(PLACE.findall(str(text or ""))))


def places_of(components: Components, prefix: str = "") -> list[Place]:
    """Every place that needs a value, in the order in which a reader meets them."""
    found: list[Place] = []
    for part in components:
        if isinstance(part, Mapping):
            reader = _PLACES.get(kind_of(part))
            found += reader(part, prefix) if reader else []
    return found


def _header_places(part: Mapping[str, Any], prefix: str) -> list[Place]:
    form = str(part.get("format", "TEXT")).lower() or "text"
    if form == "text":
        examples = examples_of(part, "header_text")
        return [Place(f"{prefix}header_{n}", n, "header", "text", HEADER, examples.get(n, "")) for n in names_in(part.get("text"))]
    form = "video" if form == "gif" else form
    return [Place(f"{prefix}header", form, "header", form if form in FILES | {"location", "product"} else "unsupported")]


def _body_places(part: Mapping[str, Any], prefix: str) -> list[Place]:
    examples = examples_of(part, "body_text")
    return [Place(f"{prefix}body_{n}", n, "body", "text", BODY, examples.get(n, "")) for n in names_in(part.get("text"))]


def examples_of(part: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The examples that stand with a header or body, by the variable's name; positional and named forms."""
    example = part.get("example")
    if not isinstance(example, Mapping):
        return {}
    named = example.get(f"{kind}_named_params")
    if isinstance(named, list):
        return {str(p.get("param_name", "")): str(p.get("example", "")) for p in named if isinstance(p, Mapping)}
    plain = example.get(kind)
    row = plain[0] if isinstance(plain, list) and plain and isinstance(plain[0], list) else plain
    return dict(zip(names_in(part.get("text")), map(str, row), strict=False)) if isinstance(row, list) else {}


def buttons_of(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [button for button in part.get("buttons") or [] if isinstance(button, Mapping)]


def _button_places(part: Mapping[str, Any], prefix: str) -> list[Place]:
    found = []
    for index, button in enumerate(buttons_of(part)):
        place = _button_place(button, f"{prefix}button_{index}", str(index + 1))
        found += [place] if place else []
    return found


def _button_place(button: Mapping[str, Any], key: str, name: str) -> Place | None:
    kind, url = kind_of(button), str(button.get("url", ""))
    example = button.get("example")
    example = str(example[0]) if isinstance(example, list) and example else str(example or "")
    if kind == "OTP" or (kind == "URL" and url.startswith(OTP_LINK)):
        return Place(key, name, "button", "otp", CODE)
    if kind == "URL" and names_in(url):
        ending = example.removeprefix(PLACE.split(url)[0])
        return Place(key, name, "button", "link", LINK, ending)
    if kind == "COPY_CODE":
        return Place(key, name, "button", "code", CODE, example)
    if kind in _PRODUCT_BUTTONS:
        return Place(key, name, "button", _PRODUCT_BUTTONS[kind])
    return None if kind in PLAIN_BUTTONS else Place(key, name, "button", "unsupported")


def _offer_places(part: Mapping[str, Any], prefix: str) -> list[Place]:
    offer = part.get("limited_time_offer")
    expires = isinstance(offer, Mapping) and offer.get("has_expiration")
    return [Place(f"{prefix}offer", "offer", "offer", "time")] if expires else []


def cards_of(part: Mapping[str, Any]) -> Iterator[tuple[str, Components]]:
    """Each card's prefix and components."""
    for index, card in enumerate(part.get("cards") or []):
        yield f"card_{index}_", card.get("components") or [] if isinstance(card, Mapping) else []


def _carousel_places(part: Mapping[str, Any], prefix: str) -> list[Place]:
    return [place for own, components in cards_of(part) for place in places_of(components, own)]


_PLACES: dict[str, Callable[[Mapping[str, Any], str], list[Place]]] = {
    "HEADER": _header_places,
    "BODY": _body_places,
    "BUTTONS": _button_places,
    "LIMITED_TIME_OFFER": _offer_places,
    "CAROUSEL": _carousel_places,
}


# --- values -----------------------------------------------------------------------------------------------------------


def one_line(value: Any) -> str:
    """A value as the platform takes it: no line breaks, tabs or runs of spaces; nothing that cannot be sent as UTF-8."""
    text = _CONTROLS.sub("", str(value)).encode("utf-8", "ignore").decode()
    return _BREAKS.sub(" ", text).strip()


def is_visible(text: str) -> bool:
    """False for a text of which a reader would see nothing: spaces, joiners and marks of direction alone."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)


def _text(place: Place, filling: _Filling) -> Json:
    given = filling.given(place)
    value = one_line(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else ""
    if not is_visible(value):
        filling.problems[place.public] = _("Give a value for %(name)s.") % {"name": place.public}
    elif len(value) > place.limit:
        filling.problems[place.public] = _("The value for %(name)s has %(length)d characters; %(limit)d are the most.") % {
            "name": place.public,
            "length": len(value),
            "limit": place.limit,
        }
    filling.used[place.key] = value
    named = {} if place.name.isdecimal() else {"parameter_name": place.name}
    return {"type": "text", **named, "text": value}


def _link(place: Place, filling: _Filling) -> Json:
    parameter = _text(place, filling)
    ending = quote(parameter["text"], safe="/?&=#%:+-._~,;@!$'()*[]")
    filling.used[place.key] = ending
    return {"type": "text", "text": ending}


def _code(place: Place, filling: _Filling) -> Json:
    return {"type": "coupon_code", "coupon_code": _text(place, filling)["text"]}


def _otp(place: Place, filling: _Filling) -> Json:
    """The code stands in the body already; a value of its own is only needed where the body shows none."""
    body = next((value for key, value in filling.used.items() if key.startswith("body_")), "")
    if body:
        filling.used[place.key] = body
        return {"type": "text", "text": body}
    return {"type": "text", "text": _text(place, filling)["text"]}


def _file(place: Place, filling: _Filling) -> Json:
    given = filling.given(place)
    file = {"link" if str(given).lower().startswith("http") else "id": one_line(given)} if isinstance(given, str) else given
    file = file if isinstance(file, Mapping) else {}
    link, held = str(file.get("link") or ""), str(file.get("id") or "")
    if not held and not re.match(r"https?://\S+$", link):
        words = {"image": _("picture"), "video": _("video"), "document": _("document")}[place.kind]
        filling.problems[place.public] = _("The header needs a %(kind)s: a file, or a link that begins with https://.") % {"kind": words}
    own = {"id": held} if held else {"link": link}
    if place.kind == "document" and file.get("filename"):
        own["filename"] = one_line(file["filename"])[:240]
    return {"type": place.kind, place.kind: own}


def _location(place: Place, filling: _Filling) -> Json:
    given = filling.given(place)
    where = given if isinstance(given, Mapping) else {}
    try:
        latitude, longitude = float(where["latitude"]), float(where["longitude"])
        fits = -90 <= latitude <= 90 and -180 <= longitude <= 180
    except (KeyError, TypeError, ValueError):
        latitude, longitude, fits = 0.0, 0.0, False
    if not fits:
        filling.problems[place.public] = _("The header needs a place: its latitude and longitude.")
    words = {name: one_line(where[name]) for name in ("name", "address") if where.get(name)}
    return {"type": "location", "location": {"latitude": str(latitude), "longitude": str(longitude), **words}}


def _time(place: Place, filling: _Filling) -> Json:
    milliseconds = _milliseconds(filling.given(place))
    if milliseconds is None:
        filling.problems[place.public] = _("Say when the offer ends, with date, time and time zone.")
    elif filling.now is not None and milliseconds <= filling.now.timestamp() * 1000:
        filling.problems[place.public] = _("The offer is over already. Choose a time to come.")
    return {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": milliseconds or 0}}


def _milliseconds(given: Any) -> int | None:
    if isinstance(given, str) and given.isdecimal() and len(given) < 16:
        return int(given)
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment.tzinfo else None


def _product(place: Place, filling: _Filling) -> Json:
    """The catalogue that it is in is known to the connection."""
    code = _text(place, filling)["text"]
    _checked(place, filling, check_code, code)
    return {"type": "product", "product": {"product_retailer_id": code}}


def _products(place: Place, filling: _Filling) -> Json:
    given = filling.given(place)
    text = given if isinstance(given, str) else ""
    filling.used[place.key] = text
    return {"type": "action", "action": _checked(place, filling, action_of, text) or {}}


def _thumbnail(place: Place, filling: _Filling) -> Json:
    code = _text(place, filling)["text"]
    _checked(place, filling, check_code, code)
    return {"type": "action", "action": {"thumbnail_product_retailer_id": code}}


def _checked(place: Place, filling: _Filling, check: Callable[[str], Any], text: str) -> Any:
    try:
        return check(text)
    except BadProducts as problem:
        filling.problems[place.public] = str(problem)
        return None


def _unsupported(place: Place, filling: _Filling) -> Json:
    filling.problems[place.public] = _("Templates with this kind of %(where)s cannot be sent from here.") % {
        "where": _("button") if place.where == "button" else _("header")
    }
    return {}


_PARAMETERS: dict[str, Callable[[Place, _Filling], Json]] = {
    "text": _text,
    "link": _link,
    "code": _code,
    "otp": _otp,
    "time": _time,
    "image": _file,
    "video": _file,
    "document": _file,
    "location": _location,
    "product": _product,
    "products": _products,
    "thumbnail": _thumbnail,
    "unsupported": _unsupported,
}
_SUB_TYPES = {"link": "url", "otp": "url", "code": "copy_code", "products": "mpm", "thumbnail": "catalog"}


# --- filling ----------------------------------------------------------------------------------------------------------


def fill(components: Components, values: Mapping[str, Any], *, now: datetime | None = None) -> Filled:
    """Put the values in. Raises `NotFillable` that names every place that is missing, too long or of the wrong kind.

    With `now`, an offer that is over by then is refused, too.
    """
    filling = _Filling(values, now)
    request = _request(components, "", filling)
    text = rendered(components, filling.used)
    if not filling.problems:
        _check_lengths(components, filling, "", BODY)
    if filling.problems:
        raise NotFillable(filling.problems)
    return Filled(request, text)


def _check_lengths(components: Components, filling: _Filling, prefix: str, longest: int) -> None:
    """The texts with their values; a card's is short, so that all cards are equally tall."""
    for kind, limit in (("HEADER", HEADER), ("BODY", longest)):
        length = len(_put(typed(components, kind).get("text"), f"{prefix}{kind.lower()}_", filling.used))
        if length > limit:
            filling.problems[f"{prefix}{kind.lower()}"] = _(
                "With its values the text has %(length)d characters; %(limit)d are the most."
            ) % {"length": length, "limit": limit}
    for own, inner in cards_of(typed(components, "CAROUSEL")):
        _check_lengths(inner, filling, own, CARD_BODY)


def _request(components: Components, prefix: str, filling: _Filling) -> list[Json]:
    request: list[Json] = []
    for part in components:
        if not isinstance(part, Mapping):
            continue
        kind = kind_of(part)
        if kind == "CAROUSEL":
            cards = [{"card_index": n, "components": _request(inner, own, filling)} for n, (own, inner) in enumerate(cards_of(part))]
            request.append({"type": "carousel", "cards": cards})
        elif kind == "BUTTONS":
            request += _buttons(part, prefix, filling)
        elif places := places_of([part], prefix):
            request.append({"type": kind.lower(), "parameters": [_PARAMETERS[place.kind](place, filling) for place in places]})
    return request


def _buttons(part: Mapping[str, Any], prefix: str, filling: _Filling) -> list[Json]:
    request = []
    for place in _button_places(part, prefix):
        if place.optional and not is_visible(str(filling.given(place) or "")):
            continue
        sub_type = _SUB_TYPES.get(place.kind, "")
        parameter = _PARAMETERS[place.kind](place, filling)
        request.append({"type": "button", "sub_type": sub_type, "index": str(int(place.name) - 1), "parameters": [parameter]})
    for index, button in enumerate(buttons_of(part)):
        if kind_of(button) == "FLOW":
            action = {"type": "action", "action": {"flow_token": str(filling.values.get(f"{prefix}button_{index}") or "unused")}}
            request.append({"type": "button", "sub_type": "flow", "index": str(index), "parameters": [action]})
    return request


def _put(text: Any, prefix: str, used: Mapping[str, str]) -> str:
    """The text with its values; a place without one becomes three dots, never braces."""
    return PLACE.sub(lambda found: used.get(f"{prefix}{found[1]}") or "…", str(text or ""))


def rendered(components: Components, used: Mapping[str, str], prefix: str = "") -> str:
    """Header, body, offer, cards and footer as the customer reads them, one below the other."""
    lines = [_put(typed(components, kind).get("text"), f"{prefix}{kind.lower()}_", used) for kind in ("HEADER", "BODY")]
    offer = typed(components, "LIMITED_TIME_OFFER").get("limited_time_offer")
    lines.insert(0, str(offer.get("text", "")) if isinstance(offer, Mapping) else "")
    lines += [rendered(inner, used, own) for own, inner in cards_of(typed(components, "CAROUSEL"))]
    lines.append(str(typed(components, "FOOTER").get("text") or ""))
    return "\n".join(line for line in lines if line)


def content_of(name: str, language: str, components: Components, values: Mapping[str, Any]) -> Json:
    """The content of a template message for the outbox: {name, language, components}."""
    return {"name": name, "language": language, "components": fill(components, values).components}

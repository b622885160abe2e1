"""Words for message templates: states, reasons of the reviewers, languages, kinds of buttons and places."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import get_language_info, gettext
from django.utils.translation import gettext_lazy as _

from scrm.conversations.models import MessageTemplate
from scrm.conversations.template_rules import LANGUAGES
from scrm.conversations.template_text import Place

Words = str | Promise

STATUSES: dict[str, Words] = {
    **dict(MessageTemplate.Status.choices),
    "IN_APPEAL": _("Under appeal"),
    "FLAGGED": _("Flagged: low quality"),
    "ARCHIVED": _("Archived"),
    "LIMIT_EXCEEDED": _("Over the limit of templates"),
    "PENDING_DELETION": _("Being deleted"),
    "LOCKED": _("Locked"),
}
COLOURS = {
    "APPROVED": "success",
    "PENDING": "info",
    "IN_APPEAL": "info",
    "REJECTED": "danger",
    "PAUSED": "warning",
    "FLAGGED": "warning",
    "DISABLED": "danger",
    "PENDING_DELETION": "danger",
}
# The platform's reasons (rejected_reason and the reason of a status event).
REASONS: dict[str, Words] = {
    "ABUSIVE_CONTENT": _("It holds abusive content, or asks for sensitive data."),
    "INVALID_FORMAT": _("Its form is wrong: look at variables, braces and links."),
    "INCORRECT_CATEGORY": _("It belongs to another category."),
    "TAG_CONTENT_MISMATCH": _("Text, language and category do not fit each other."),
    "PROMOTIONAL": _("It is a promotion; choose marketing."),
    "SCAM": _("It looks like fraud to the reviewers."),
    "FIRST_PAUSE": _("Paused for 3 hours: customers reported or blocked it."),
    "SECOND_PAUSE": _("Paused for 6 hours: customers reported or blocked it again."),
    "RATE_LIMITING_PAUSE": _("Paused: too few customers read it."),
}
BUTTONS: dict[str, Words] = {
    "QUICK_REPLY": _("Quick reply"),
    "URL": _("Link"),
    "PHONE_NUMBER": _("Call a number"),
    "COPY_CODE": _("Copy a code"),
    "FLOW": _("Form"),
    "CATALOG": _("Whole catalogue"),
    "MPM": _("Several products"),
    "SPM": _("Show the product"),
}
LAYOUTS: dict[str, Words] = {"": _("One message"), "OFFER": _("Limited-time offer"), "CARDS": _("Cards side by side")}
HEADERS: dict[str, Words] = {
    "": _("None"),
    "TEXT": _("Text"),
    "IMAGE": _("Picture"),
    "VIDEO": _("Video"),
    "DOCUMENT": _("Document"),
    "LOCATION": _("Location"),
    "PRODUCT": _("Product"),
}
CHANGES: dict[str, Words] = {"text": _("The text was changed."), "announced": _("Announced: filed elsewhere in a day.")}
CARD_KEY = re.compile(r"card_(\d+)_")
# In the order in which our shops want them; the rest follows by code.
FIRST_LANGUAGES = ("zh_HK", "zh_TW", "ja", "en", "zh_CN", "en_US", "en_GB", "ko", "th", "vi", "id", "ms")
_OWN_NAMES = {
    "zh_HK": "繁體中文（香港）",
    "zh_TW": "繁體中文（台灣）",
    "zh_CN": "简体中文",
    "en_US": "English (US)",
    "en_GB": "English (UK)",
    "fil": "Filipino",
}


def status_name(status: str) -> str:
    return str(STATUSES.get(status, status.replace("_", " ").capitalize()))


def reason_sentence(reason: str) -> str:
    """The platform's reason in words; several come joined with ';', and what is not known is shown as it came."""
    parts = [part.strip() for part in reason.split(";") if part.strip()]
    return " ".join(dict.fromkeys(str(REASONS.get(part, part)) for part in parts))


def language_name(code: str) -> str:
    if code in _OWN_NAMES:
        return f"{_OWN_NAMES[code]} · {code}"
    try:
        return f"{get_language_info(code.lower().replace('_', '-'))['name_local']} · {code}"
    except KeyError:
        return code


def language_choices() -> list[tuple[str, str]]:
    rest = sorted(LANGUAGES.difference(FIRST_LANGUAGES))
    return [(code, language_name(code)) for code in (*FIRST_LANGUAGES, *rest)]


def place_label(place: Place) -> str:
    """What a person reads beside the field of a place."""
    card = CARD_KEY.match(place.key)
    words = _label(place)
    return gettext("Card %(number)d: %(words)s") % {"number": int(card[1]) + 1, "words": words} if card else words


_OF_BUTTONS: dict[str, Words] = {
    "code": _("Code of button"),
    "otp": _("Code"),
    "products": _("Products of button"),
    "thumbnail": _("Code of the product in the picture, button"),
}


def _label(place: Place) -> str:
    if place.where == "button":
        kind = _OF_BUTTONS.get(place.kind, _("Link of button"))
        return f"{kind} {place.name}"
    if place.kind == "product":
        return gettext("Code of the product")
    if place.kind in {"image", "video", "document"}:
        return str(HEADERS[place.kind.upper()])
    if place.kind == "location":
        return gettext("Location")
    if place.kind == "time":
        return gettext("The offer ends")
    shown = f"{{{{{place.name}}}}}"
    return gettext("Header: %(name)s") % {"name": shown} if place.where == "header" else shown

"""Why a number could not be read, and what was weighed about it, in the reader's language. What is stored is English or a code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

REASONS = {
    "destroyed by a spreadsheet: the last digits are lost, ask for the number again": gettext_lazy(
        "destroyed by a spreadsheet: the last digits are lost, ask for the number again"
    ),
    "ends in zeros as what a spreadsheet destroyed does: ask whether it is right": gettext_lazy(
        "ends in zeros as what a spreadsheet destroyed does: ask whether it is right"
    ),
    "holds no digits": gettext_lazy("holds no digits"),
    "is not a phone number": gettext_lazy("is not a phone number"),
    "holds several numbers: choose one": gettext_lazy("holds several numbers: choose one"),
    "fits several countries: choose one": gettext_lazy("fits several countries: choose one"),
    "has no country code and fits no country that we know of": gettext_lazy("has no country code and fits no country that we know of"),
    "is not an e-mail address": gettext_lazy("is not an e-mail address"),
}
SHARED = {
    "user_ids": gettext_lazy("two user ids write from it in turn"),
    "names": gettext_lazy("stated for people of different names"),
    "staff": gettext_lazy("said by staff"),
}
EVIDENCE = {
    "replied": gettext_lazy("the person wrote from it"),
    "replied_alike": gettext_lazy("somebody of the same name wrote from it"),
    "delivered": gettext_lazy("a message arrived there"),
    "country": gettext_lazy("the country on record"),
    "address": gettext_lazy("the address"),
    "language": gettext_lazy("the language"),
    "kana": gettext_lazy("a name in kana"),
    "script": gettext_lazy("the script of the name"),
    "surname": gettext_lazy("the spelling of the surname"),
    "origin": gettext_lazy("nearly all numbers from the same source"),
    "origin_mostly": gettext_lazy("most numbers from the same source"),
    "connection": gettext_lazy("the country of the connection"),
    "mobile": gettext_lazy("a mobile number"),
}


def reason(stored: str) -> str:
    return str(REASONS.get(stored, stored))


def shared(code: str) -> str:
    return str(SHARED.get(code, code))


def evidence(pieces: Iterable[Mapping[str, Any]]) -> list[str]:
    """'the country on record (HK): +852…'."""
    lines = []
    for piece in pieces:
        code, seen = str(piece.get("code", "")), str((piece.get("with") or {}).get("seen", ""))
        what = str(EVIDENCE.get(code, code)) + (f" ({seen})" if seen else "")
        lines.append(_("%(what)s: %(numbers)s") % {"what": what, "numbers": ", ".join(piece.get("for", ()))})
    return lines

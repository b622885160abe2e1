"""Where a consent was given or taken back, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.contacts.consents import BY_HAND
from scrm.contacts.models import Consent

SOURCES: dict[str, str | Promise] = {
    "message": gettext_lazy("wrote it in a message"),
    "platform": gettext_lazy("told by the platform"),
    BY_HAND: gettext_lazy("entered by staff"),
    "before_erasure": gettext_lazy("declined before their data were erased"),
    "webhook": gettext_lazy("told by the platform"),
    "crm": gettext_lazy("from the CRM"),
    "api": gettext_lazy("partner's API"),
}


def source_name(source: str) -> str:
    kind, _colon, which = source.partition(":")
    if kind == "import":
        return _("import %(number)s") % {"number": which} if which else _("imported")
    return str(SOURCES.get(kind, source))


def message_of(proof: Consent) -> int:
    """The message that a consent was read from."""
    kind, _colon, number = proof.evidence.partition(":")
    return int(number) if kind == "message" and number.isdecimal() else 0

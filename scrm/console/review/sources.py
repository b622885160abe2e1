"""Where a value came from, in words. Sources are those of `contacts.fields`: person, channel:<slug>, crm:<slug>, import:<id> and so on."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.connections.models import Connection

PLAIN: dict[str, str | Promise] = {
    "person": gettext_lazy("staff"),
    "geocoder": gettext_lazy("postal code table"),
    "created": gettext_lazy("as the record was made"),
    "assumed": gettext_lazy("worked out from the number"),
    "merge": gettext_lazy("chosen at a merge"),
    "unread": gettext_lazy("a chat unread for a day"),
}


class Sources:
    """Words for many sources with one query."""

    def __init__(self, sources: Iterable[str]) -> None:
        slugs = {slug for kind, slug in map(_parts, sources) if kind in {"channel", "crm"} and slug}
        self._labels = dict(Connection.objects.filter(slug__in=slugs).values_list("slug", "label")) if slugs else {}

    def words(self, source: str) -> str:
        kind, which = _parts(source)
        if kind in {"channel", "crm"}:
            return str(self._labels.get(which, which or kind))
        if kind == "import":
            return _("import %(number)s") % {"number": which}
        if kind == "api":
            return _("partner's API")
        return str(PLAIN.get(kind, source))


def _parts(source: str) -> tuple[str, str]:
    kind, _colon, which = source.partition(":")
    return kind, which

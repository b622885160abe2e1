"""The weekly mapping reports: what became of each mapped field, and the records behind each figure."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from scrm.connections.models import Connection
from scrm.console.access import seen
from scrm.sync import mapping_report
from scrm.sync.models import ExternalRecord, MappedField, Push

WEEKS = 12
WORDS = {"empty": gettext_noop("empty"), "refused": gettext_noop("refused"), "differing": gettext_noop("differing")}


def page(request: HttpRequest) -> HttpResponse:
    """The week that is asked for, else the newest, of each CRM."""
    mine = seen(request, MappedField.objects.all())
    weeks = list(mine.order_by("-week").values_list("week", flat=True).distinct()[:WEEKS])
    week = _week(request, weeks)
    rows: dict[int, list[MappedField]] = defaultdict(list)
    for row in mine.filter(week=week).order_by("connection", "pk") if week else ():
        rows[row.connection_id].append(row)
    crms = Connection.objects.filter(pk__in=rows).defer("secrets").order_by("label")
    return _drawn(
        request,
        "mapping_report",
        _("Mapping report"),
        weeks=weeks,
        week=week,
        reports=[(crm, rows[crm.pk]) for crm in crms],
        most=mapping_report.MOST_ERRORS,
    )


def _week(request: HttpRequest, weeks: list[date]) -> date | None:
    try:
        asked = date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        return weeks[0] if weeks else None
    return asked if asked in weeks else None


def records(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """The first records that were counted so, each with its link and its write."""
    row = get_object_or_404(seen(request, MappedField.objects.select_related("connection")), pk=pk)
    if what not in WORDS:
        raise Http404
    keys = [str(each) for each in row.rows.get(what, [])]
    mine: dict[str, Any] = {"connection": row.connection, "kind": row.kind, "key__in": keys}
    links = {each.key: each for each in ExternalRecord.objects.filter(**mine)}
    writes = {each.key: each for each in Push.objects.filter(**mine)}
    shown = [(key, links.get(key), writes.get(key)) for key in keys]
    return _drawn(
        request, "mapping_records", f"{row.source} → {row.target}: {_(WORDS[what])}", row=row, shown=shown, all=getattr(row, what)
    )


def _drawn(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, f"console/{template}.html", {**admin.site.each_context(request), "title": title, **context})

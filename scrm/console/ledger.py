"""The ledger's sum on one page: received = processed + duplicate + parked + waiting, for every connection at every moment."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from scrm.intake import ledger
from scrm.intake.models import InboundItem

COLUMNS = ("received", "processed", "duplicate", "parked", "waiting", "spooled")


def sums(request: HttpRequest) -> HttpResponse:
    lines = ledger.sums()
    context = {
        **admin.site.each_context(request),
        "title": _("Ledger"),
        "lines": lines,
        "totals": {name: sum(getattr(line, name) for line in lines) for name in COLUMNS},
        "balanced": all(line.balanced for line in lines),
        "reasons": parked_reasons(),
    }
    return render(request, "console/ledger.html", context)


def parked_reasons() -> list[dict[str, Any]]:
    """Why items are parked, the most frequent reasons first."""
    rows = InboundItem.objects.filter(state=InboundItem.State.PARKED).values("reason").annotate(count=Count("pk"))
    return [dict(row) for row in rows.order_by("-count")[:20]]

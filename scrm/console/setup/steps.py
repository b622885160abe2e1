"""The steps of a set-up, and what follows when an account was entered."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from scrm.connections import services as connections
from scrm.connections.models import Connection, Probe
from scrm.connections.sentences import each_worded
from scrm.connections.trials import ADAPTER as REST
from scrm.sync import onboarding
from scrm.sync.models import FieldMapping


def tested(request: HttpRequest, row: Connection, *, back: str = "account") -> HttpResponse:
    """Call the account once: on to the next step when it answers, back with the reason when not.

    An account of which nobody has said yet where its records are cannot be called: that comes first.
    """
    if row.adapter == REST and not (row.settings or {}).get("definition"):
        return redirect("console:setup-records", row.pk)
    health = connections.check_now(row)
    values = {"name": row.label, "ms": round(health.latency.total_seconds() * 1000), "detail": each_worded(health.detail)}
    if not health.ok:
        messages.error(request, _("%(name)s does not work: %(detail)s") % values)
        return redirect(f"console:setup-{back}", row.pk)
    messages.success(request, _("%(name)s works, %(ms)s ms. %(detail)s") % values)
    if row.kind == Connection.Kind.CRM and not FieldMapping.objects.filter(connection=row).exists():
        return redirect("console:setup-fields", row.pk)
    return redirect("console:setup-overview", row.pk)


def steps_of(row: Connection, at: str) -> list[dict[str, Any]]:
    """The steps of this kind of connection, each with whether it is done."""
    worked = Probe.objects.filter(connection=row, ok=True).exists()
    steps = [{"name": "account", "label": _("Account"), "address": reverse("console:setup-account", args=[row.pk]), "done": worked}]
    if row.adapter == REST:
        said = bool((row.settings or {}).get("definition"))
        steps.append({"name": "records", "label": _("Records"), "address": reverse("console:setup-records", args=[row.pk]), "done": said})
    if row.kind == Connection.Kind.CRM:
        mapped = FieldMapping.objects.filter(connection=row).exists()
        live = onboarding.is_live(row)
        steps += [
            {"name": "fields", "label": _("Fields"), "address": reverse("console:setup-fields", args=[row.pk]), "done": mapped},
            {"name": "look", "label": _("Trial"), "address": reverse("console:setup-look", args=[row.pk]), "done": live},
        ]
    steps.append(
        {
            "name": "",
            "label": pgettext("set-up", "Live"),
            "address": reverse("console:setup-overview", args=[row.pk]),
            "done": onboarding.is_live(row),
        }
    )
    return [{**step, "here": step["name"] == at, "number": place} for place, step in enumerate(steps, 1)]

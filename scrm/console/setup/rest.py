"""'Try it': a REST connection's set-up beside one live answer, whose values are clicked to become pointers."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from connectors.crms.rest import PLAIN, Trial, parse
from connectors.errors import ConnectorError
from scrm.connections import services
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.connections.trials import ADAPTER, try_setup

LONGEST = 64 * 1024
SHOWN = 20_000


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the set-up; POST tries what was written, and saves it when asked to."""
    row = get_object_or_404(Connection, pk=pk, adapter=ADAPTER)
    text = (
        request.POST.get("definition", "")[:LONGEST] if request.method == "POST" else str((row.settings or {}).get("definition") or PLAIN)
    )
    kinds, problem = _kinds(text)
    kind = request.POST.get("kind", "") or next(iter(kinds), "contact")
    trial: Trial | None = None
    if request.method == "POST" and not problem:
        if "save" in request.POST:
            services.save_credentials(row, settings={"definition": text}, secrets={})
            messages.success(request, _("Saved."))
            return redirect("console:setup-try", pk)
        trial = try_setup(row, text, kind)
    context = {
        **admin.site.each_context(request),
        "title": _("Try it: %(name)s") % {"name": row.label},
        "row": row,
        "text": text,
        "kinds": kinds or ["contact"],
        "kind": kind,
        **seen_in(trial),
    }
    context["problem"] = problem or context["problem"]
    return render(request, "console/setup/rest.html", context)


def seen_in(trial: Trial | None) -> dict[str, Any]:
    """What the page shows of an answer: values before what is empty."""
    leaves = sorted(trial.row.items(), key=lambda each: each[1] in (None, "", [], {})) if trial else []
    return {
        "trial": trial,
        "problem": worded(trial.problem) if trial else "",
        "document": json.dumps(trial.document, ensure_ascii=False, indent=2)[:SHOWN] if trial else "",
        "leaves": [(name, json.dumps(value, ensure_ascii=False)[:120]) for name, value in leaves],
    }


def _kinds(text: str) -> tuple[list[str], str]:
    try:
        found: Any = parse(text).kinds
    except ConnectorError as error:
        return [], worded(error.title)
    return list(found), ""

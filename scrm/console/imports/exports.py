"""People out of the product: asked for with a reason, recorded, and handed out as a file."""

from __future__ import annotations

import tempfile
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.console.access import EXPORT_MANY, IMPORT, seen
from scrm.contacts import exporting
from scrm.contacts.importing import limits
from scrm.contacts.models import Contact
from scrm.core import clock

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ExportForm(forms.Form):
    search = forms.CharField(label=gettext_lazy("only people found by"), required=False, max_length=100)
    country = forms.CharField(label=gettext_lazy("only this country"), required=False, max_length=2)
    format = forms.ChoiceField(label=gettext_lazy("file"), choices=[("csv", "CSV"), ("xlsx", "XLSX")])
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=300, help_text=gettext_lazy("Kept in the audit with your name."))


def export(request: HttpRequest) -> HttpResponseBase:
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        rows = _people(request, given)
        if rows[: limits.EXPORTED_ALONE + 1].count() <= limits.EXPORTED_ALONE or request.user.has_perm(EXPORT_MANY):
            return _file(request, rows, given)
        told = _("These are more than %(most)s people, which takes a right of its own. Narrow the choice or ask somebody who has it.")
        form.add_error(None, told % {"most": f"{limits.EXPORTED_ALONE:,}"})
    shared = {"title": _("Export contacts"), "form": form, "may_import": request.user.has_perm(IMPORT)}
    return render(request, "console/imports/export.html", {**admin.site.each_context(request), **shared})


def _people(request: HttpRequest, given: dict[str, Any]) -> QuerySet[Contact]:
    found = Contact.objects.search(given["search"]) if given["search"].strip() else Contact.objects.all()
    rows = seen(request, found)
    return exporting.people(rows.filter(country=given["country"].upper()) if given["country"] else rows)


def _file(request: HttpRequest, rows: QuerySet[Contact], given: dict[str, Any]) -> HttpResponseBase:
    what = ", ".join(f"{name}: {given[name]}" for name in ("search", "country") if given[name])
    exporting.record(rows, by=request.user, what=what, form=given["format"], reason=given["reason"])
    name = f"contacts-{clock.now():%Y-%m-%d}.{given['format']}"
    if given["format"] == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(exporting.csv_lines(rows), content_type="text/csv; charset=utf-8", headers=headers)
    # Closed, and with that removed, when the answer is.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    exporting.write_xlsx(rows, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
